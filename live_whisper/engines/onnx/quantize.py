"""Linear maps with 8-bit weights, in the two ways the runtime is fast at.

``dynamic``: activations are quantised per tensor to 8 bits as they come, weights per output column
(Jacob et al. 2018). Fastest for many rows (the encoder). Signed weights are fastest where the
processor has VNNI or NEON; x86 without VNNI adds pairs of products in 16 bits, which overflow for
signed weights of full range, so it gets unsigned ones.

``blocks``: one scale for every 128 inputs of a column, activations likewise. As fast for single
rows (the decoder), and more accurate.
"""

import numpy as np
import numpy.typing as npt

from live_whisper.engines.onnx.builder import CONTRIB, GraphBuilder
from live_whisper.engines.onnx.precision import Weights

Array = npt.NDArray[np.float32]
BLOCK = 128


def quantize_columns(
    weight: Array, *, signed: bool
) -> tuple[npt.NDArray[np.uint8] | npt.NDArray[np.int8], Array]:
    """(in, out) as int8, or as uint8 around 128, and the scale of each column, (out,)."""
    scales = _safe(np.abs(weight).max(axis=0) / np.float32(127))
    rounded = np.rint(weight / scales)
    return (rounded.astype(np.int8) if signed else (rounded + 128).astype(np.uint8)), scales


def quantize_blocks(weight: Array, block: int) -> tuple[npt.NDArray[np.uint8], Array]:
    """(out, in) as uint8 around 128, shape (out, blocks, block), and scales (out, blocks)."""
    rows, columns = weight.shape
    blocks = -(-columns // block)
    padded = np.zeros((rows, blocks * block), dtype=np.float32)
    padded[:, :columns] = weight
    parts = padded.reshape(rows, blocks, block)
    scales = _safe(np.abs(parts).max(axis=2) / np.float32(127))
    return (np.rint(parts / scales[:, :, None]) + 128).astype(np.uint8), scales


def _safe(scales: Array) -> Array:
    return np.where(scales > 0, scales, np.float32(1))


class Quantizer:
    """Writes quantised linear maps; an input that several maps share is quantised once."""

    def __init__(self, graph: GraphBuilder, weights: Weights) -> None:
        self._graph = graph
        self._weights = weights
        self._inputs: dict[str, tuple[str, str, str]] = {}

    def matmul(self, x: str, name: str, weight: Array, bias: Array | None, output: str) -> str:
        """``x @ weight + bias``, weight (in, out)."""
        if self._weights == "blocks":
            return self._blocks(x, name, weight, bias, output)
        graph = self._graph
        quantized, scales = quantize_columns(weight, signed=self._weights == "signed")
        zero = np.full(scales.shape, 0 if self._weights == "signed" else 128, quantized.dtype)
        data, scale, offset = self._input(x)
        operands = [
            data,
            graph.weight(name + ".quantized", quantized),
            scale,
            graph.weight(name + ".scales", scales),
            offset,
            graph.weight(name + ".zeros", zero),
        ]
        if bias is not None:
            operands.append(graph.weight(name + ".bias", bias))
        return graph.op(f"{CONTRIB}:MatMulIntegerToFloat", operands, output)

    def _input(self, x: str) -> tuple[str, str, str]:
        if x not in self._inputs:
            names = (x + "_quantized", x + "_scale", x + "_zero")
            self._graph.op("DynamicQuantizeLinear", [x], names)
            self._inputs[x] = names
        return self._inputs[x]

    def _blocks(self, x: str, name: str, weight: Array, bias: Array | None, output: str) -> str:
        graph = self._graph
        inputs, outputs = weight.shape
        quantized, scales = quantize_blocks(weight.T, BLOCK)
        operands = [
            x,
            graph.weight(name + ".quantized", quantized),
            graph.weight(name + ".scales", scales.reshape(-1)),
        ]
        if bias is not None:
            operands += ["", "", graph.weight(name + ".bias", bias)]
        attributes = {
            "K": inputs,
            "N": outputs,
            "bits": 8,
            "block_size": BLOCK,
            "accuracy_level": 4,  # activations in 8 bits
        }
        return graph.op(f"{CONTRIB}:MatMulNBits", operands, output, attributes)
