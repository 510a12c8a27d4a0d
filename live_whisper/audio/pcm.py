"""Samples as numbers: integer formats to float32, the 16-bit grid, levels.

Everything after the resampler lies on the 16-bit grid (multiples of 1/32768), so the ring, the
engine and the spool hold the same audio bit for bit, and audio decoded again from the spool
gives the text it gave live.
"""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from live_whisper.types.audio import Samples

FULL_SCALE: Final = 32768.0  # the amplitude that is 1.0, as in every s16 to float conversion
SILENCE_DBFS: Final = -math.inf


def quantise(samples: Samples) -> Samples:
    """The nearest values on the 16-bit grid, clipped to [-1, 1). Same shape, float32, a copy.

    NaN and infinities, which a damaged file can hold, become silence and full scale.
    """
    return from_s16(to_s16(samples))


def to_s16(samples: Samples) -> npt.NDArray[np.int16]:
    """Round to 16-bit integers. Exact for samples that ``quantise`` has been over."""
    scaled = tame(samples, 1.0) * np.float32(FULL_SCALE)
    clipped: Samples = np.minimum(np.rint(scaled), np.float32(FULL_SCALE - 1))
    return clipped.astype(np.int16)


def tame(samples: Samples, limit: float) -> Samples:
    """A copy within ``[-limit, limit]``; NaN becomes silence."""
    clean: Samples = np.nan_to_num(samples, nan=0.0, posinf=limit, neginf=-limit)
    return np.clip(clean, -limit, limit)


def from_s16(values: npt.NDArray[np.int16]) -> Samples:
    """16-bit integers as float32 in [-1, 1)."""
    return values.astype(np.float32) / np.float32(FULL_SCALE)


def to_float32(values: npt.NDArray[Any]) -> Samples:
    """Any PCM number type as float32, full scale at 1. Unsigned 8-bit is centred at 128."""
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - np.float32(128)) / np.float32(128)
    if np.issubdtype(values.dtype, np.signedinteger):
        bits = values.dtype.itemsize * 8
        return (values / np.float64(2 ** (bits - 1))).astype(np.float32)
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float32)


def mix_down(frames: npt.NDArray[Any]) -> Samples:
    """Shape (n, channels) of any number type to mono (n,), the mean of the channels."""
    values = to_float32(frames)
    if values.shape[1] == 1:
        return np.ascontiguousarray(values[:, 0])
    mixed: Samples = values.mean(axis=1, dtype=np.float32)
    return mixed


def peak_dbfs(samples: Samples) -> float:
    """Peak level in dB relative to full scale; ``-inf`` for nothing or digital silence."""
    peak = float(np.max(np.abs(samples))) if len(samples) else 0.0
    return 20 * math.log10(peak) if peak > 0 else SILENCE_DBFS
