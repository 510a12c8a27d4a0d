"""What a live display shows, reduced from the events; knows nothing of terminals."""

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

from live_whisper import units
from live_whisper.captions.cues import Cue, CueLimits, label_prefix
from live_whisper.captions.text import sanitize
from live_whisper.streaming.sinks.captioning import CueFeed
from live_whisper.types.events import (
    Committed,
    Event,
    LanguageChosen,
    ModelReady,
    Notice,
    Progress,
    SegmentClosed,
    SessionEnded,
    SessionStarted,
    SpeechChanged,
    Tentative,
    TextSuppressed,
)
from live_whisper.types.text import Word

METER_CELLS = 10
_METER_FLOOR_DBFS = -60.0
_MOST_FINISHED = 512  # waiting to be drawn; a display that stalls longer loses the oldest lines
_MOST_SOURCES = 8


@dataclass(frozen=True, slots=True)
class Tail:
    """The text that is still being spoken on one input."""

    label: str
    committed: str
    """Final, but not yet part of a finished caption."""
    tentative: str
    """May still change."""


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice for the scrollback."""

    message: str
    level: str


@dataclass(frozen=True, slots=True)
class SuppressedLine:
    """Text that a guard kept out."""

    start: int
    """Absolute sample."""
    text: str
    reason: str


Finished: TypeAlias = Cue | NoticeLine | SuppressedLine
"""What leaves the live area and scrolls away."""


@dataclass(frozen=True, slots=True)
class View:
    """One state of the live area, rounded to what can be seen: equal views look the same."""

    tails: tuple[Tail, ...] = ()
    state: str = "loading"
    """``"loading"``, ``"listening"``, ``"behind"``, ``"finishing"`` or ``"ended"``."""
    speaking: bool = False
    meter: int = 0
    """Cells of ``METER_CELLS`` that the level fills; full at 0 dBFS, none below -60."""
    elapsed_seconds: int = 0
    lag_tenths: int = 0
    """Age of the oldest speech not yet committed, tenths of a second."""
    compute_percent: int = 0
    """Engine time ÷ audio time."""
    source: str = ""
    model: str = ""
    language: str = ""
    outputs: tuple[str, ...] = ()


class ViewState:
    """Takes events, gives views and finished lines. One thread at a time; memory is bounded."""

    def __init__(
        self,
        *,
        outputs: tuple[str, ...] = (),
        show_suppressed: bool = False,
        limits: CueLimits | None = None,
    ) -> None:
        self._view = View(outputs=tuple(map(_line, outputs)))
        self._show_suppressed = show_suppressed
        self._feed = CueFeed(limits)
        self._tentative: dict[str, str] = {}
        self._finished: list[Finished] = []

    def apply(self, event: Event) -> None:
        """Take one event."""
        self._finish(*self._feed.handle(event))
        if isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Tentative):
            self._guess(event.source, event.words)
        elif isinstance(event, (Committed, SegmentClosed)):
            # The guess covered what is now committed; the next one says what remains of it.
            self._tentative.pop(event.source, None)
        elif isinstance(event, Notice):
            self._finish(NoticeLine(_line(event.message), event.level))
        elif isinstance(event, TextSuppressed):
            self._suppress(event)
        else:
            self._facts(event)

    def _facts(self, event: Event) -> None:
        view = self._view
        if isinstance(event, SessionStarted):
            view = replace(
                view,
                source=_line(event.source),
                model=_line(event.model),
                language=_line(event.language),
            )
        elif isinstance(event, ModelReady):
            view = replace(view, state="listening" if view.state == "loading" else view.state)
        elif isinstance(event, LanguageChosen):
            view = replace(view, language=_line(event.language))
        elif isinstance(event, SpeechChanged):
            view = replace(view, speaking=event.speaking)
        elif isinstance(event, SessionEnded):
            self._tentative.clear()
            view = replace(view, state="ended", speaking=False, meter=0, lag_tenths=0)
        self._view = view

    def _progress(self, event: Progress) -> None:
        lag = event.lag_seconds if math.isfinite(event.lag_seconds) else 0.0
        ratio = event.compute_ratio if math.isfinite(event.compute_ratio) else 0.0
        self._view = replace(
            self._view,
            state=_line(event.state),
            speaking=event.speaking,
            meter=meter_cells(event.level_dbfs),
            elapsed_seconds=event.at // units.SAMPLE_RATE,
            lag_tenths=round(lag * 10),
            compute_percent=round(ratio * 100),
        )

    def _guess(self, source: str, words: tuple[Word, ...]) -> None:
        text = sanitize("".join(word.text for word in words))
        if not text.strip():
            self._tentative.pop(source, None)
        elif source in self._tentative or len(self._tentative) < _MOST_SOURCES:
            self._tentative[source] = text

    def _suppress(self, event: TextSuppressed) -> None:
        words = event.suppressed.words
        text = _line("".join(word.text for word in words))
        if self._show_suppressed and text:
            self._finish(SuppressedLine(words[0].start, text, _line(event.suppressed.reason)))

    def _finish(self, *items: Finished) -> None:
        self._finished.extend(items)
        del self._finished[:-_MOST_FINISHED]

    def finish(self) -> None:
        """The run is over: the open caption becomes a finished one."""
        self._tentative.clear()
        self._finish(*self._feed.finish())

    def take_finished(self) -> list[Finished]:
        """Lines finished since the last call, in order."""
        finished, self._finished = self._finished, []
        return finished

    def view(self) -> View:
        """The live area as it is now."""
        committed = sanitize(self._feed.pending_text)
        here = self._feed.pending_source
        sources = dict.fromkeys(([here] if committed.strip() else []) + list(self._tentative))
        tails = tuple(
            Tail(
                label_prefix(source),
                committed if source == here else "",
                self._tentative.get(source, ""),
            )
            for source in sources
        )
        return replace(self._view, tails=tails)


def meter_cells(level_dbfs: float) -> int:
    """Cells that a level fills, 0 to ``METER_CELLS``; rounds up so that a faint sound shows."""
    if not level_dbfs > _METER_FLOOR_DBFS:  # NaN and -inf too
        return 0
    share = 1 - min(level_dbfs, 0.0) / _METER_FLOOR_DBFS
    return min(METER_CELLS, math.ceil(share * METER_CELLS))


def _line(text: str) -> str:
    return sanitize(text).strip()
