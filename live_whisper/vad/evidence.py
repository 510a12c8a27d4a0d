"""What tells a voice from keys, doors and clicks, over the last second of frames."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from live_whisper.units import SAMPLE_RATE, ms_to_samples
from live_whisper.vad.base import VoiceFrame

_WINDOW: Final = SAMPLE_RATE  # one second


@dataclass(frozen=True, slots=True)
class EvidenceOptions:
    """All in samples at 16 kHz. ``min_voiced = 0`` takes every speech frame for a voice."""

    min_voiced: int = ms_to_samples(60)
    """Voiced speech frames within ``voiced_within`` that make a voice: vowels have a pitch."""
    voiced_within: int = ms_to_samples(400)
    min_dense: int = ms_to_samples(600)
    """Speech frames within a second that make a voice without any pitch: whispering is dense,
    typing is sparse, a slammed door is short."""


class Evidence:
    """Whether the recent speech frames are a voice. One thread."""

    def __init__(self, options: EvidenceOptions | None = None) -> None:
        self._options = options or EvidenceOptions()
        self._frames: deque[VoiceFrame] = deque()
        self._dense = 0  # samples of speech frames in the window

    def push(self, frame: VoiceFrame) -> None:
        """Take the next frame with its verdict."""
        self._frames.append(frame)
        self._dense += frame.length if frame.is_speech else 0
        while self._frames[0].end <= frame.end - _WINDOW:
            old = self._frames.popleft()
            self._dense -= old.length if old.is_speech else 0

    @property
    def voice(self) -> bool:
        """Enough to open a segment."""
        options = self._options
        return self._dense >= options.min_dense or self._voiced() >= options.min_voiced

    @property
    def lingering(self) -> bool:
        """Enough to keep an open segment going: any pitch within the last second."""
        if self._dense >= self._options.min_dense or not self._options.min_voiced:
            return True
        return any(frame.is_speech and frame.voiced for frame in self._frames)

    def _voiced(self) -> int:
        total = 0
        for frame in reversed(self._frames):
            if frame.start < self._frames[-1].end - self._options.voiced_within:
                break
            total += frame.length if frame.is_speech and frame.voiced else 0
        return total
