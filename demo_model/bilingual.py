"""Which Korean word an English word of the same sentence stands for, by the lexicon."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from demo_model.lexicon import LEXICON

_LONGEST_ENDING = 3
"""Syllables that particles may add to a Korean word."""


@cache
def _dictionary() -> dict[str, frozenset[str]]:
    """English word, lower case -> first words of the Korean forms of its entries."""
    found: dict[str, set[str]] = {}
    for entries in LEXICON.values():
        for entry in entries:
            forms = {form.split()[0] for form in entry.korean.values()}
            for text in entry.english.values():
                for word in text.lower().split():
                    found.setdefault(word, set()).update(forms)
    return {word: frozenset(forms) for word, forms in found.items()}


@cache
def _best(english: str, korean: tuple[str, ...]) -> int | None:
    """Index of the Korean word with the shortest ending after a form of the English word."""
    best: tuple[int, int] | None = None
    for i, word in enumerate(korean):
        for form in _dictionary().get(english, ()):
            rest = len(word) - len(form)
            if word.startswith(form) and rest <= _LONGEST_ENDING:
                best = min(best or (rest, i), (rest, i))
    return None if best is None else best[1]


def align(english: Sequence[str], korean: Sequence[str]) -> list[int | None]:
    """For each English word the index of its Korean word, or None where the lexicon is silent."""
    plain = tuple(word.strip(".,?") for word in korean)
    return [_best(word.strip(".,?").lower(), plain) for word in english]
