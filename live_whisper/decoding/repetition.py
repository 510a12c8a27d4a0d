"""Finds a decoder that is stuck, without mistaking people who repeat themselves for one.

Two views: the tail of the text tokens is one phrase over and over (``Thank you. Thank you. …``),
or the tail of the text is one short group of characters over and over (``船船船船…``), whatever
tokens it was cut into. The shorter the phrase, the more repeats it takes: "no, no, no" and "네, 네"
are speech.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from live_whisper.whisper.tokenizer import Tokenizer

_CHARACTER_CHECK_EVERY = 8  # tokens between looks at the text; each decodes the tail
_CHARACTER_TAIL_TOKENS = 96
_REPLACEMENT = "�"


@dataclass(frozen=True, slots=True)
class LoopLimits:
    """From how many consecutive repeats on a phrase counts as a loop."""

    phrase_repeats: tuple[tuple[int, int], ...] = ((2, 10), (5, 7), (12, 5), (40, 4))
    """Pairs (longest phrase in tokens, repeats), ascending; longer phrases are not looked for."""
    character_repeats: int = 14
    """Repeats of a group of characters."""
    longest_group: int = 4
    """Characters in the longest group looked for."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop at the end of a list of text tokens."""

    start: int
    """Index of the text token with which the first repeat begins."""
    keep: int
    """Text tokens to keep: everything before the loop and the phrase once."""
    repeats: int


class LoopDetector:
    """Looks at the tail of a growing list of text tokens. Keeps nothing; one may serve many."""

    def __init__(self, tokenizer: Tokenizer, limits: LoopLimits | None = None) -> None:
        self._decode = tokenizer.decode
        self._limits = limits or LoopLimits()

    def find(self, text_tokens: Sequence[int]) -> Loop | None:
        """The loop the tokens end in, or ``None``. ``text_tokens``: no timestamps among them."""
        loop = self._phrase_loop(text_tokens)
        if loop is None and text_tokens and len(text_tokens) % _CHARACTER_CHECK_EVERY == 0:
            loop = self._character_loop(text_tokens)
        return loop

    def _phrase_loop(self, tokens: Sequence[int]) -> Loop | None:
        shortest = 1
        for longest, needed in self._limits.phrase_repeats:
            for period in range(shortest, longest + 1):
                repeats = _tail_repeats(tokens, period, needed)
                if repeats >= needed:
                    start = len(tokens) - period * _tail_repeats(tokens, period, len(tokens))
                    return Loop(start=start, keep=start + period, repeats=repeats)
            shortest = longest + 1
        return None

    def _character_loop(self, tokens: Sequence[int]) -> Loop | None:
        first = max(0, len(tokens) - _CHARACTER_TAIL_TOKENS)
        text = self._decode(tokens[first:]).rstrip(_REPLACEMENT)
        needed = self._limits.character_repeats
        for period in range(1, self._limits.longest_group + 1):
            if text[-period:].strip() and _tail_repeats(text, period, needed) >= needed:
                repeats = _tail_repeats(text, period, len(text))
                kept_characters = len(text) - period * (repeats - 1)
                keep = first + self._tokens_for(tokens[first:], kept_characters)
                return Loop(start=max(first, keep - 1), keep=keep, repeats=repeats)
        return None

    def _tokens_for(self, tokens: Sequence[int], characters: int) -> int:
        """The fewest leading tokens whose text has at least this many whole characters."""
        for count in range(1, len(tokens)):
            if len(self._decode(tokens[:count]).rstrip(_REPLACEMENT)) >= characters:
                return count
        return len(tokens)


def _tail_repeats(items: Sequence[object], period: int, most: int) -> int:
    """How often the last ``period`` items occur in a row at the end, counted up to ``most``."""
    position = len(items) - 1 - period
    last = max(-1, len(items) - 1 - period * most)
    while position > last and items[position] == items[position + period]:
        position -= 1
    matched = len(items) - 1 - period - position
    return 1 + matched // period if len(items) >= period else 0


def compression_ratio(text: str) -> float:
    """UTF-8 bytes over their zlib size, as openai/whisper ``utils.compression_ratio``."""
    data = text.encode("utf-8")
    return len(data) / len(zlib.compress(data))
