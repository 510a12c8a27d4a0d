"""What every input looks like to the runtime."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from live_whisper.types.audio import Samples, Span


@dataclass(frozen=True, slots=True)
class SourceChunk:
    """The next samples of an input, and what happened to it meanwhile."""

    start: int
    """Absolute index of the first sample; chunks follow each other without a hole."""
    samples: Samples
    """Shape (n,), float32, 16 kHz mono, on the 16-bit grid. May be empty (the wait timed out)."""
    gaps: tuple[Span, ...] = ()
    """Spans inside this chunk whose sound was lost; they are filled with silence so that later
    times hold. Only a failing device or a damaged file makes one."""
    notices: tuple[str, ...] = ()
    """Lines for the user, safe to print: a device was reopened, a file ended early."""
    ended: bool = False
    """Nothing will follow."""

    @property
    def end(self) -> int:
        """Absolute index just after the last sample."""
        return self.start + len(self.samples)

    @property
    def lost(self) -> int:
        """Samples of this chunk that are padding for lost sound."""
        return sum(gap.length for gap in self.gaps)


def in_steps(chunk: SourceChunk, step: int) -> Iterator[SourceChunk]:
    """The same chunk in pieces of at most ``step`` samples.

    Gaps and notices come with the first piece, the end with the last.
    """
    if len(chunk.samples) <= step:
        yield chunk
        return
    for at in range(0, len(chunk.samples), step):
        first, last = at == 0, at + step >= len(chunk.samples)
        yield replace(
            chunk,
            start=chunk.start + at,
            samples=chunk.samples[at : at + step],
            gaps=chunk.gaps if first else (),
            notices=chunk.notices if first else (),
            ended=chunk.ended and last,
        )


class AudioSource(Protocol):
    """An input, read by one thread. Sample 0 is the first sample after ``open``.

    ``open``, ``read`` and ``close`` belong to one thread; ``stop`` may be called from any.
    """

    @property
    def name(self) -> str:
        """The device's or the file's name, safe to print. Final after ``open``."""
        ...

    @property
    def live(self) -> bool:
        """Whether sound arrives at its own pace, whatever the reader does."""
        ...

    def open(self) -> None:
        """Begin: from here on a live input is captured. Raises ``InputError``, ``DeviceError``."""
        ...

    def read(self, timeout_ns: int) -> SourceChunk:
        """Wait at most about ``timeout_ns`` and return what there is, at most a few seconds of it.

        Raises ``InputError`` or ``DeviceError`` only where nothing was ever heard; an input that
        fails later ends, or goes on with a gap, and says so in ``notices``.
        """
        ...

    def stop(self) -> None:
        """Take in nothing more. What a live input had captured is still read, then it ends."""
        ...

    def close(self) -> None:
        """Let go of the device or file. Safe to repeat, and without ``open``."""
        ...
