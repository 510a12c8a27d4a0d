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


def tones(rng: np.random.Generator, n: int) -> Samples:
    """Notes and chords one after another, struck or held, of about unit amplitude.

    Voiced like a vowel but never a word: what a model takes for speech unless it has heard some.
    """
    out = np.zeros(n, np.float32)
    pace = rng.uniform(0.12, 1.5)
    low, partials, decay = rng.uniform(40, 64), int(rng.integers(1, 7)), rng.uniform(0.3, 4.0)
    steady = bool(rng.random() < 0.4)
    at = int(rng.uniform(0, pace) * SAMPLE_RATE)
    while at < n:
        length = min(int(pace * rng.uniform(0.5, 2.0) * SAMPLE_RATE) + 400, n - at)
        time = np.arange(length, dtype=np.float32) / SAMPLE_RATE
        note = np.zeros(length, np.float32)
        for semitone in rng.uniform(0, 24, int(rng.integers(1, 5))):
            pitch = 440.0 * 2 ** ((low + round(semitone) - 69) / 12)
            for k in range(1, partials + 1):
                phase = rng.uniform(0, 2 * np.pi)
                note += (np.sin(2 * np.pi * pitch * k * time + phase) / k).astype(np.float32)
        envelope = np.ones(length) if steady else np.exp(-time * decay)
        envelope *= np.minimum(1, time / 0.01) * np.minimum(1, time[::-1] / 0.02)
        out[at : at + length] += (note * envelope / 4).astype(np.float32)
        at += int(pace * SAMPLE_RATE * rng.choice((0.5, 1.0, 1.0, 2.0)))
    return out


def background(rng: np.random.Generator, n: int, *, loud: bool = True) -> Samples | None:
    """Noise as it lies under speech, or None for digital silence; `loud`: now and then a lot."""
    kind = rng.random()
    if kind < 0.3:
        return None
    level = 10 ** (rng.uniform(-2.6, -1.8) if loud and kind > 0.85 else rng.uniform(-4.0, -2.2))
    out = coloured(rng, n, float(rng.choice([0.0, 0.0, 1.0, 2.0]))) * np.float32(level)
    extra = rng.random() if loud else 0.0
    if extra > 0.94:
        out += hum(rng, n) * np.float32(10 ** rng.uniform(-3.5, -2.0))
    elif extra > 0.88:
        out += clicks(rng, n) * np.float32(10 ** rng.uniform(-2.5, -1.3))
    elif extra > 0.82:
        out += tones(rng, n) * np.float32(10 ** rng.uniform(-3.0, -1.7))
    return out


def without_speech(rng: np.random.Generator, n: int) -> Samples:
    """A window in which nobody speaks."""
    kind = rng.random()
    if kind < 0.15:
        return np.zeros(n, np.float32)
    if kind < 0.5:
        return tones(rng, n) * np.float32(10 ** rng.uniform(-3.0, -0.7)) + coloured(
            rng, n, 1.0
        ) * np.float32(10 ** rng.uniform(-5.0, -2.5))
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
