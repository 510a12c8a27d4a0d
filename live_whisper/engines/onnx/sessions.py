"""Opening ONNX Runtime sessions and turning its failures into one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnxruntime as ort

from live_whisper.errors import EngineError, ModelError, first_line

_ERRORS_ONLY = 3


def open_session(path: Path, threads: int) -> ort.InferenceSession:
    """A session on the CPU. Raises ``ModelError`` where the runtime refuses the graph."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Idle threads sleep: between windows the processor belongs to others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's exceptions have no common base but Exception
        raise ModelError(f"ONNX Runtime cannot load {path.name}: {first_line(error)}.") from error


@contextmanager
def running(what: str) -> Iterator[None]:
    """Turn whatever the runtime raises into an ``EngineError``."""
    try:
        yield
    except Exception as error:
        raise EngineError(f"{what} failed on ONNX Runtime: {first_line(error)}.") from error
