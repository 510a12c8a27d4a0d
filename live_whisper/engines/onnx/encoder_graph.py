"""The encoder as an ONNX graph, ending in the decoder's cross-attention keys and values.

Architecture: Radford et al. 2022, section 2.2; openai/whisper ``model.AudioEncoder``.
Input ``mel`` (1, n_mels, frames); outputs ``hidden`` (1, positions, d) and, for each decoder layer
i, ``cross_k{i}`` and ``cross_v{i}`` (1, heads, positions, d/heads).
"""

from collections.abc import Mapping

import numpy as np

from live_whisper.engines.onnx.builder import GraphBuilder
from live_whisper.engines.onnx.layers import Array, Layers
from live_whisper.engines.onnx.precision import Weights
from live_whisper.whisper.dims import Dims
from live_whisper.whisper.layout import DECODER, ENCODER


def build_encoder(
    graph: GraphBuilder, tensors: Mapping[str, Array], dims: Dims, weights: Weights
) -> bytes:
    """The serialised graph; weights go through ``graph`` to its data file."""
    layers = Layers(graph, tensors, weights)
    mel = graph.input("mel", np.float32, [1, dims.n_mels, "frames"])
    x = _convolution(layers, mel, "conv1", stride=1)
    x = _convolution(layers, x, "conv2", stride=2)
    x = graph.op("Transpose", [x], attributes={"perm": [0, 2, 1]})
    x = layers.add(x, _positions(layers, x))
    for i in range(dims.n_audio_layer):
        x = _layer(layers, x, f"{ENCODER}layers.{i}.", dims.n_audio_head)
    layers.norm(
        x, ENCODER + "layer_norm", graph.output("hidden", [1, "positions", dims.n_audio_state])
    )
    size = dims.n_text_state // dims.n_text_head
    for i in range(dims.n_text_layer):
        for part in "kv":
            projected = layers.linear("hidden", f"{DECODER}layers.{i}.encoder_attn.{part}_proj")
            output = graph.output(f"cross_{part}{i}", [1, dims.n_text_head, "positions", size])
            layers.split_heads(projected, dims.n_text_head, size, output)
    return graph.finish()


def _convolution(layers: Layers, x: str, name: str, *, stride: int) -> str:
    graph, full = layers.graph, ENCODER + name
    weights = [
        graph.weight(f"{full}.{part}", layers.tensors[f"{full}.{part}"])
        for part in ("weight", "bias")
    ]
    y = graph.op("Conv", [x, *weights], attributes={"pads": [1, 1], "strides": [stride]})
    return graph.op("Gelu", [y])


def _positions(layers: Layers, x: str) -> str:
    """The first rows of the position table, as many as ``x`` has."""
    graph, name = layers.graph, ENCODER + "embed_positions.weight"
    table = graph.weight(name, layers.tensors[name])
    count = graph.op("Shape", [x], attributes={"start": 1, "end": 2})
    return graph.op("Slice", [table, graph.ints(0), count, graph.ints(0)])


def _layer(layers: Layers, x: str, name: str, heads: int) -> str:
    attention = name + "self_attn"
    q, k, v = layers.projections(layers.norm(x, attention + "_layer_norm"), attention)
    attended = layers.attention(q, k, v, heads)
    x = layers.add(x, layers.linear(attended, attention + ".out_proj"))
    return layers.feed_forward(x, name)
