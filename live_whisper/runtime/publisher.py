"""The one thread that hands events to sinks, in the order they were made.

Commits wait for the disk here and nowhere else. The queue is bounded: what is only for the eye is
dropped when sinks are slow, what must not be lost makes its maker wait.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from live_whisper.types.events import Event, Notice, Progress, Tentative

QUEUE_EVENTS = 4096
MOST_PASSING = QUEUE_EVENTS * 3 // 4
"""The rest of the queue is kept for events that must not be lost."""
STEP_SECONDS = 0.5


class Handles(Protocol):
    """A sink, or several as one."""

    def handle(self, event: Event) -> None:
        """Take one event."""
        ...

    def close(self) -> Sequence[Notice]:
        """Finish; returns what could not be said before."""
        ...


class Publisher:
    """Any thread publishes; one thread delivers."""

    def __init__(self, sink: Handles) -> None:
        self._sink = sink
        self._queue: queue.Queue[Event | threading.Event | None] = queue.Queue(QUEUE_EVENTS)
        self._thread = threading.Thread(target=self._deliver, name="publisher", daemon=True)
        self.failure: BaseException | None = None
        """What a sink raised, if one did: the sinks themselves survive what they expect."""
        self.last_words: Sequence[Notice] = ()
        """What the sinks had to say when they were closed."""

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def publish(self, events: Iterable[Event]) -> None:
        """Queue events in order."""
        for event in events:
            passing = isinstance(event, Progress | Tentative)
            if not passing or self._queue.qsize() < MOST_PASSING:
                self._queue.put(event)

    def drain(self, timeout_seconds: float) -> bool:
        """Wait until everything published so far was delivered; returns whether it was in time."""
        delivered = threading.Event()
        with contextlib.suppress(queue.Full):
            self._queue.put(delivered, timeout=timeout_seconds)
        return _patiently(delivered.wait, timeout_seconds)

    def close(self, timeout_seconds: float) -> bool:
        """Deliver what is queued, close the sinks; returns whether it was done in time."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=timeout_seconds)

        def ended(seconds: float) -> bool:
            self._thread.join(seconds)
            return not self._thread.is_alive()

        return _patiently(ended, timeout_seconds)

    def _deliver(self) -> None:
        try:
            while (event := self._queue.get()) is not None:
                if isinstance(event, threading.Event):
                    event.set()
                elif self.failure is None:
                    self._handle(event)
        finally:
            self.last_words = self._sink.close()

    def _handle(self, event: Event) -> None:
        try:
            self._sink.handle(event)
        except Exception as error:  # noqa: BLE001 - kept for the session, which ends the run
            self.failure = error


def _patiently(wait: Callable[[float], bool], timeout_seconds: float) -> bool:
    """Wait in short steps, so that a process that was stopped meanwhile (Ctrl-Z) waits on."""
    steps = max(1, round(timeout_seconds / STEP_SECONDS))
    return any(wait(min(STEP_SECONDS, timeout_seconds)) for _ in range(steps))
