"""Samples and padding on their way out of a source, in order, with their absolute places."""

from collections import deque

import numpy as np

from live_whisper.audio.source import SourceChunk
from live_whisper.types.audio import Samples, Span

_NOTHING = np.zeros(0, dtype=np.float32)


class Outbox:
    """Turns pieces of any length, and stretches of lost sound, into chunks of bounded length.

    A night's padding is a number here, not an array. One thread.
    """

    def __init__(self, max_samples: int) -> None:
        self._max = max_samples
        self._pieces: deque[Samples | int] = deque()  # samples, or a count of lost ones
        self._notices: list[str] = []
        self._start = 0
        self._waiting = 0

    @property
    def position(self) -> int:
        """Absolute index of the next sample to hand out."""
        return self._start

    @property
    def waiting(self) -> int:
        """Samples not yet handed out, padding included."""
        return self._waiting

    def add(self, samples: Samples) -> None:
        """Sound."""
        if len(samples):
            self._pieces.append(samples)
            self._waiting += len(samples)

    def pad(self, count: int) -> None:
        """``count`` samples of silence for sound that was lost."""
        if count > 0:
            self._pieces.append(count)
            self._waiting += count

    def tell(self, notice: str) -> None:
        """A line for the user."""
        self._notices.append(notice)

    def drop(self) -> None:
        """Forget what has not been handed out."""
        self._pieces.clear()
        self._waiting = 0

    def take(self, *, ended: bool = False, at_most: int | None = None) -> SourceChunk:
        """The next chunk; ``ended`` counts once everything has been handed out."""
        parts: list[Samples] = []
        gaps: list[Span] = []
        at = self._start
        room = self._max if at_most is None else min(self._max, at_most)
        while self._pieces and room:
            piece = self._pieces.popleft()
            length = piece if isinstance(piece, int) else len(piece)
            now = min(length, room)
            if isinstance(piece, int):
                first = gaps.pop().start if gaps and gaps[-1].end == at else at
                gaps.append(Span(first, at + now))
                parts.append(np.zeros(now, dtype=np.float32))
                rest: Samples | int = piece - now
            else:
                parts.append(piece[:now])
                rest = piece[now:]
            if now < length:
                self._pieces.appendleft(rest)
            at, room = at + now, room - now
        samples = np.concatenate(parts) if parts else _NOTHING
        notices, self._notices = tuple(self._notices), []
        chunk = SourceChunk(
            self._start, samples, tuple(gaps), notices, ended=ended and not self._pieces
        )
        self._start, self._waiting = at, self._waiting - len(samples)
        return chunk
