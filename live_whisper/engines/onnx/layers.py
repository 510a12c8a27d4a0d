"""The parts both graphs share: linear maps, norms, feed-forward blocks, heads."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from live_whisper.engines.onnx.builder import CONTRIB, GraphBuilder
from live_whisper.engines.onnx.precision import Weights
from live_whisper.engines.onnx.quantize import Quantizer

Array = npt.NDArray[np.float32]
EPSILON = 1e-5  # torch.nn.LayerNorm's default, which Whisper was trained with


@dataclass(frozen=True, slots=True)
class Layers:
    """Writes a checkpoint's layers into a graph."""

    graph: GraphBuilder
    tensors: Mapping[str, Array]
    """By their Hugging Face names."""
    weights: Weights
    _quantizers: dict[Weights, Quantizer] = field(default_factory=dict)

    def linear(self, x: str, name: str, output: str = "") -> str:
        """``x @ W.T + b`` for a Hugging Face linear layer (weights are (out, in))."""
        bias = self.tensors.get(name + ".bias")
        return self.matmul(x, name, self.tensors[name + ".weight"].T, bias, output)

    def matmul(
        self, x: str, name: str, weight: Array, bias: Array | None = None, output: str = ""
    ) -> str:
        """``x @ weight + bias``, weight (in, out), in the graph's number format."""
        if self.weights != "float32":
            quantizer = self._quantizers.setdefault(
                self.weights, Quantizer(self.graph, self.weights)
            )
            return quantizer.matmul(x, name, weight, bias, output)
        product = self.graph.op(
            "MatMul",
            [x, self.graph.weight(name + ".weight", weight)],
            output if bias is None else "",
        )
        if bias is None:
            return product
        return self.graph.op("Add", [product, self.graph.weight(name + ".bias", bias)], output)

    def projections(self, x: str, attention: str) -> tuple[str, str, str]:
        """Query, key and value of self-attention, each (1, n, d)."""
        q, k, v = (self.linear(x, f"{attention}.{part}_proj") for part in "qkv")
        return q, k, v

    def packed_projections(self, x: str, attention: str) -> str:
        """Query, key and value side by side, (1, n, 3 d), from one product."""
        weights = [self.tensors[f"{attention}.{part}_proj.weight"] for part in "qkv"]
        biases = [
            self.tensors.get(f"{attention}.{part}_proj.bias", np.zeros(len(weight), np.float32))
            for part, weight in zip("qkv", weights, strict=True)
        ]
        packed = np.concatenate(weights).T
        return self.matmul(x, f"{attention}.qkv_proj", packed, np.concatenate(biases))

    def norm(self, x: str, name: str, output: str = "") -> str:
        """Layer normalisation over the last axis."""
        return self.graph.op(
            "LayerNormalization",
            [
                x,
                self.graph.weight(name + ".weight", self.tensors[name + ".weight"]),
                self.graph.weight(name + ".bias", self.tensors[name + ".bias"]),
            ],
            output,
            {"axis": -1, "epsilon": EPSILON},
        )

    def add(self, x: str, y: str, output: str = "") -> str:
        """Element-wise sum."""
        return self.graph.op("Add", [x, y], output)

    def feed_forward(self, x: str, layer: str) -> str:
        """``x + fc2(gelu(fc1(norm(x))))``, the exact (erf) Gelu."""
        inner = self.linear(self.norm(x, layer + "final_layer_norm"), layer + "fc1")
        return self.add(x, self.linear(self.graph.op("Gelu", [inner]), layer + "fc2"))

    def split_heads(self, x: str, heads: int, size: int, output: str = "") -> str:
        """(1, n, heads x size) to (1, heads, n, size)."""
        parts = self.graph.op("Reshape", [x, self.graph.ints(1, -1, heads, size)])
        return self.graph.op("Transpose", [parts], output, {"perm": [0, 2, 1, 3]})

    def attention(self, q: str, k: str, v: str, heads: int) -> str:
        """Softmax attention without a mask; keys and values (1, n, d) or (1, heads, n, size)."""
        return self.graph.op(
            f"{CONTRIB}:MultiHeadAttention", [q, k, v], attributes={"num_heads": heads}
        )
