"""Whisper's tokenizer over tiktoken, for any vocabulary.

Special tokens and the splitting into words follow openai/whisper ``whisper/tokenizer.py``.
"""

import codecs
import difflib
import string
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import tiktoken

from live_whisper.errors import ModelError, UsageError
from live_whisper.whisper.languages import (
    LANGUAGES,
    WITHOUT_SPACES,
    language_code,
    language_name,
    list_codes,
)
from live_whisper.whisper.vocabulary import Vocabulary

# Contractions, then words, numbers and signs with the space before them, then white space.
_PIECES = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TIMESTAMP_COUNT = 1501  # <|0.00|> to <|30.00|> in steps of 0.02 s
_MUSIC = "♩♪♫♬♭♮♯"
_SIGNS = (
    *'"#()*+/:;<=>@[\\]^_`{|}~「」『』',
    *("<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", '("', "((", "))", "(((", ")))"),
    *("[[", "]]", "{{", "}}", "♪♪", "♪♪♪"),
)  # fmt: skip


class Tokenizer:
    """Text to ids and back. Immutable; any thread."""

    def __init__(self, vocabulary: Vocabulary, *, n_vocab: int, is_multilingual: bool) -> None:
        """Raises ``ModelError`` naming the special token that is missing or out of place."""
        self.n_vocab = n_vocab
        """Length of the logits; ids no tokenizer file names are padding."""
        self.is_multilingual = is_multilingual
        self.special: Mapping[str, int] = MappingProxyType(vocabulary.special)
        """``<|...|>`` names and their ids."""
        self.eot = self._id("<|endoftext|>")
        self.sot = self._id("<|startoftranscript|>")
        self.sot_lm = self._id("<|startoflm|>")
        self.sot_prev = self._id("<|startofprev|>")
        self.no_speech = self._id("<|nospeech|>", "<|nocaptions|>")
        self.no_timestamps = self._id("<|notimestamps|>")
        self.transcribe = self._id("<|transcribe|>")
        self.translate = self._id("<|translate|>")
        self.timestamp_begin, self.timestamp_count = self._timestamps()
        self.languages: Mapping[str, int] = MappingProxyType(
            {
                code: self.special[f"<|{code}|>"]
                for code in LANGUAGES
                if f"<|{code}|>" in self.special
            }
        )
        """Language codes of this checkpoint and their tokens."""
        self._names = {number: name for name, number in vocabulary.special.items()}
        self._bytes = {number: spelt for spelt, number in vocabulary.text.items()}
        self._bytes |= {number: word.encode() for word, number in vocabulary.added.items()}
        self._encoding = tiktoken.Encoding(
            "whisper", pat_str=_PIECES, mergeable_ranks=vocabulary.text, special_tokens={}
        )

    def _id(self, *names: str) -> int:
        for name in names:
            if name in self.special:
                return self.special[name]
        raise ModelError(f"the tokenizer lacks {names[0]}.")

    def _timestamps(self) -> tuple[int, int]:
        """First id and number; older checkpoints do not name them, they follow the last special."""
        begin = self.special.get("<|0.00|>", self.no_timestamps + 1)
        for k in range(TIMESTAMP_COUNT):
            name = f"<|{k * 0.02:.2f}|>"
            if self.special.get(name, begin + k) != begin + k:
                raise ModelError(
                    f"timestamp token {name} has id {self.special[name]}, not {begin + k}."
                )
        last = begin + TIMESTAMP_COUNT - 1
        if last >= self.n_vocab:
            raise ModelError(
                f"the vocabulary of {self.n_vocab} has no room for the timestamps up to id {last}."
            )
        taken = [
            name
            for name, number in self.special.items()
            if begin <= number <= last and name != f"<|{(number - begin) * 0.02:.2f}|>"
        ]
        if taken:
            raise ModelError(f"{taken[0][:40]} has an id among the timestamps.")
        return begin, TIMESTAMP_COUNT

    def encode(self, text: str) -> list[int]:
        """Ids of plain text; what looks like a special token is text too."""
        return self._encoding.encode_ordinary(text)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of the text tokens; special tokens and padding give none."""
        return b"".join(self._bytes.get(i, b"") for i in ids)

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids. Bytes are joined first: one character can span tokens."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def token_name(self, token: int) -> str:
        """One id for people: its text, or its special name."""
        if self.is_timestamp(token):
            return f"<|{(token - self.timestamp_begin) * 0.02:.2f}|>"
        return self._names.get(token) or self.decode([token])

    def is_timestamp(self, token: int) -> bool:
        """Whether the id is one of ``<|0.00|>`` … ``<|30.00|>``."""
        return self.timestamp_begin <= token < self.timestamp_begin + self.timestamp_count

    def is_text(self, token: int) -> bool:
        """Whether the id stands for bytes of text."""
        return token in self._bytes

    @cached_property
    def special_ids(self) -> tuple[int, ...]:
        """Ids that are neither text nor timestamps, end of text aside; padding included."""
        return tuple(
            i
            for i in range(self.n_vocab)
            if i not in self._bytes and not self.is_timestamp(i) and i != self.eot
        )

    def language_token(self, language: str) -> int:
        """The token of a language given by code or name.

        Raises ``UsageError`` for a language Whisper or this checkpoint does not know.
        """
        known = language.strip().lower()
        code = known if known in self.languages else language_code(language)
        if not self.is_multilingual and code != "en":
            raise UsageError(
                f"this checkpoint is English-only: no {language_name(code)}.",
                hint="Choose a multilingual model.",
            )
        if code not in self.languages:
            near = difflib.get_close_matches(code, list(self.languages), n=1, cutoff=0.6)
            raise UsageError(
                f"this checkpoint has no {language_name(code)} ({code}).",
                hint=f"It has {list_codes(near or self.languages)}.",
            )
        return self.languages[code]

    def sot_sequence(
        self, language: str | None, task: str = "transcribe", *, timestamps: bool = True
    ) -> tuple[int, ...]:
        """What a decode starts with: start, language and task, and ``<|notimestamps|>`` if asked.

        English-only checkpoints have neither language nor task token.
        """
        if task not in ("transcribe", "translate"):
            raise UsageError(f"unknown task: {task!r}.", hint="Use transcribe or translate.")
        end = () if timestamps else (self.no_timestamps,)
        if not self.is_multilingual:
            if task == "translate":
                raise UsageError(
                    "this checkpoint is English-only and cannot translate.",
                    hint="Choose a multilingual model.",
                )
            if language is not None:
                self.language_token(language)
            return (self.sot, *end)
        if language is None:
            raise UsageError("a multilingual checkpoint needs a language.")
        chosen = self.transcribe if task == "transcribe" else self.translate
        return (self.sot, self.language_token(language), chosen, *end)

    @cached_property
    def non_speech_tokens(self) -> tuple[int, ...]:
        """Ids of brackets, musical notes and the like, as openai/whisper suppresses them.

        A note is suppressed by its first token. Where that is a single byte (small vocabularies)
        it is left alone, since half of Unicode begins with it.
        """
        dashes = (self.encode(" -")[0], self.encode(" '")[0])
        found = {i for i in dashes if self._bytes[i] != b" "}
        for sign in (*_SIGNS, *_MUSIC):
            for ids in (self.encode(sign), self.encode(" " + sign)):
                if len(ids) == 1 or (sign in _MUSIC and len(self._bytes[ids[0]]) > 1):
                    found.add(ids[0])
        return tuple(sorted(found))

    def split_to_words(
        self, ids: Sequence[int], language: str
    ) -> tuple[list[str], list[list[int]]]:
        """Words with their tokens; concatenating either gives the input back.

        Split before spaces, punctuation and special tokens, or at code points for languages
        without spaces. A character spread over tokens is never broken.
        """
        pieces, groups = self._split_to_characters(ids)
        if language in WITHOUT_SPACES:
            return pieces, groups
        words: list[str] = []
        tokens: list[list[int]] = []
        for piece, group in zip(pieces, groups, strict=True):
            begins = piece.startswith(" ") or piece.strip() in string.punctuation
            if not words or begins or not self.is_text(group[0]):
                words.append(piece)
                tokens.append(group)
            else:
                words[-1] += piece
                tokens[-1] = tokens[-1] + group
        return words, tokens

    def _split_to_characters(self, ids: Sequence[int]) -> tuple[list[str], list[list[int]]]:
        pieces: list[str] = []
        groups: list[list[int]] = []
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        piece = ""
        group: list[int] = []
        for i in ids:
            if not self.is_text(i) and group:  # a character cut off by a special token
                pieces.append(piece + decoder.decode(b"", final=True))
                groups.append(group)
                piece, group = "", []
                decoder.reset()
            piece += decoder.decode(self._bytes[i]) if self.is_text(i) else self.token_name(i)
            group.append(i)
            if not decoder.getstate()[0]:
                pieces.append(piece)
                groups.append(group)
                piece, group = "", []
        if group:
            pieces.append(piece + decoder.decode(b"", final=True))
            groups.append(group)
        return pieces, groups
