"""int8 linear maps."""

import numpy as np
import numpy.typing as npt

from live_whisper.engines.onnx.builder import CONTRIB, GraphBuilder

Array = npt.NDArray[np.float32]
_BLOCK = 32


def add_quantized_matmul(
    graph: GraphBuilder, x: str, name: str, weight: Array, bias: Array | None, output: str
) -> str:
    """``x @ weight + bias`` with the weight (in, out) in 8 bits, a scale for each block.

    Weights are unsigned around 128; the runtime quantises ``x`` block by block as it goes.
    """
    inputs, outputs = weight.shape
    quantized, scales = quantize_blocks(weight.T, _BLOCK)
    operands = [
        x,
        graph.weight(name + ".quantized", quantized),
        graph.weight(name + ".scales", scales.reshape(-1)),
    ]
    if bias is not None:
        operands += ["", "", graph.weight(name + ".bias", bias)]
    attributes = {"K": inputs, "N": outputs, "bits": 8, "block_size": _BLOCK, "accuracy_level": 4}
    return graph.op(f"{CONTRIB}:MatMulNBits", operands, output, attributes)


def quantize_blocks(weight: Array, block: int) -> tuple[npt.NDArray[np.uint8], Array]:
    """(out, in) as uint8 around 128, shape (out, blocks, block), and scales (out, blocks)."""
    rows, columns = weight.shape
    blocks = -(-columns // block)
    padded = np.zeros((rows, blocks * block), dtype=np.float32)
    padded[:, :columns] = weight
    parts = padded.reshape(rows, blocks, block)
    scales = np.abs(parts).max(axis=2) / np.float32(127)
    safe = np.where(scales > 0, scales, np.float32(1))
    quantized = np.rint(parts / safe[:, :, None]) + 128
    return quantized.astype(np.uint8), scales
