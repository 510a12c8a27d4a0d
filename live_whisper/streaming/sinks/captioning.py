"""From events to cues: the one translation that live files, displays and rebuilding share."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from live_whisper.captions.cues import Cue, CueBuilder, CueLimits
from live_whisper.captions.writer import DocumentInfo, WriterOptions
from live_whisper.types.events import (
    Committed,
    Event,
    LanguageChosen,
    SegmentClosed,
    SessionEnded,
    SessionStarted,
)


class CueFeed:
    """Finished cues of a run, in order. One thread.

    Looks at stored events only (never ``Progress`` or ``Tentative``), so a journal replayed gives
    exactly the cues of the live run. Where two inputs are captioned at once, words of the other
    input close the open cue: cues follow each other in one sequence and never overlap.
    """

    def __init__(self, limits: CueLimits | None = None) -> None:
        self._limits = limits or CueLimits()
        self._builder = CueBuilder(self._limits)

    def handle(self, event: Event) -> list[Cue]:
        """The cues that an event finishes."""
        if isinstance(event, Committed):
            return self._builder.push(event.words, source=event.source)
        if isinstance(event, SegmentClosed):
            return self._builder.segment_closed(event.span.end, source=event.source)
        if isinstance(event, SessionEnded):
            return self._builder.flush()
        return []

    def finish(self) -> list[Cue]:
        """The run is over, with or without a ``SessionEnded``: closes the open cue."""
        return self._builder.flush()

    @property
    def pending_text(self) -> str:
        """Committed words that are in no cue yet, as written."""
        return "".join(word.text for word in self._builder.pending)

    @property
    def pending_source(self) -> str:
        """Label of the input the pending words were heard on."""
        return self._builder.source

    @property
    def count(self) -> int:
        """Cues finished so far."""
        return self._builder.next_index - 1


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One subtitle file of a run: enough to write it again from the journal."""

    path: Path
    options: WriterOptions = field(default_factory=WriterOptions)
    kept_bytes: int = 0
    """Bytes at the beginning that were there before the run (a continued file)."""

    def to_json(self) -> dict[str, str | int | bool]:
        """As stored with a recording."""
        return {
            "path": str(self.path),
            "first_number": self.options.first_number,
            "offset": self.options.offset,
            "words": self.options.words,
            "kept_bytes": self.kept_bytes,
            "columns": self.options.limits.columns,
            "lines": self.options.limits.lines,
            "minimum": self.options.limits.minimum,
            "maximum": self.options.limits.maximum,
        }

    @classmethod
    def from_json(cls, entry: object) -> "OutputSpec":
        """Back from ``to_json``. Raises ``ValueError`` for anything else."""
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            raise ValueError("an output needs a path")  # noqa: TRY004 - damaged data, not a defect
        numbers = [entry.get(key, default) for key, default in _NUMBERS]
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise ValueError("an output's numbers must be whole and not negative")
        first, offset, kept, *of_a_cue = numbers
        limits = CueLimits(*of_a_cue)
        options = WriterOptions(first, offset, words=entry.get("words") is True, limits=limits)
        return cls(Path(entry["path"]), options, kept)


_LIMITS = CueLimits()
_NUMBERS = (
    ("first_number", 1),
    ("offset", 0),
    ("kept_bytes", 0),
    ("columns", _LIMITS.columns),
    ("lines", _LIMITS.lines),
    ("minimum", _LIMITS.minimum),
    ("maximum", _LIMITS.maximum),
)


class DocumentFacts:
    """What a document's header says, gathered from the events. One thread."""

    def __init__(self, title: str) -> None:
        self._info = DocumentInfo(title=title)

    def handle(self, event: Event) -> None:
        """Take note of model and language."""
        if isinstance(event, SessionStarted):
            language = "" if event.language == "auto" else event.language
            self._info = replace(self._info, language=language, model=event.model)
        elif isinstance(event, LanguageChosen):
            self._info = replace(self._info, language=event.language)

    @property
    def info(self) -> DocumentInfo:
        """What is known so far."""
        return self._info
