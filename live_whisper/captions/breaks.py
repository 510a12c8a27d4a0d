"""Where a cue may end between two words, and how good a place it is.

The order of preference is that of professional subtitling: end of a sentence, a pause, clause
punctuation, before a conjunction or after a Korean connective ending, and only then anywhere.
"""

import regex

from live_whisper import units
from live_whisper.captions.text import breaks_between
from live_whisper.captions.wordlists import (
    belong_together,
    ends_clause,
    is_abbreviation,
    starts_clause,
)
from live_whisper.types.text import Word

PAUSE_SAMPLES = units.ms_to_samples(300)
"""Silence between two words that counts as a pause."""

_SENTENCE_END = regex.compile(r"[.!?…。！？｡؟۔।॥]+[\"'”’»)\]」』）]*$")
_CLAUSE_END = regex.compile(r"[,;:，、；：،؛–—-][\"'”’»)\]」』）]*$")

SENTENCE, PAUSE, CLAUSE, CONJUNCTION, ANYWHERE, POOR, NOWHERE = 6, 5, 4, 3, 2, 1, 0


def is_boundary(left: Word, right: Word) -> bool:
    """Whether a cue may end between two words: at a space, or where the script allows it."""
    return breaks_between(left.text, right.text)


def ends_sentence(word: Word, following: Word | None = None) -> bool:
    """Whether a word closes a sentence; abbreviations, initials and ``3.`` before ``5`` do not."""
    text = word.text.rstrip()
    match = _SENTENCE_END.search(text)
    if match is None:
        return False
    if not match.group().startswith(".") or match.group().startswith(".."):
        return True
    stem = text[: match.start()].strip().lower().lstrip("([\"'“‘")
    if is_abbreviation(stem) or (len(stem) == 1 and stem.isalpha() and stem.isascii()):
        return False
    first = following.text.lstrip()[:1] if following else ""
    return not first.islower()


def strength(left: Word, right: Word) -> int:
    """How good a place for a cue to end lies between two words: ``NOWHERE`` to ``SENTENCE``."""
    if not is_boundary(left, right):
        return NOWHERE
    if ends_sentence(left, right):
        return SENTENCE
    return _inside_sentence(left, right)


def _inside_sentence(left: Word, right: Word) -> int:
    if right.start - left.end >= PAUSE_SAMPLES:
        return PAUSE
    text = left.text.rstrip()
    if _CLAUSE_END.search(text):
        return CLAUSE
    if ends_clause(text) or starts_clause(right.text):
        return CONJUNCTION
    return POOR if belong_together(text, right.text) else ANYWHERE
