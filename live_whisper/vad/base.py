"""What a voice-activity detector gives the segmenter."""

from dataclasses import dataclass
from typing import Protocol

from live_whisper.types.audio import Samples


@dataclass(frozen=True, slots=True)
class VoiceFrame:
    """The verdict on one frame."""

    start: int
    """Absolute index of the frame's first sample."""
    length: int
    """Samples, 16 kHz."""
    is_speech: bool
    """The detector takes it for speech."""
    level_dbfs: float
    """Root-mean-square level; ``-inf`` for digital silence."""
    voiced: bool = True
    """It has a pitch, as vowels have. A detector that is hard to fool may always say so."""

    @property
    def end(self) -> int:
        """Absolute index just after the frame."""
        return self.start + self.length


class VoiceActivity(Protocol):
    """Cuts a stream into frames and judges each. One thread."""

    @property
    def frame_samples(self) -> int:
        """Length of a frame."""
        ...

    def push(self, samples: Samples) -> list[VoiceFrame]:
        """Take samples, shape (n,), float32, 16 kHz; return the frames they complete, in order."""
        ...

    def flush(self) -> list[VoiceFrame]:
        """The last, shorter frame, if any. Ends the stream."""
        ...
