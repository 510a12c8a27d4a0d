"""The only module that reads or waits for the time of day.

Stages never look at a clock: they are plain objects with ``push`` and ``poll(now_ns)``. Threads
around them use a ``Clock``, so the same objects run under ``VirtualClock`` in tests.
"""

import sys
import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic nanoseconds, and a wait that another thread can cut short."""

    def now_ns(self) -> int:
        """Nanoseconds since an arbitrary fixed moment; never goes back."""
        ...

    def wait(self, event: threading.Event, timeout_ns: int) -> bool:
        """Block until ``event`` is set or ``timeout_ns`` passed; returns whether it is set."""
        ...


class MonotonicClock:
    """The machine's clock that never goes back, and goes on while the machine sleeps.

    A microphone heard nothing while a laptop slept: the time must pass all the same, or everything
    said later would be dated too early. ``time.monotonic`` stands still then on Linux and macOS.
    """

    _id: int | None = None
    if sys.platform == "linux":
        _id = time.CLOCK_BOOTTIME
    elif sys.platform == "darwin":
        _id = time.CLOCK_MONOTONIC

    def now_ns(self) -> int:
        """Nanoseconds since the machine was started, or so."""
        return time.monotonic_ns() if self._id is None else time.clock_gettime_ns(self._id)

    def wait(self, event: threading.Event, timeout_ns: int) -> bool:
        """Wait on the event itself, so that setting it wakes the waiter at once."""
        return event.wait(max(0, timeout_ns) / 1e9)


class VirtualClock:
    """A clock that moves only when told to. For tests and simulation; one thread."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """The virtual time."""
        return self._now_ns

    def advance(self, ns: int) -> None:
        """Move forward by ``ns`` nanoseconds. Raises ``ValueError`` for a negative step."""
        if ns < 0:
            raise ValueError(f"a clock cannot go back by {-ns} ns")
        self._now_ns += ns

    def wait(self, event: threading.Event, timeout_ns: int) -> bool:
        """Jump to the end of the wait unless the event is set already."""
        if not event.is_set():
            self.advance(max(0, timeout_ns))
        return event.is_set()


class ProcessorClock:
    """Processor time this process has used: what work costs, however busy the machine is.

    Only for single-threaded work; with more threads it counts each.
    """

    def now_ns(self) -> int:
        """Nanoseconds of ``time.process_time_ns``."""
        return time.process_time_ns()

    def wait(self, event: threading.Event, timeout_ns: int) -> bool:
        """Wait as a clock on the wall would; waiting takes no processor time."""
        return event.wait(max(0, timeout_ns) / 1e9)


def wall_time_ns() -> int:
    """Nanoseconds since 1970, for names and records only; never for measuring."""
    return time.time_ns()
