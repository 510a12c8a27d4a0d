"""What every subtitle format offers: a header, one text per cue, a footer, all as strings."""

from dataclasses import dataclass, field
from typing import Protocol

from live_whisper.captions.cues import Cue, CueLimits, label_prefix
from live_whisper.captions.text import sanitize
from live_whisper.types.text import Word


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What is known about a recording when its file begins."""

    title: str = ""
    language: str = ""
    """Whisper's code, empty where unknown."""
    model: str = ""
    end: int | None = None
    """Sample at which the last cue ends, where the whole document is known."""


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """How cues are written into one file."""

    first_number: int = 1
    """Number of the stream's first cue: above 1 where a file is continued."""
    offset: int = 0
    """Samples added to every time: the length of what a continued file already covers."""
    words: bool = False
    """Word-level times where the format can hold them."""
    limits: CueLimits = field(default_factory=CueLimits)
    """What the file's cues keep to."""


class CaptionWriter(Protocol):
    """Writes one document. A document is ``header() + cue(...)… + footer()``; one thread."""

    def header(self) -> str:
        """What stands before the first cue."""
        ...

    def cue(self, cue: Cue) -> str:
        """One cue; cues come in order, each once."""
        ...

    def footer(self) -> str:
        """What stands after the last cue; empty for formats that are valid without."""
        ...


@dataclass(frozen=True, slots=True)
class WordPiece:
    """A word, or the part of it that stands on one line."""

    word: Word
    text: str
    """Sanitised, without surrounding space."""
    spaced: bool
    """Whether a space stands before it on its line."""
    continued: bool
    """Whether an earlier line has the word's beginning."""


def words_by_line(cue: Cue) -> list[list[WordPiece]] | None:
    """Which words stand on which line of a cue; a label before the first word belongs to none.

    ``None`` where the lines cannot be told apart into the words (escape sequences that spread
    over several words, for instance); such a cue is written without word times.
    """
    queue = [(word, text) for word in cue.words if (text := sanitize(word.text).strip())]
    queue.reverse()
    result: list[list[WordPiece]] = []
    continued = False
    for number, line in enumerate(cue.lines):
        rest = line.removeprefix(label_prefix(cue.source)) if number == 0 else line
        pieces: list[WordPiece] = []
        while rest:
            if not queue:
                return None
            word, text = queue.pop()
            spaced = rest.startswith(" ")
            rest = rest.lstrip(" ")
            if rest.startswith(text):
                pieces.append(WordPiece(word, text, spaced, continued))
                rest, continued = rest[len(text) :], False
            elif text.startswith(rest):
                pieces.append(WordPiece(word, rest, spaced, continued))
                queue.append((word, text[len(rest) :].lstrip(" ")))
                rest, continued = "", True
            else:
                return None
        result.append(pieces)
    return None if queue else result
