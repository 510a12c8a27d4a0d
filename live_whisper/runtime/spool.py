"""The lane's view of the spool: writes, reads back, and says once when the disk fails."""

from collections.abc import Callable

from live_whisper.audio.spool import SpoolReader, SpoolWriter, holes
from live_whisper.types.audio import Samples, Span
from live_whisper.units import SAMPLE_RATE

LOOK_SAMPLES = 10 * SAMPLE_RATE


class LaneSpool:
    """Writer and reader of one folder. ``append`` belongs to the audio thread, ``read`` to any."""

    def __init__(
        self,
        writer: SpoolWriter,
        reader: SpoolReader,
        *,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        """``has_room`` is asked every ten seconds of audio: what is left is for the captions."""
        self._writer = writer
        self._reader = reader
        self._has_room = has_room
        self._room = True
        self._look_at = 0
        self._failing = False

    def append(self, samples: Samples) -> str | None:
        """Write samples; a line for the user when the disk begins or ceases to fail."""
        if self._writer.end >= self._look_at:
            self._look_at = self._writer.end + LOOK_SAMPLES
            self._room = self._has_room()
        kept = self._writer.append(samples) if self._room else self._writer.skip(samples)
        if kept is not self._failing:
            return None
        self._failing = not kept
        if kept:
            return "The recording is being written to disk again."
        why = self._writer.failure or "the disk is nearly full"
        return f"The recording is not on disk at the moment ({why}); captions go on."

    def read(self, span: Span) -> Samples:
        """Audio that memory no longer holds; what the disk lacks is silence."""
        return self._reader.read(span, fill=True)

    def missing(self, span: Span) -> tuple[Span, ...]:
        """What the disk lacks, and what it could not give when it was read."""
        bad = (_common(span, piece) for piece in tuple(self._reader.unreadable))
        lacking = (*holes(span, self._reader.coverage()), *(piece for piece in bad if piece.length))
        return tuple(sorted(lacking))

    def close(self) -> None:
        """Bring everything to the disk."""
        self._writer.close()


class PastSpool:
    """The spool of a recording that is taken up again: it has everything, and grows no more."""

    def __init__(self, reader: SpoolReader) -> None:
        self._reader = reader

    def append(self, samples: Samples) -> str | None:
        """It was written when it was heard."""
        del samples
        return None

    def read(self, span: Span) -> Samples:
        """Audio from disk; silence where the disk has none."""
        return self._reader.read(span, fill=True)

    def missing(self, span: Span) -> tuple[Span, ...]:
        """Nothing new: the source told of what the disk lacks."""
        del span
        return ()

    def close(self) -> None:
        """Nothing is open."""


def _common(one: Span, other: Span) -> Span:
    start = max(one.start, other.start)
    return Span(start, max(start, min(one.end, other.end)))
