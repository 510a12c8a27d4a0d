"""The newest part of the recording in memory, addressed by absolute sample index."""

import threading

import numpy as np

from live_whisper.types.audio import Samples, Span


class SpanNotHeldError(LookupError):
    """The ring no longer holds, or does not yet hold, part of a span. Ask the spool."""

    def __init__(self, wanted: Span, held: Span) -> None:
        super().__init__(
            f"samples [{wanted.start}, {wanted.end}) are not in the ring, "
            f"which holds [{held.start}, {held.end})"
        )
        self.wanted = wanted
        self.held = held


class AudioRing:
    """The last ``capacity_samples`` samples of a stream. One writing thread, any reading threads.

    Memory is allocated once. Both methods take a lock for the length of one copy.
    """

    def __init__(self, capacity_samples: int, *, start: int = 0) -> None:
        if capacity_samples <= 0:
            raise ValueError(f"a ring of {capacity_samples} samples holds nothing")
        if start < 0:
            raise ValueError(f"a stream cannot begin at sample {start}")
        self._data = np.zeros(capacity_samples, dtype=np.float32)
        self._first = start
        self._end = start
        self._lock = threading.Lock()

    @property
    def capacity(self) -> int:
        """Samples that fit."""
        return len(self._data)

    @property
    def oldest(self) -> int:
        """Absolute index of the oldest sample still held."""
        return self.held.start

    @property
    def end(self) -> int:
        """Absolute index just after the newest sample."""
        return self._end

    @property
    def held(self) -> Span:
        """What can be read at this moment."""
        with self._lock:
            return self._held()

    def append(self, samples: Samples) -> None:
        """Add samples, shape (n,), float32, at ``end``; the oldest fall out. Writing thread."""
        if samples.ndim != 1:
            raise ValueError(f"mono samples have one dimension, not {samples.ndim}")
        with self._lock:
            # Of a block longer than the ring only the tail can stay; the index counts all of it.
            kept = samples[-self.capacity :] if len(samples) else samples
            at = (self._end + len(samples) - len(kept)) % self.capacity
            head = min(len(kept), self.capacity - at)
            self._data[at : at + head] = kept[:head]
            self._data[: len(kept) - head] = kept[head:]
            self._end += len(samples)

    def read(self, span: Span) -> Samples:
        """A copy of the samples of ``span``. Raises ``SpanNotHeldError`` unless all are held."""
        with self._lock:
            held = self._held()
            if span.start < held.start or span.end > held.end:
                raise SpanNotHeldError(span, held)
            out = np.empty(span.length, dtype=np.float32)
            at = span.start % self.capacity
            head = min(span.length, self.capacity - at)
            out[:head] = self._data[at : at + head]
            out[head:] = self._data[: span.length - head]
            return out

    def _held(self) -> Span:
        return Span(max(self._first, self._end - self.capacity), self._end)
