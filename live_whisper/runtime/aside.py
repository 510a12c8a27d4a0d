"""A sink with a thread of its own, so that what it waits for holds up nobody else.

A pager that is not scrolled, a terminal stopped with Ctrl-S, a network folder whose server is away:
a write there may take for ever. The journal, the other sinks and the microphone go on meanwhile.
"""

import contextlib
import queue
import threading
from pathlib import Path

from live_whisper.streaming.sinks.base import Reporting, Sink
from live_whisper.types.events import Event, Progress, Tentative

QUEUE_EVENTS = 4096
CLOSE_SECONDS = 4.0
FILE_SECONDS = 30.0
"""A file that is written whole at the end takes seconds after a day."""
STUCK_SECONDS = 0.5


class Aside:
    """Passes events on in order. ``handle`` and ``close`` belong to one thread; neither waits long.

    What may still change is left out when a quarter of the queue waits; when all of it does,
    everything is, and a notice says so once.
    """

    def __init__(
        self,
        sink: Sink,
        name: str,
        *,
        queue_events: int = QUEUE_EVENTS,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        """``name``: what the user calls it."""
        self.name = name
        self._sink = sink
        self._close_seconds = close_seconds
        self._queue: queue.Queue[Event | None] = queue.Queue(queue_events)
        self._few = queue_events // 4
        self._lock = threading.Lock()
        self._notices: list[tuple[str, str]] = []
        self._failure: Exception | None = None
        self._left_out = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"sink {name}", daemon=True)
        self._thread.start()

    @property
    def whole(self) -> bool:
        """Whether the sink took everything; after ``close``."""
        return not self._left_out and self._failure is None and not self._thread.is_alive()

    def handle(self, event: Event) -> None:
        """Queue an event. Raises what the sink raised."""
        if self._failure is not None:
            raise self._failure
        if isinstance(event, Progress | Tentative) and self._queue.qsize() > self._few:
            return
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            if not self._left_out:
                message = f"{self.name} takes nothing any more; captions go on without it."
                self._tell([(message, "error")])
            self._left_out += 1

    def take_notices(self) -> list[tuple[str, str]]:
        """What the sink had to say, and what became of it."""
        with self._lock:
            notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Let the sink take the rest, within a time. Raises what it raised."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=self._close_seconds / 2)
        steps = max(1, round(self._close_seconds / STUCK_SECONDS))
        for _ in range(steps):  # in steps: a process that was stopped meanwhile waits on
            self._thread.join(min(STUCK_SECONDS, self._close_seconds))
            if not self._thread.is_alive():
                break
        if self._thread.is_alive():
            self._tell([(f"{self.name} takes nothing any more and was left behind.", "error")])
        if self._left_out:
            self._tell([(f"{self.name} lacks {self._left_out} entries.", "error")])
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while (event := self._queue.get()) is not None:
                self._sink.handle(event)
                self._collect()
        except Exception as error:  # noqa: BLE001 - raised where the sink is used
            self._failure = error
        try:
            self._sink.close()
        except Exception as error:  # noqa: BLE001
            self._failure = self._failure or error
        self._collect()

    def _collect(self) -> None:
        if isinstance(self._sink, Reporting):
            self._tell(self._sink.take_notices())

    def _tell(self, notices: list[tuple[str, str]]) -> None:
        with self._lock:
            self._notices += notices


class AsideFile(Aside):
    """The same for a subtitle file. Close the journal before it."""

    @property
    def complete(self) -> bool:
        """Whether everything is in the file. After ``close``."""
        return self.whole and bool(getattr(self._sink, "complete", True))

    @property
    def elsewhere(self) -> Path | None:
        """Where the captions are instead, after ``close``."""
        place: Path | None = getattr(self._sink, "elsewhere", None)
        return place
