"""The demo model's vocabulary: a subset of the standard multilingual one, in the same order.

It holds the 256 bytes, every token met in the demo language, and every token met on the way of
merging those. Any text can therefore be encoded, and words of the demo language are segmented
as by the standard tokenizer. Special tokens and 1501 timestamps follow.
"""

from __future__ import annotations

import base64
import importlib.util
import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

SPECIALS = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|ko|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
TIMESTAMPS = 1501
"""`<|0.00|>` to `<|30.00|>` in steps of 0.02 s."""
TIMESTAMP_STEP_S = 0.02


def standard_ranks() -> dict[bytes, int]:
    """Token bytes -> rank of the standard multilingual vocabulary, from the openai-whisper package.

    The package is located but not imported.
    """
    spec = importlib.util.find_spec("whisper")
    if spec is None or spec.origin is None:
        raise RuntimeError("install openai-whisper: its package holds the standard vocabulary")
    path = Path(spec.origin).parent / "assets" / "multilingual.tiktoken"
    rows = (line.split() for line in path.read_bytes().splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in rows}


def merge(text: bytes, ranks: dict[bytes, int]) -> tuple[list[bytes], set[bytes]]:
    """Byte-pair merging of one piece: the tokens, and all tokens met on the way."""
    parts = [text[i : i + 1] for i in range(len(text))]
    met = set(parts)
    while len(parts) > 1:
        pairs = [(ranks.get(a + b), i) for i, (a, b) in enumerate(pairwise(parts))]
        known = [(rank, i) for rank, i in pairs if rank is not None]
        if not known:
            break
        _, i = min(known)
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
        met.add(parts[i])
    return parts, met


def pieces(word: str) -> list[bytes]:
    """A whitespace word as the standard pre-tokenizer cuts it.

    Letters with the space before them come first, then punctuation; words of the demo language
    hold letters and final punctuation only.
    """
    stem = word.rstrip(".,?!")
    tail = word[len(stem) :]
    return [piece.encode() for piece in ((" " + stem) if stem else "", tail) if piece]


@dataclass(frozen=True)
class Vocabulary:
    """Ids are positions: text tokens, then `SPECIALS`, then timestamps."""

    text: tuple[bytes, ...]
    """Text tokens in the order of their standard rank."""
    standard_ids: tuple[int, ...]
    """Standard rank of each text token."""

    @classmethod
    def for_words(cls, words: set[str]) -> Vocabulary:
        """The smallest closed vocabulary for a set of whitespace words."""
        ranks = standard_ranks()
        needed = {bytes([value]) for value in range(256)}
        for piece in sorted({p for word in words for p in pieces(word)}):
            needed |= merge(piece, ranks)[1]
        text = tuple(sorted(needed, key=lambda token: ranks[token]))
        return cls(text, tuple(ranks[token] for token in text))

    @cached_property
    def ranks(self) -> dict[bytes, int]:
        """Token bytes -> id."""
        return {token: i for i, token in enumerate(self.text)}

    @property
    def size(self) -> int:
        """Number of tokens of all kinds."""
        return self.timestamp_begin + TIMESTAMPS

    @property
    def eot(self) -> int:
        """Id of the end of text; the first special token."""
        return len(self.text)

    @property
    def timestamp_begin(self) -> int:
        """Id of `<|0.00|>`."""
        return len(self.text) + len(SPECIALS)

    def special(self, name: str) -> int:
        """Id of a special token by its bare name, e.g. `"ko"`."""
        return len(self.text) + SPECIALS.index(f"<|{name}|>")

    def encode_word(self, word: str) -> list[int]:
        """Ids of a whitespace word, with the space before it."""
        cache = self._cache
        if word not in cache:
            tokens = [token for piece in pieces(word) for token in merge(piece, self.ranks)[0]]
            cache[word] = [self.ranks[token] for token in tokens]
        return cache[word]

    @cached_property
    def _cache(self) -> dict[str, list[int]]:
        return {}

    def encode(self, text: str) -> list[int]:
        """Ids of whitespace words, each with the space before it."""
        return [i for word in text.split() for i in self.encode_word(word)]

    def decode(self, ids: list[int]) -> str:
        """The text of the text tokens among `ids`."""
        return b"".join(self.text[i] for i in ids if i < self.eot).decode(errors="replace")

    def save(self, path: Path) -> None:
        """Write the text tokens and their standard ids as JSON."""
        rows = [
            [base64.b64encode(t).decode(), i]
            for t, i in zip(self.text, self.standard_ids, strict=True)
        ]
        path.write_text(json.dumps(rows), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what `save` wrote."""
        rows = json.loads(path.read_text(encoding="utf-8"))
        return cls(tuple(base64.b64decode(t) for t, _ in rows), tuple(i for _, i in rows))
