"""Input arrays that are never freed.

Core ML wraps an input array without copying it and lets go of it later, from a thread of its own
that does not hold the interpreter lock (coremltools issues 2827 and 2829). An array that this
module keeps for the life of the process cannot be freed there. Buffers that an engine gives back
are used again by the next one, so reloading a model does not add memory.
"""

import threading
from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_lock = threading.Lock()
_kept: list[Array] = []
_free: defaultdict[tuple[tuple[int, ...], str], list[Array]] = defaultdict(list)


def take_buffer(shape: tuple[int, ...], dtype: type[np.generic]) -> Array:
    """A zeroed, C-contiguous array of the caller's until ``give_back``. Any thread."""
    with _lock:
        waiting = _free[(shape, np.dtype(dtype).str)]
        if waiting:
            buffer = waiting.pop()
            buffer[...] = 0
            return buffer
        buffer = np.zeros(shape, dtype)
        _kept.append(buffer)
        return buffer


def give_back(buffers: list[Array]) -> None:
    """Let later engines use these. Any thread."""
    with _lock:
        for buffer in buffers:
            waiting = _free[(buffer.shape, buffer.dtype.str)]
            if not any(buffer is other for other in waiting):
                waiting.append(buffer)
