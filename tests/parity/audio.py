"""Sound for parity tests: noises with the rhythm of speech, and the bundled clip."""

from pathlib import Path

import numpy as np

from live_whisper.audio.files import open_media

SUFFIXES = {".flac", ".ogg", ".opus", ".wav", ".mp3", ".m4a"}


def babble(seconds: float, seed: int) -> np.ndarray:
    """Syllable-like bursts of harmonics and noise, (n,) float32."""
    random = np.random.default_rng(seed)
    count = round(seconds * 16_000)
    time = np.arange(count) / 16_000
    pitch = 120 * 2 ** np.interp(
        time,
        np.arange(0, seconds + 1, 0.3),
        random.uniform(-0.5, 0.5, len(np.arange(0, seconds + 1, 0.3))),
    )
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    voice = sum(np.sin(k * phase) / k for k in range(1, 25))
    knots = np.arange(0, seconds + 1, 0.12)
    loudness = np.interp(time, knots, random.choice([0, 0.3, 1.0], len(knots)))
    samples = 0.15 * voice * loudness + 0.01 * random.standard_normal(count)
    return samples.astype(np.float32)


def clip(folder: Path) -> np.ndarray | None:
    """The first media file in a folder, (n,) float32 16 kHz; ``None`` without one."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    if not files:
        return None
    with open_media(files[0]) as media:
        return np.concatenate(list(media.blocks()))
