"""A small writer of ONNX graphs whose weights go straight into one file beside them.

Only imported when a graph has to be built: ``onnx`` costs a tenth of a second.
"""

from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

OPSET = 20
IR_VERSION = 10
CONTRIB = "com.microsoft"
_ALIGNMENT = 64
_INLINE_BYTES = 256

_TYPES = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.uint8): TensorProto.UINT8,
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.int32): TensorProto.INT32,
    np.dtype(np.int64): TensorProto.INT64,
}


class GraphBuilder:
    """Collects nodes, inputs, outputs and weights of one graph. One thread."""

    def __init__(self, name: str, data: IO[bytes], data_name: str) -> None:
        """``data``: where large weights are written; ``data_name``: its name beside the graph."""
        self._name = name
        self._data = data
        self._data_name = data_name
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._known: set[str] = set()

    def input(self, name: str, dtype: type[np.generic], shape: Sequence[int | str]) -> str:
        """Declare an input; strings name free dimensions."""
        kind = _TYPES[np.dtype(dtype)]
        self._inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def output(self, name: str, shape: Sequence[int | str]) -> str:
        """Declare a float32 output."""
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))
        return name

    def weight(self, name: str, value: npt.NDArray[np.generic]) -> str:
        """A constant; stored once per name."""
        if name in self._known:
            return name
        self._known.add(name)
        value = np.ascontiguousarray(value)
        tensor = TensorProto(name=name, data_type=_TYPES[value.dtype], dims=value.shape)
        raw = value.tobytes() if value.nbytes <= _INLINE_BYTES else b""
        if raw or not value.size:
            tensor.raw_data = raw
        else:
            self._data.write(b"\0" * (-self._data.tell() % _ALIGNMENT))
            tensor.data_location = TensorProto.EXTERNAL
            for key, number in (("offset", self._data.tell()), ("length", value.nbytes)):
                tensor.external_data.add(key=key, value=str(number))
            tensor.external_data.add(key="location", value=self._data_name)
            self._data.write(value.data)
        self._initializers.append(tensor)
        return name

    def ints(self, *values: int) -> str:
        """A constant int64 vector."""
        return self.weight("ints_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def op(
        self,
        kind: str,
        inputs: Sequence[str],
        output: str | Sequence[str] = "",
        attributes: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a node, ``com.microsoft:X`` for a contrib operator; returns its first output."""
        domain, _, op_type = kind.rpartition(":")
        names = [output] if isinstance(output, str) else list(output)
        names[0] = names[0] or f"{op_type}_{len(self._nodes)}"
        node = helper.make_node(
            op_type,
            list(inputs),
            names,
            name=f"{op_type}_{len(self._nodes)}",
            domain=domain,
            **(attributes or {}),
        )
        self._nodes.append(node)
        return names[0]

    def finish(self) -> bytes:
        """The serialised model."""
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, self._initializers
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)],
            ir_version=IR_VERSION,
            producer_name="live-whisper",
        )
        return bytes(model.SerializeToString())
