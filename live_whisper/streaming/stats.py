"""Latency and load in bounded memory."""

import threading
from collections import deque
from dataclasses import dataclass, field

from live_whisper.units import NS_PER_SECOND, SAMPLE_RATE, ms_to_samples

BIN_SAMPLES = ms_to_samples(10)
BINS = 12_000
"""Two minutes of 10 ms bins; anything later counts in the last one."""


@dataclass(slots=True)
class Histogram:
    """Counts of delays in 10 ms bins; quantiles are right to half a bin."""

    counts: list[int] = field(default_factory=lambda: [0] * BINS)
    total: int = 0
    largest: int = 0

    def add(self, samples: int) -> None:
        """One delay, in samples; negative ones count as none."""
        delay = max(0, samples)
        self.counts[min(delay // BIN_SAMPLES, BINS - 1)] += 1
        self.total += 1
        self.largest = max(self.largest, delay)

    def include(self, other: "Histogram") -> None:
        """Add another's delays to these."""
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        self.total += other.total
        self.largest = max(self.largest, other.largest)

    def quantile_seconds(self, share: float) -> float | None:
        """The delay that ``share`` of all stayed under, in seconds; ``None`` without any."""
        if not self.total:
            return None
        rank = share * self.total
        seen = 0
        for index, count in enumerate(self.counts):
            seen += count
            if seen >= rank and count:
                return (index + 0.5) * BIN_SAMPLES / SAMPLE_RATE
        return self.largest / SAMPLE_RATE


class LoadMeter:
    """Share of the last seconds in which the recognizer was busy. Any thread."""

    def __init__(self, window_seconds: float = 10.0) -> None:
        self._window_ns = round(window_seconds * NS_PER_SECOND)
        self._runs: deque[tuple[int, int]] = deque(maxlen=1000)
        self._lock = threading.Lock()
        self.total_ns = 0

    def add(self, ended_ns: int, cost_ns: int) -> None:
        """A decode that ended at ``ended_ns`` and took ``cost_ns``."""
        with self._lock:
            self._runs.append((ended_ns, cost_ns))
            self.total_ns += cost_ns

    def ratio(self, now_ns: int) -> float:
        """Busy time ÷ elapsed time over the window, 0–1 and above when behind."""
        with self._lock:
            while self._runs and self._runs[0][0] < now_ns - self._window_ns:
                self._runs.popleft()
            return sum(cost for _, cost in self._runs) / self._window_ns
