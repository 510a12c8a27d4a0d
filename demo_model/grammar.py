"""Parallel sentences of the demo language, split by their text into training and test.

A sentence belongs to the test set when the hashes of its English *and* of its Korean text say
so, to the training set when neither does, and to no set otherwise: neither text of a test
sentence is ever trained on. Short turns without slots ("Yes.") are training material only.
"""

from __future__ import annotations

import hashlib
import random
import re
from functools import cache
from typing import Literal

from demo_model.korean import with_particle
from demo_model.lexicon import LEXICON, Entry
from demo_model.patterns import FIXED, TOPICS

Split = Literal["train", "test"]

TEST_SHARE = 5
"""One text in this many is kept for the test set, by its hash."""
RARE_SHARE = 0.035
"""Share of personal names that are drawn from the rare ones."""
FIXED_SHARE = 0.06
"""Share of short turns in the training material."""

_SLOT = re.compile(r"\{(?P<word>[a-z]+)(?P<n>\d?)(?:\.(?P<form>\w+))?(?::(?P<particle>\w+))?\}")


@cache
def patterns(topic: str) -> tuple[tuple[str, str], ...]:
    """(English, Korean) templates of a topic, or of `"fixed"`, the turns without slots."""
    lines = (FIXED if topic == "fixed" else TOPICS[topic]).strip().splitlines()
    pairs = [tuple(part.strip() for part in line.split("|")) for line in lines]
    return tuple((english, korean) for english, korean in pairs)


@cache
def _with_slots() -> tuple[tuple[str, str], ...]:
    return tuple(pair for topic in TOPICS for pair in patterns(topic))


def _draw(rng: random.Random, template: str) -> dict[str, Entry]:
    """Slot name with its digit -> entry; entries of one class differ within a sentence."""
    chosen: dict[str, Entry] = {}
    for match in _SLOT.finditer(template):
        slot = match["word"] + match["n"]
        if slot in chosen:
            continue
        word = match["word"]
        if word == "name" and rng.random() < RARE_SHARE:
            word = "rare"
        free = [entry for entry in LEXICON[word] if entry not in chosen.values()]
        chosen[slot] = rng.choice(free)
    return chosen


def _fill(template: str, chosen: dict[str, Entry], language: str) -> str:
    def word(match: re.Match[str]) -> str:
        entry = chosen[match["word"] + match["n"]]
        forms = entry.english if language == "en" else entry.korean
        text = forms.get(match["form"] or "", forms.get("", ""))
        if not text:
            raise KeyError(f"no form {match['form']!r} of {forms}")
        return with_particle(text, match["particle"]) if match["particle"] else text

    text = _SLOT.sub(word, template)
    return text[0].upper() + text[1:] if language == "en" else text


def split_of(english: str, korean: str) -> Split | None:
    """The set a sentence pair belongs to; None for pairs that neither set may use."""
    votes = {_is_test(english), _is_test(korean)}
    if len(votes) == 2:
        return None
    return "test" if votes == {True} else "train"


def _is_test(text: str) -> bool:
    return hashlib.sha256(text.encode()).digest()[0] % TEST_SHARE == 0


def sample(rng: random.Random, split: Split = "train") -> tuple[str, str]:
    """One (English, Korean) sentence pair of the given set."""
    if split == "train" and rng.random() < FIXED_SHARE:
        return rng.choice(patterns("fixed"))
    while True:
        english, korean = rng.choice(_with_slots())
        chosen = _draw(rng, english)
        pair = _fill(english, chosen, "en"), _fill(korean, chosen, "ko")
        if split_of(*pair) == split:
            return pair


def word_forms(language: str, sentences: int = 20000, seed: int = 0) -> set[str]:
    """Whitespace words, lower case and without punctuation, met in `sentences` sentences."""
    rng = random.Random(seed)
    index = 0 if language == "en" else 1
    return {
        word.strip(".,?").lower() for _ in range(sentences) for word in sample(rng)[index].split()
    }
