"""Background sounds and simple distortions for training windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demo_model.synth import SAMPLE_RATE

Samples = NDArray[np.float32]


def coloured(rng: np.random.Generator, n: int, exponent: float) -> Samples:
    """Noise of unit deviation whose power falls with frequency to the power `exponent`."""
    block = min(n, 4 * SAMPLE_RATE)
    white = rng.standard_normal(block, dtype=np.float32)
    if exponent:
        spectrum = np.fft.rfft(white)
        spectrum *= np.arange(1, len(spectrum) + 1) ** (-exponent / 2)
        white = np.fft.irfft(spectrum, block).astype(np.float32)
        white /= white.std() + 1e-9
    return np.resize(white, n)


def hum(rng: np.random.Generator, n: int) -> Samples:
    """Mains hum with a few harmonics, unit amplitude."""
    time = np.arange(n, dtype=np.float32) / SAMPLE_RATE
    base = rng.choice([50.0, 60.0]) * rng.choice([1, 2])
    parts = [rng.uniform(0, 1) / k * np.sin(2 * np.pi * base * k * time) for k in range(1, 5)]
    return np.sum(parts, axis=0).astype(np.float32)


def clicks(rng: np.random.Generator, n: int) -> Samples:
    """A few short decaying clicks of unit amplitude."""
    out = np.zeros(n, np.float32)
    for _ in range(rng.integers(1, 6)):
        length = int(rng.integers(20, 400))
        at = int(rng.integers(0, max(n - length, 1)))
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 4))
        out[at : at + length] += (burst[: n - at] / 3).astype(np.float32)
    return out


def background(rng: np.random.Generator, n: int) -> Samples | None:
    """Noise as it lies under speech, or None for digital silence."""
    kind = rng.random()
    if kind < 0.3:
        return None
    level = 10 ** rng.uniform(-4.0, -2.2)
    out = coloured(rng, n, float(rng.choice([0.0, 0.0, 1.0, 2.0]))) * np.float32(level)
    if kind > 0.95:
        out += hum(rng, n) * np.float32(10 ** rng.uniform(-3.5, -2.0))
    if kind > 0.97:
        out += clicks(rng, n) * np.float32(10 ** rng.uniform(-2.5, -1.3))
    return out


def without_speech(rng: np.random.Generator, n: int) -> Samples:
    """A window in which nobody speaks."""
    kind = rng.random()
    if kind < 0.25:
        return np.zeros(n, np.float32)
    out = coloured(rng, n, float(rng.choice([0.0, 1.0, 2.0]))) * np.float32(
        10 ** rng.uniform(-5.0, -1.0)
    )
    if kind > 0.7:
        out += hum(rng, n) * np.float32(10 ** rng.uniform(-4, -0.7))
    if kind > 0.8:
        out += clicks(rng, n) * np.float32(10 ** rng.uniform(-3, -0.3))
    return out


def equalise(rng: np.random.Generator, samples: Samples) -> Samples:
    """A mild random tilt of the spectrum (two-tap filter)."""
    tilt = np.float32(rng.uniform(-0.6, 0.6))
    out = samples.copy()
    out[1:] += tilt * samples[:-1]
    return out / np.float32(1 + abs(tilt))
