"""Every event of a run with the time it was published, for measuring; not a journal.

JSON lines ``{"ns": …, "event": "committed", …}``, tentative text and progress included. The file
is bounded: at the limit it ends with ``{"event": "log_full"}`` and nothing more is written.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from live_whisper.clock import Clock, MonotonicClock
from live_whisper.errors import InputError
from live_whisper.streaming.sinks.codec import CodecError, decode, encode, event_name
from live_whisper.streaming.sinks.files import reason, shown
from live_whisper.types.events import Event

MOST_BYTES = 512 << 20
"""About ten hours of speech."""


class EventLogSink:
    """Writes a log. One thread; the clock is read when an event is handled."""

    def __init__(
        self, path: Path, clock: Clock | None = None, *, most_bytes: int = MOST_BYTES
    ) -> None:
        """Create or replace the file (mode 0600)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: TextIO = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")
        self._clock = clock or MonotonicClock()
        self._left = most_bytes

    def handle(self, event: Event) -> None:
        """Write an event with the clock's time."""
        self.write(self._clock.now_ns(), event)

    def write(self, now_ns: int, event: Event) -> None:
        """Write an event with a time of the caller's."""
        if self._left <= 0:
            return
        record = {"ns": now_ns, "event": event_name(event), **encode(event)}
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        self._left -= len(line) + 1
        self._file.write((line if self._left > 0 else '{"event":"log_full"}') + "\n")

    def close(self) -> None:
        """Finish the file; may be called more than once."""
        self._file.close()


def read_event_log(path: Path) -> Iterator[tuple[int, Event]]:
    """Times and events of a log; a torn last line and unknown events are left out.

    Raises ``InputError`` where the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                entry = _entry(line)
                if entry is not None:
                    yield entry
    except OSError as error:
        raise InputError(f"{shown(path)!r} cannot be read: {reason(error)}.") from None


def _entry(line: str) -> tuple[int, Event] | None:
    try:
        record = json.loads(line)
        return int(record["ns"]), decode(str(record["event"]), record)
    except (ValueError, KeyError, TypeError, CodecError):
        return None
