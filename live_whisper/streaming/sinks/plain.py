"""One line per finished caption, for pipes and screen readers: nothing is ever redrawn."""

from typing import TextIO

from live_whisper.captions.cues import CueLimits
from live_whisper.captions.text import sanitize
from live_whisper.streaming.sinks.base import DisplayClosed
from live_whisper.streaming.sinks.captioning import CueFeed
from live_whisper.streaming.sinks.lines import LineWriter
from live_whisper.types.events import Event, Notice


class PlainSink:
    """Prints captions to standard output and notices to standard error. One thread."""

    def __init__(
        self,
        stream: TextIO | None = None,
        notices: TextIO | None = None,
        *,
        limits: CueLimits | None = None,
    ) -> None:
        """Without ``notices`` none are printed."""
        self._out = LineWriter(stream)
        self._notices = None if notices is None else LineWriter(notices)
        self._feed = CueFeed(limits)

    def handle(self, event: Event) -> None:
        """Print what an event finishes. Raises ``DisplayClosed`` when nobody reads."""
        if isinstance(event, Notice) and self._notices is not None:
            try:
                self._notices.write(f"live-whisper: {sanitize(event.message).strip()}")
            except (DisplayClosed, OSError):  # captions do not need it
                self._notices = None
        for cue in self._feed.handle(event):
            self._out.write(cue.text)

    def close(self) -> None:
        """Print the open caption. Raises ``DisplayClosed`` when nobody reads."""
        for cue in self._feed.finish():
            self._out.write(cue.text)
