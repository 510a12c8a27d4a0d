"""How long something was waited for, the time in which nobody could wait left out.

A process that was stopped (Ctrl-Z, SIGSTOP) or a computer that slept must not take the time it
lost for the other side's: the other side had none either.
"""

from live_whisper.clock import Clock
from live_whisper.units import NS_PER_SECOND

LATE_NS = NS_PER_SECOND
"""A wait that ends this much later than it was to end was interrupted by such a pause."""


class Patience:
    """Times one wait made of many short ones. One thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_ns = clock.now_ns()
        self._paused_ns = 0
        self._looks_until_ns: int | None = None

    def waited_ns(self) -> int:
        """Time since the beginning, pauses left out."""
        return max(0, self._clock.now_ns() - self._began_ns - self._paused_ns)

    def look(self, timeout_ns: int) -> None:
        """A short wait of at most ``timeout_ns`` begins."""
        self._looks_until_ns = self._clock.now_ns() + max(0, timeout_ns)

    def looked(self) -> None:
        """It is over; what it took longer than it may take was a pause."""
        if self._looks_until_ns is None:
            return
        late_ns = self._clock.now_ns() - self._looks_until_ns
        self._looks_until_ns = None
        if late_ns >= LATE_NS:
            self._paused_ns += late_ns
