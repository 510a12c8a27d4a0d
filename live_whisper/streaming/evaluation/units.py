"""Words as they are compared: what was said, what was committed, and when each was known.

A unit is a whitespace word (an eojeol in Korean); scripts written without spaces are compared by
character. Case and punctuation are set aside, spelling is not.
"""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from live_whisper.errors import InputError
from live_whisper.types.text import Word
from live_whisper.units import seconds_to_samples

_UNSPACED = ("CJK UNIFIED", "HIRAGANA", "KATAKANA", "THAI", "LAO ", "MYANMAR", "KHMER")


@dataclass(frozen=True, slots=True)
class ReferenceWord:
    """A word that was really said."""

    text: str
    start: int
    """Absolute sample at which its sound begins."""
    end: int
    """Absolute sample just after its sound."""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """One compared word."""

    text: str
    """Without case and punctuation; never empty."""
    start: int
    """Absolute sample."""
    end: int
    """Absolute sample, not before ``start``."""
    language: str = ""
    at: int = 0
    """Committed words: stream position when the commit was published. Absolute sample."""
    heard: int = 0
    """Committed words: end of the audio that the commit was decoded from. Absolute sample."""

    @property
    def middle(self) -> int:
        """Absolute sample half-way."""
        return (self.start + self.end) // 2


def plain(text: str) -> str:
    """Text without case, punctuation and white space (Unicode NFKC)."""
    return "".join(
        char
        for char in unicodedata.normalize("NFKC", text).casefold()
        if not unicodedata.category(char).startswith(("P", "Z", "C", "S"))
    )


def reference_units(words: Iterable[ReferenceWord]) -> list[Unit]:
    """Spoken words in order of their beginning; those without letters are left out."""
    units = [Unit(plain(word.text), word.start, word.end, word.language) for word in words]
    spoken = [piece for unit in units if unit.text for piece in _by_character(unit)]
    return sorted(spoken, key=lambda unit: (unit.start, unit.end))


def committed_units(words: Iterable[Word], *, at: int = 0, heard: int = 0) -> list[Unit]:
    """Decoded words in order. A word without a space before it goes on with the one before."""
    joined: list[Unit] = []
    for word in words:
        new = Unit(plain(word.text), word.start, word.end, at=at, heard=heard)
        apart = word.text[:1].isspace() or word.segment_start is not None
        if joined and not apart and not _is_unspaced(new.text):
            last = joined[-1]
            joined[-1] = replace(last, text=last.text + new.text, end=max(last.end, new.end))
        else:
            joined.append(new)
    return [piece for unit in joined if unit.text for piece in _by_character(unit)]


def characters(units: Sequence[Unit]) -> list[Unit]:
    """Every character as a unit of its own, its word's time shared out."""
    return [piece for unit in units for piece in _cut(unit)]


def load_reference(path: Path) -> tuple[ReferenceWord, ...]:
    """Words of a JSON file ``[{"text", "start", "end", "lang"}, ...]``, times in seconds.

    Raises ``InputError`` for anything else.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            ReferenceWord(
                str(row["text"]),
                seconds_to_samples(float(row["start"])),
                seconds_to_samples(float(row["end"])),
                str(row.get("lang", "")),
            )
            for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path.name!r} holds no word times ({type(error).__name__}).",
            hint='Expected JSON: [{"text": "Hello", "start": 0.5, "end": 0.9, "lang": "en"}].',
        ) from None


def _by_character(unit: Unit) -> list[Unit]:
    return _cut(unit) if _is_unspaced(unit.text) else [unit]


def _is_unspaced(text: str) -> bool:
    return bool(text) and unicodedata.name(text[0], "").startswith(_UNSPACED)


def _cut(unit: Unit) -> list[Unit]:
    count, length = len(unit.text), unit.end - unit.start
    return [
        replace(
            unit,
            text=char,
            start=unit.start + length * index // count,
            end=unit.start + length * (index + 1) // count,
        )
        for index, char in enumerate(unit.text)
    ]
