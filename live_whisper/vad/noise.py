"""How loud the background is, frame by frame: minimum statistics with a short memory."""

from collections import deque

import numpy as np

_DIGITAL_SILENCE_DB = -96.0


class NoiseFloor:
    """A low quantile of the recent frame levels, in dB. One thread.

    Speech pauses often enough for the quietest tenth of some seconds to be background; steady
    noise is its own floor, so it never rises above it. (The idea of minimum statistics, R. Martin,
    IEEE Trans. Speech and Audio Processing 9(5), 2001.)
    """

    def __init__(self, *, frames: int, quantile: float, min_frames: int) -> None:
        self._levels: deque[float] = deque(maxlen=frames)
        self._quantile = quantile
        self._min_frames = min_frames

    def update(self, level_db: float) -> float | None:
        """Take a frame's level; return the floor, or ``None`` until enough was heard."""
        self._levels.append(max(level_db, _DIGITAL_SILENCE_DB))
        if len(self._levels) < self._min_frames:
            return None
        return float(np.quantile(np.fromiter(self._levels, dtype=np.float64), self._quantile))
