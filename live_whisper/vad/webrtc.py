"""The detector of the WebRTC project (Gaussian mixtures on six bands), guarded by level.

Alone it takes much steady noise for speech. Here a frame counts only if it also stands out from
the noise floor, and it may stand out less while somebody already speaks.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from live_whisper.errors import MissingDependencyError
from live_whisper.types.audio import Samples
from live_whisper.units import SAMPLE_RATE, ms_to_samples
from live_whisper.vad.base import VoiceFrame
from live_whisper.vad.noise import NoiseFloor
from live_whisper.vad.pitch import pitch_strength

_FRAME_MS: Final = (10, 20, 30)  # the lengths the detector takes


@dataclass(frozen=True, slots=True)
class WebRtcOptions:
    """How strict the detector is."""

    aggressiveness: int = 2
    """0 lets most through, 3 least."""
    frame_ms: int = 20
    onset_db: float = 6.0
    """How far above the noise floor a frame must be while nobody speaks."""
    hold_db: float = 4.0
    """The same within ``hold_ms`` of a speech frame."""
    hold_ms: int = 200
    least_dbfs: float = -62.0
    """Quieter frames are never speech."""
    floor_ms: int = 6000
    """How far back the noise floor looks."""
    floor_quantile: float = 0.1
    floor_ready_ms: int = 500
    """Until this much was heard, only ``least_dbfs`` guards."""

    min_pitch: float = 0.55
    """Correlation of a frame with itself one pitch period later that makes it voiced, 0-1."""

    def __post_init__(self) -> None:
        if self.frame_ms not in _FRAME_MS:
            raise ValueError(f"frames of {self.frame_ms} ms: the detector takes {_FRAME_MS}")
        if self.aggressiveness not in range(4):
            raise ValueError(f"aggressiveness {self.aggressiveness} is not 0-3")


class WebRtcVoiceActivity:
    """``VoiceActivity`` on webrtcvad. One thread."""

    def __init__(self, options: WebRtcOptions | None = None, *, start: int = 0) -> None:
        self._options = options or WebRtcOptions()
        self._detector = _detector(self._options.aggressiveness)
        self._next = start
        self._left = np.zeros(0, dtype=np.float32)
        frames = self._options.floor_ms // self._options.frame_ms
        self._floor = NoiseFloor(
            frames=frames,
            quantile=self._options.floor_quantile,
            min_frames=self._options.floor_ready_ms // self._options.frame_ms,
        )
        self._before = np.zeros(self.frame_samples, dtype=np.float32)
        self._hold_until = -1

    @property
    def frame_samples(self) -> int:
        """Length of a frame."""
        return ms_to_samples(self._options.frame_ms)

    def push(self, samples: Samples) -> list[VoiceFrame]:
        """Take samples, shape (n,), float32, 16 kHz; return the frames they complete."""
        size = self.frame_samples
        audio = np.concatenate((self._left, samples)) if len(self._left) else samples
        whole = len(audio) // size * size
        self._left = audio[whole:].copy()
        return [self._judge(audio[at : at + size]) for at in range(0, whole, size)]

    def flush(self) -> list[VoiceFrame]:
        """The last, shorter frame, judged as if silence followed."""
        if not len(self._left):
            return []
        rest, self._left = self._left, np.zeros(0, dtype=np.float32)
        return [self._judge(rest)]

    def _judge(self, samples: Samples) -> VoiceFrame:
        start, size = self._next, self.frame_samples
        self._next += len(samples)
        level, options = _level_dbfs(samples), self._options
        if len(samples) < size:
            samples = np.concatenate((samples, np.zeros(size - len(samples), dtype=np.float32)))
        before, self._before = self._before, samples
        pcm = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
        voiced = bool(self._detector.is_speech(pcm, SAMPLE_RATE))
        speech = voiced and self._stands_out(start, level)
        if speech:
            self._hold_until = self._next + ms_to_samples(options.hold_ms)
        voiced = speech and pitch_strength(np.concatenate((before, samples))) >= options.min_pitch
        return VoiceFrame(start, self._next - start, speech, level, voiced)

    def _stands_out(self, start: int, level: float) -> bool:
        options = self._options
        floor = self._floor.update(level)
        margin = options.hold_db if start < self._hold_until else options.onset_db
        return level >= options.least_dbfs and (floor is None or level >= floor + margin)


def _level_dbfs(samples: Samples) -> float:
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10 * math.log10(power) if power > 0 else -math.inf


def _detector(aggressiveness: int) -> Any:  # noqa: ANN401 (an extension module without types)
    try:
        import webrtcvad  # noqa: PLC0415 (a compiled module; absent on some platforms)
    except ImportError:
        raise MissingDependencyError(
            "The voice detector webrtcvad is not installed.",
            hint="Run: pip install webrtcvad-wheels",
        ) from None
    return webrtcvad.Vad(aggressiveness)
