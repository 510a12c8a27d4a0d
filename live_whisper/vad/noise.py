"""How loud the background is, frame by frame: a low quantile with a short memory."""

from collections import deque
from typing import Final

_LOWEST_DB: Final = -96  # digital silence and anything else below 16 bits


class NoiseFloor:
    """A low quantile of the recent frame levels, in whole dB. One thread.

    Speech pauses often enough for the quietest tenth of some seconds to be background; steady
    noise is its own floor, so it never stands out from it. (The idea of minimum statistics:
    R. Martin, IEEE Trans. Speech and Audio Processing 9(5), 2001.)

    Levels are counted in bins of 1 dB: a frame costs microseconds, whatever the memory's length.
    """

    def __init__(self, *, frames: int, quantile: float, min_frames: int) -> None:
        if not 0 < min_frames <= frames or not 0 <= quantile < 1:
            raise ValueError(f"no quantile {quantile} of {min_frames}-{frames} frames")
        self._recent: deque[int] = deque()
        self._bins = [0] * (1 - _LOWEST_DB)
        self._frames = frames
        self._quantile = quantile
        self._min_frames = min_frames

    def update(self, level_db: float) -> float | None:
        """Take a frame's level; return the floor, or ``None`` until enough was heard."""
        place = round(min(max(level_db, _LOWEST_DB), 0.0)) - _LOWEST_DB
        self._recent.append(place)
        self._bins[place] += 1
        if len(self._recent) > self._frames:
            self._bins[self._recent.popleft()] -= 1
        if len(self._recent) < self._min_frames:
            return None
        return float(self._walk() + _LOWEST_DB)

    def _walk(self) -> int:
        below = self._quantile * len(self._recent)
        seen = 0
        for place, count in enumerate(self._bins):
            seen += count
            if seen > below:
                return place
        raise AssertionError("the bins hold every recent frame")
