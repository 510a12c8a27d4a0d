"""Opening ONNX Runtime sessions and turning its failures into one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnxruntime as ort

from live_whisper.errors import EngineError, ModelError

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
        raise ModelError(f"ONNX Runtime cannot load {path.name}: {one_line(error)}.") from error


@contextmanager
def running(what: str) -> Iterator[None]:
    """Turn whatever the runtime raises into an ``EngineError``."""
    try:
        yield
    except Exception as error:
        raise EngineError(f"{what} failed on ONNX Runtime: {one_line(error)}.") from error


def one_line(error: BaseException) -> str:
    """An exception's first line without control characters, at most 200 characters."""
    first = str(error).strip().splitlines()[:1]
    text = first[0] if first else type(error).__name__
    return "".join(c for c in text if c.isprintable())[:200].rstrip(". ")
