"""The live display: captions scroll away above, the newest text and the status stay below."""

import contextlib
import io
import os
import threading
from collections import deque

from rich.console import Console, Group
from rich.live import Live

from live_whisper.captions.cues import CueLimits
from live_whisper.clock import Clock, MonotonicClock
from live_whisper.streaming.sinks.base import DisplayClosed
from live_whisper.streaming.sinks.terminal_view import picture, render, render_finished
from live_whisper.streaming.sinks.view_state import Finished, View, ViewState
from live_whisper.types.events import Event

REFRESHES_PER_SECOND = 8
_JOIN_SECONDS = 2.0
_LOCK_SECONDS = 1.0
_RECENT_LINES = 24  # remembered for ``picture``


class TerminalSink:
    """Draws the latest state only, at most eight times a second and only when it changed.

    ``handle`` only takes note (one thread); a thread of this object draws, so a slow terminal never
    holds up the captions. ``close`` restores the terminal; call it in ``finally``.

    While the program runs in the background the terminal is somebody else's and nothing is drawn;
    the captions of that time are printed when it is in the foreground again.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        outputs: tuple[str, ...] = (),
        show_suppressed: bool = False,
        limits: CueLimits | None = None,
        clock: Clock | None = None,
        background: bool = True,
    ) -> None:
        """``background=False`` starts no thread: the caller draws with ``draw``."""
        self._console = console or Console(highlight=False)
        self._ascii = not (self._console.encoding or "").lower().startswith("utf")
        self._state = ViewState(outputs=outputs, show_suppressed=show_suppressed, limits=limits)
        self._clock = clock or MonotonicClock()
        self._state_lock, self._draw_lock = threading.Lock(), threading.Lock()
        self._changed, self._stop = threading.Event(), threading.Event()
        self._drawn: tuple[View, int] | None = None
        self._recent: deque[Finished] = deque(maxlen=_RECENT_LINES)
        self._broken = self._closed = False
        self._failure: Exception | None = None
        self._live: Live | None = None
        self._away = False
        if self._in_foreground():
            self._begin()
        self._thread: threading.Thread | None = None
        if background:
            self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)
            self._thread.start()

    def _begin(self) -> Live:
        if self._live is None:
            live = Live(
                console=self._console, auto_refresh=False, transient=True, vertical_overflow="crop"
            )
            live.start()
            self._live, self._drawn = live, None
        return self._live

    def _end_live(self) -> None:
        """Remove the live area and show the cursor."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _abandon(self) -> None:
        """Forget a live area that others have written over: nothing of theirs is erased."""
        live, self._live = self._live, None
        if live is not None:
            out, self._console.file = self._console.file, io.StringIO()
            try:
                live.stop()
            finally:
                self._console.file = out

    def _in_foreground(self) -> bool:
        """Whether the terminal is ours; also where it is no terminal, or not our own."""
        if not hasattr(os, "tcgetpgrp"):
            return True
        try:
            owner = os.tcgetpgrp(self._console.file.fileno())
        except (OSError, ValueError, AttributeError):
            return True
        return owner in (os.getpgrp(), 0)

    def handle(self, event: Event) -> None:
        """Take note of an event. Raises ``DisplayClosed`` once the terminal is gone."""
        if self._failure is not None:
            raise self._failure
        if self._broken:
            raise DisplayClosed
        with self._state_lock:
            self._state.apply(event)
        self._changed.set()

    def _run(self) -> None:
        try:
            self._draw_changes()
        except Exception as error:  # noqa: BLE001 - raised in ``handle``, where it is reported
            self._failure = error
        self._stop.wait()
        self._restore()

    def _draw_changes(self) -> None:
        while not self._stop.is_set():
            self._changed.wait()
            self._changed.clear()
            if not self._stop.is_set():
                self.draw()
                self._clock.wait(self._stop, 1_000_000_000 // REFRESHES_PER_SECOND)

    def draw(self) -> bool:
        """Bring the terminal up to date; returns whether anything had to be drawn. Any thread."""
        with self._draw_lock:
            if self._away:
                return False
            if not self._in_foreground():  # continued with ``bg``, or started with ``&``
                self._abandon()
                return False
            with self._state_lock:
                finished, view = self._state.take_finished(), self._state.view()
            columns = self._console.width
            if not finished and self._live is not None and self._drawn == (view, columns):
                return False
            try:
                live = self._begin()
                with self._console:  # one write, so that nothing is seen twice
                    self._print(finished)
                    area = render(view, columns, ascii_only=self._ascii)
                    live.update(area, refresh=True)
            except (OSError, ValueError):
                self._broken = True
            self._drawn = view, columns
            return True

    def _print(self, finished: list[Finished]) -> None:
        if finished:
            self._recent.extend(finished)
            lines = [render_finished(item, self._console.width) for item in finished]
            self._console.print(Group(*lines), highlight=False, markup=False, emoji=False)

    def picture(self, *, columns: int = 90, title: str = "live-whisper") -> str:
        """The display as an SVG image: the last lines and the live area. Any thread."""
        with self._draw_lock, self._state_lock:
            return picture(list(self._recent), self._state.view(), columns=columns, title=title)

    def suspend(self) -> None:
        """Give the terminal back, before the process is stopped (Ctrl-Z) or asks a question.

        Fit for a signal handler: a terminal that takes nothing is given up after a while.
        """
        self._away = True
        if self._draw_lock.acquire(timeout=_LOCK_SECONDS):
            try:
                with contextlib.suppress(OSError, ValueError):
                    self._end_live()
            finally:
                self._draw_lock.release()

    def resume(self) -> None:
        """Draw again after ``suspend``, or after a stop that nobody announced (SIGSTOP)."""
        if self._draw_lock.acquire(timeout=_LOCK_SECONDS):
            try:
                with contextlib.suppress(OSError, ValueError):
                    if self._live is not None and self._in_foreground():
                        self._abandon()
                        self._console.line()  # the old area's last line has no end
            finally:
                self._draw_lock.release()
        self._away = False
        self._changed.set()

    def close(self) -> None:
        """Draw what is left, remove the live area, show the cursor. Never raises; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._stop.set()
        self._changed.set()
        if self._thread is None:
            self._restore()
        else:  # that thread restores; one that is stuck in a write could not be helped here either
            self._thread.join(_JOIN_SECONDS)

    def _restore(self) -> None:
        with self._state_lock:
            self._state.finish()
            finished = self._state.take_finished()
        try:
            with self._console:
                if self._live is not None:
                    self._live.update("", refresh=True)
                self._print(finished)
        except (OSError, ValueError):
            self._broken = True
        finally:
            for restore in (self._end_live, lambda: self._console.show_cursor(show=True)):
                with contextlib.suppress(OSError, ValueError):
                    restore()
