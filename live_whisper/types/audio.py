"""Audio and spans of it."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.float32]
"""Mono audio, float32 in [-1, 1], 16 kHz unless a name says otherwise."""

Mel: TypeAlias = npt.NDArray[np.float32]
"""Log-mel spectrogram, shape (n_mels, frames), float32, frames 10 ms apart."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open range of samples ``[start, end)``, 16 kHz, counted from the stream's beginning."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span of samples: [{self.start}, {self.end})")

    @property
    def length(self) -> int:
        """Number of samples."""
        return self.end - self.start

    def overlap(self, other: "Span") -> int:
        """Number of samples both spans have."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The segmenter decided that speech began."""

    at: int
    """Sample where the segment begins, pre-roll included; not before the last segment's end."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The segmenter closed a segment: after the hangover, at its length limit, or at the end."""

    span: Span
    """The whole segment, pre-roll and hangover included."""
    reason: str
    """``"pause"``, ``"limit"`` (speech goes on in a new segment) or ``"end"`` (of the stream)."""


SpeechEdge: TypeAlias = SpeechStarted | SpeechEnded
