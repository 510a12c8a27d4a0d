"""A spooled recording as an ``AudioSource`` that begins where a run stopped."""

from pathlib import Path

import numpy as np

from live_whisper.audio.source import SourceChunk
from live_whisper.audio.spool import SpoolReader, holes
from live_whisper.types.audio import Span
from live_whisper.units import SAMPLE_RATE

_CHUNK_SAMPLES = 2 * SAMPLE_RATE
"""Chunks end at multiples of this, as those of a media file read from its beginning do."""


class SpoolSource:
    """Hands out ``[start, end)`` of a spool, as fast as it is read. One thread.

    What the disk lacks is silence and a gap; ``end`` may lie behind the spool's own end, where a
    power cut took audio that had been captioned already.
    """

    def __init__(self, folder: Path, name: str, *, start: int, end: int) -> None:
        self._reader = SpoolReader(folder)
        self._name = name
        self._position = start
        self._end = max(start, end)
        self._ended = False
        self._held = self._reader.coverage()

    @property
    def name(self) -> str:
        """What the recording was made from."""
        return self._name

    @property
    def live(self) -> bool:
        """Never: the audio waits."""
        return False

    @property
    def ended(self) -> bool:
        """Whether everything was handed out."""
        return self._ended

    def open(self) -> None:
        """Nothing to open: the parts are opened as they are read."""

    def read(self, timeout_ns: int) -> SourceChunk:
        """The next two seconds at most."""
        del timeout_ns
        start = self._position
        whole = start - start % _CHUNK_SAMPLES + _CHUNK_SAMPLES
        span = Span(start, min(whole, self._end))
        # like a file's reader, which learns only from the next read that nothing follows
        self._ended = span.end < whole
        self._position = span.end
        samples = self._reader.read(span, fill=True) if span.length else np.zeros(0, np.float32)
        return SourceChunk(start, samples, gaps=holes(span, self._held), ended=self._ended)

    def stop(self) -> None:
        """What was recorded is not cut short; the session leaves it instead."""

    def close(self) -> None:
        """Nothing is open."""
