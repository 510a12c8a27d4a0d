"""What a run published, boiled down to what is judged: words, and when each was first shown."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from live_whisper.streaming.evaluation.units import Unit, committed_units
from live_whisper.types.events import Committed, Event, SessionEnded, Tentative
from live_whisper.types.text import Word
from live_whisper.units import ms_to_samples

SAME_PLACE = ms_to_samples(750)
"""A word shown early is the one committed later if it is spelled alike and lies this near."""


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """When a word first stood on the screen."""

    at: int
    """Stream position at that moment. Absolute sample."""
    heard: int
    """End of the audio it was decoded from. Absolute sample."""


@dataclass(frozen=True, slots=True)
class History:
    """One input's words."""

    words: tuple[Word, ...]
    """As committed."""
    units: tuple[Unit, ...]
    """The same, as they are compared."""
    first_seen: tuple[FirstSeen, ...]
    """One for each unit."""
    withdrawn: int
    """Tentative words that a later display no longer had at their place."""
    ended: SessionEnded | None


@dataclass(slots=True)
class _Reader:
    words: list[Word] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    shown: list[tuple[Unit, FirstSeen]] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    """Tentative words on display, as spelled."""
    since: list[str] = field(default_factory=list)
    """Words committed since they were displayed."""
    withdrawn: int = 0


def read_history(events: Iterable[Event], *, source: str = "") -> History:
    """Gather one input's history. ``source``: its label."""
    reader, ended = _Reader(), None
    for event in events:
        if isinstance(event, Committed) and event.source == source:
            _commit(reader, event)
        elif isinstance(event, Tentative) and event.source == source:
            _display(reader, event)
        elif isinstance(event, SessionEnded):
            ended = event
    return History(
        words=tuple(reader.words),
        units=tuple(reader.units),
        first_seen=tuple(_first_seen(reader)),
        withdrawn=reader.withdrawn,
        ended=ended,
    )


def _commit(reader: _Reader, event: Committed) -> None:
    units = committed_units(event.words, at=event.at, heard=event.heard)
    reader.words += event.words
    reader.units += units
    reader.since += [word.text.strip() for word in event.words]
    reader.shown += [(unit, FirstSeen(event.at, event.heard)) for unit in units]


def _display(reader: _Reader, event: Tentative) -> None:
    tentative = [word.text.strip() for word in event.words]
    now = reader.since + tentative
    kept = 0
    for before, after in zip(reader.tail, now, strict=False):
        if before != after:
            break
        kept += 1
    reader.withdrawn += len(reader.tail) - kept
    reader.tail, reader.since = tentative, []
    reader.shown += [
        (unit, FirstSeen(event.at, event.heard)) for unit in committed_units(event.words)
    ]


def _first_seen(reader: _Reader) -> list[FirstSeen]:
    by_text: dict[str, list[int]] = defaultdict(list)
    for index, unit in enumerate(reader.units):
        by_text[unit.text].append(index)
    found: dict[int, FirstSeen] = {}
    for unit, seen in reader.shown:
        for index in by_text.get(unit.text, ()):
            near = abs(reader.units[index].middle - unit.middle) <= SAME_PLACE
            if near and index not in found:
                found[index] = seen
    return [
        found.get(index, FirstSeen(unit.at, unit.heard)) for index, unit in enumerate(reader.units)
    ]
