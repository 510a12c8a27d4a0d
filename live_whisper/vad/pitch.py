"""How strongly a stretch of sound repeats itself at the period of a voice."""

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from live_whisper.types.audio import Samples
from live_whisper.units import SAMPLE_RATE

_SHORTEST_PERIOD: Final = SAMPLE_RATE // 400  # 40 samples: a child's or a raised voice
_LONGEST_PERIOD: Final = SAMPLE_RATE // 70  # 228 samples: a deep one


def pitch_strength(samples: Samples) -> float:
    """Highest normalised autocorrelation between 70 and 400 Hz, about 0-1, of 40 ms or so.

    The window's own autocorrelation is divided out (P. Boersma, IFA Proceedings 17, 1993), and a
    gentle pre-emphasis keeps rumble and mains hum from passing for a voice.
    """
    if len(samples) <= _LONGEST_PERIOD:
        return 0.0
    window, spread = _window(len(samples))
    emphasised = samples - 0.5 * np.concatenate((samples[:1], samples[:-1]))
    emphasised = (emphasised - emphasised.mean()) * window
    correlation = _autocorrelation(emphasised)
    energy = float(correlation[0])
    if energy < 1e-12:
        return 0.0
    periods = slice(_SHORTEST_PERIOD, _LONGEST_PERIOD + 1)
    return float(np.max(correlation[periods] / spread[periods])) / energy


@lru_cache(maxsize=4)
def _window(length: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The window and its own autocorrelation, 1 at lag 0."""
    window = np.hanning(length)
    spread = _autocorrelation(window)
    return window, spread / spread[0]


def _autocorrelation(samples: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    size = 1 << (len(samples) + _LONGEST_PERIOD).bit_length()
    power = np.abs(np.fft.rfft(samples, size)) ** 2
    return np.asarray(np.fft.irfft(power, size)[: _LONGEST_PERIOD + 1], dtype=np.float64)
