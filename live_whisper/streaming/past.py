"""What a journal says of a run that ended early: enough to go on as if nothing had happened.

The order of lines matters: ``WindowDone`` is written before the words it announces, so a journal
cut off after any byte says exactly which decodes took effect. A decode whose words are missing is
done again, from the same state, and gives the same words.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from live_whisper.streaming.stitcher import TAIL_WORDS
from live_whisper.types.audio import Span
from live_whisper.types.events import (
    AudioLost,
    Committed,
    Event,
    LanguageChosen,
    SegmentClosed,
    SessionEnded,
    SessionStarted,
    WindowDone,
)
from live_whisper.types.text import Word


@dataclass(slots=True)
class StreamPast:
    """One input's past. Built by ``Past``."""

    words: deque[Word] = field(default_factory=lambda: deque(maxlen=TAIL_WORDS))
    """The newest committed words."""
    count: int = 0
    """All committed words."""
    done: WindowDone | None = None
    """The last decode that took effect."""
    at: int = 0
    """Stream position when the last stored event was made; nothing before it waits unread."""
    closed: list[Span] = field(default_factory=list)
    """The finished speech segments."""
    unannounced: list[Span] = field(default_factory=list)
    """Segments that a decode finished and whose ``SegmentClosed`` was cut off."""
    language: str | None = None
    """The last language announced."""
    _pending: WindowDone | None = None

    def handle(self, event: Event) -> None:
        """Take this input's next event."""
        if isinstance(event, WindowDone):
            self._pending = event
            if not event.words:
                self._settle()
        elif isinstance(event, Committed):
            self.words.extend(event.words)
            self.count += len(event.words)
            if self._pending is not None and self._pending.words == len(event.words):
                self._settle()
            self._pending = None
            self.at = max(self.at, event.at)
        elif isinstance(event, SegmentClosed):
            if event.span in self.unannounced:
                self.unannounced.remove(event.span)
            elif event.span.end > self.closed_to:  # its announcement was on a damaged line
                self.closed.append(event.span)

    def _settle(self) -> None:
        assert self._pending is not None
        self.done, self._pending = self._pending, None
        self.at = max(self.at, self.done.at)
        for span in self.done.closes:
            if span.end > self.closed_to:
                self.closed.append(span)
                self.unannounced.append(span)

    @property
    def closed_to(self) -> int:
        """End of the last finished speech segment."""
        return self.closed[-1].end if self.closed else 0

    @property
    def decoded_samples(self) -> int:
        """Length of all finished segments."""
        return sum(span.length for span in self.closed)

    @property
    def missing(self) -> list[Event]:
        """Events that follow from what was done and that the journal lacks."""
        return [
            SegmentClosed(self.at, span, self.done.source if self.done else "")
            for span in self.unannounced
        ]


@dataclass(slots=True)
class Past:
    """Reads a journal's events in order."""

    started: SessionStarted | None = None
    ended: SessionEnded | None = None
    """The last one; a run that was taken up again may end several times."""
    streams: dict[str, StreamPast] = field(default_factory=dict)
    """By input label."""
    lost: list[AudioLost] = field(default_factory=list)

    def read(self, events: Iterable[Event]) -> "Past":
        """Take all events; returns itself."""
        for event in events:
            self.handle(event)
        return self

    def stream(self, label: str) -> StreamPast:
        """The past of one input; empty where nothing was heard of it."""
        return self.streams.setdefault(label, StreamPast())

    def handle(self, event: Event) -> None:
        """Take one event."""
        match event:
            case WindowDone() | Committed() | SegmentClosed():
                self.stream(event.source).handle(event)
            case LanguageChosen():
                for past in self.streams.values():
                    past.language = event.language
            case SessionStarted() if self.started is None:
                self.started = event
            case SessionEnded():
                self.ended = event
            case AudioLost():
                self.lost.append(event)
            case _:
                pass
