"""From a checkpoint to the two graphs on disk."""

from pathlib import Path

from live_whisper.engines.onnx.builder import GraphBuilder
from live_whisper.engines.onnx.decoder_graph import build_decoder
from live_whisper.engines.onnx.encoder_graph import build_encoder
from live_whisper.engines.onnx.precision import Weights
from live_whisper.whisper.checkpoint import Checkpoint


def export_graphs(checkpoint: Checkpoint, weights: tuple[Weights, Weights], folder: Path) -> None:
    """Write ``encoder.onnx`` and ``decoder.onnx`` with their weights into a folder."""
    with (folder / "encoder.weights").open("xb") as data:
        graph = GraphBuilder("encoder", data, "encoder.weights")
        model = build_encoder(graph, checkpoint.tensors, checkpoint.dims, weights[0])
        (folder / "encoder.onnx").write_bytes(model)
    with (folder / "decoder.weights").open("xb") as data:
        graph = GraphBuilder("decoder", data, "decoder.weights")
        heads = checkpoint.generation.alignment_heads
        model = build_decoder(graph, checkpoint.tensors, checkpoint.dims, weights[1], heads)
        (folder / "decoder.onnx").write_bytes(model)
