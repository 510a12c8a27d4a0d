"""The decoder with past as an ONNX graph.

Architecture: openai/whisper ``model.TextDecoder``. The key/value cache is a buffer of the whole
text context that the graph writes in place (``GroupQueryAttention`` with past and present sharing
memory), so a step copies nothing and forgetting ids is changing a number.

Inputs: ``tokens`` and ``positions`` (1, n) int32; ``last_index`` (1,) int32, ids in the cache
after this call minus one; ``total`` (1,) int32, ids in the cache after this call;
``past_k{i}``/``past_v{i}`` (1, heads, n_text_ctx, size); ``cross_k{i}``/``cross_v{i}``.
Outputs: ``logits`` (1, 1, n_vocab) of the last id; ``present_k{i}``/``present_v{i}``, to be bound
to the memory of the past; ``attention`` (1, alignment heads, n, encoder positions), after softmax.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from live_whisper.engines.onnx.builder import CONTRIB, GraphBuilder
from live_whisper.engines.onnx.layers import Array, Layers
from live_whisper.engines.onnx.precision import Weights
from live_whisper.whisper.dims import Dims
from live_whisper.whisper.layout import DECODER, EMBEDDING, HEAD

_SMALL_HEAD = 8_000_000  # weights; 32 MB as float32
_LARGEST_ROW = 8.0  # times the median row


def build_decoder(
    graph: GraphBuilder,
    tensors: Mapping[str, Array],
    dims: Dims,
    weights: Weights,
    alignment_heads: Sequence[tuple[int, int]],
) -> bytes:
    """The serialised graph; rows of ``attention`` are in the order of ``alignment_heads``."""
    layers = Layers(graph, tensors, weights)
    x = _embed(layers)
    graph.input("last_index", np.int32, [1])
    graph.input("total", np.int32, [1])
    rows: dict[int, str] = {}
    for i in range(dims.n_text_layer):
        name = f"{DECODER}layers.{i}."
        x = _self_attention(layers, x, i, dims)
        x, rows[i] = _cross_attention(
            layers, x, i, dims, explicit=any(layer == i for layer, _ in alignment_heads)
        )
        x = layers.feed_forward(x, name)
    _alignment(layers, rows, alignment_heads)
    _logits(layers, x, dims)
    return graph.finish()


def _embed(layers: Layers) -> str:
    graph, table = layers.graph, DECODER + "embed_positions.weight"
    tokens = graph.input("tokens", np.int32, [1, "n"])
    positions = graph.input("positions", np.int32, [1, "n"])
    words = graph.op("Gather", [graph.weight(EMBEDDING, layers.tensors[EMBEDDING]), tokens])
    places = graph.op("Gather", [graph.weight(table, layers.tensors[table]), positions])
    return layers.add(words, places)


def _self_attention(layers: Layers, x: str, i: int, dims: Dims) -> str:
    graph, name = layers.graph, f"{DECODER}layers.{i}.self_attn"
    size = dims.n_text_state // dims.n_text_head
    shape = [1, dims.n_text_head, dims.n_text_ctx, size]
    packed = layers.packed_projections(layers.norm(x, name + "_layer_norm"), name)
    past = [graph.input(f"past_{part}{i}", np.float32, shape) for part in "kv"]
    present = [graph.output(f"present_{part}{i}", shape) for part in "kv"]
    attended = graph.op(
        f"{CONTRIB}:GroupQueryAttention",
        [packed, "", "", *past, "last_index", "total"],
        ["", *present],
        {"num_heads": dims.n_text_head, "kv_num_heads": dims.n_text_head},
    )
    return layers.add(x, layers.linear(attended, name + ".out_proj"))


def _cross_attention(
    layers: Layers, x: str, i: int, dims: Dims, *, explicit: bool
) -> tuple[str, str]:
    """The layer's output and, where asked for, the softmax weights (1, heads, n, positions)."""
    graph, name, heads = layers.graph, f"{DECODER}layers.{i}.encoder_attn", dims.n_text_head
    size = dims.n_text_state // heads
    q = layers.linear(layers.norm(x, name + "_layer_norm"), name + ".q_proj")
    keys, values = (
        graph.input(f"cross_{part}{i}", np.float32, [1, heads, "encoder_positions", size])
        for part in "kv"
    )
    weights = ""
    if explicit:
        scale = graph.weight("attention_scale", np.array(size**-0.5, dtype=np.float32))
        split = layers.split_heads(graph.op("Mul", [q, scale]), heads, size)
        turned = graph.op("Transpose", [keys], attributes={"perm": [0, 1, 3, 2]})
        weights = graph.op(
            "Softmax", [graph.op("MatMul", [split, turned])], attributes={"axis": -1}
        )
        mixed = graph.op("MatMul", [weights, values])
        joined = graph.op("Transpose", [mixed], attributes={"perm": [0, 2, 1, 3]})
        attended = graph.op("Reshape", [joined, graph.ints(1, -1, dims.n_text_state)])
    else:
        attended = layers.attention(q, keys, values, heads)
    return layers.add(x, layers.linear(attended, name + ".out_proj")), weights


def _alignment(
    layers: Layers, rows: Mapping[int, str], alignment_heads: Sequence[tuple[int, int]]
) -> None:
    graph = layers.graph
    picked = [
        graph.op("Gather", [rows[layer], graph.ints(head)], attributes={"axis": 1})
        for layer, head in alignment_heads
    ]
    output = graph.output("attention", [1, len(picked), "n", "encoder_positions"])
    graph.op("Concat", picked, output, {"axis": 1})


def _logits(layers: Layers, x: str, dims: Dims) -> None:
    graph = layers.graph
    last = graph.op("Gather", [x, graph.ints(-1)], attributes={"axis": 1})
    state = layers.norm(last, DECODER + "layer_norm")
    head = layers.tensors[HEAD if HEAD in layers.tensors else EMBEDDING]
    output = graph.output("logits", [1, 1, dims.n_vocab])
    exact = Layers(graph, layers.tensors, "float32")
    chosen = layers if _head_can_be_quantized(head) else exact
    chosen.matmul(state, "head", head.T, output=output)


def _head_can_be_quantized(head: Array) -> bool:
    """Not where it is small anyway, nor where some rows are far larger than others.

    Rows of tokens that were never trained can be huge and cancel out to a low logit; eight bits
    break the cancellation and let such a token win.
    """
    if head.size <= _SMALL_HEAD:
        return False
    norms = np.linalg.norm(head, axis=1)
    return bool(norms.max() <= _LARGEST_ROW * np.median(norms))
