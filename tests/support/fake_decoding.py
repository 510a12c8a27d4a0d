"""A tiny tokenizer and an engine that says what the test tells it to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from live_whisper.decoding.types import Decoded
from live_whisper.engines.base import StepOutput
from live_whisper.whisper.dims import Dims
from live_whisper.whisper.tokenizer import Tokenizer
from live_whisper.whisper.vocabulary import Vocabulary

WORDS = (" no", " yes", " hello", " world", " thank", " you", " good", " day", " -", " '")
LANGUAGES = ("en", "ko", "ja")


def make_tokenizer(*, multilingual: bool = True, padding: int = 3) -> Tokenizer:
    text = {bytes([byte]): byte for byte in range(256)}
    for word in WORDS:
        spelt = word.encode()
        for length in range(2, len(spelt) + 1):
            text.setdefault(spelt[:length], len(text))
    names = [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{code}|>" for code in LANGUAGES),
        *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"),
        *("<|nospeech|>", "<|notimestamps|>"),
        *(f"<|{index * 0.02:.2f}|>" for index in range(1501)),
    ]
    special = {name: len(text) + index for index, name in enumerate(names)}
    vocabulary = Vocabulary(text=text, special=special, added={})
    n_vocab = len(text) + len(special) + padding
    return Tokenizer(vocabulary, n_vocab=n_vocab, is_multilingual=multilingual)


@dataclass
class FakeFeatures:
    positions: int = 1500


class FakeSession:
    def __init__(self, engine: "FakeEngine", positions: int, want_attention: bool) -> None:
        self._engine = engine
        self._positions = positions
        self._want_attention = want_attention
        self.ids: list[int] = []
        self.calls: list[tuple[int, ...]] = []

    @property
    def length(self) -> int:
        return len(self.ids)

    def append(self, ids: Sequence[int]) -> StepOutput:
        assert ids, "at least one id"
        self.ids.extend(ids)
        assert len(self.ids) <= self._engine.dims.n_text_ctx, "past the text context"
        self.calls.append(tuple(ids))
        attention = None
        if self._want_attention:
            attention = np.zeros((len(ids), 1, self._positions), dtype=np.float32)
            for row in range(len(ids)):
                index = len(self.ids) - len(ids) + row
                attention[row, 0, min(self._positions - 1, index * 10)] = 1.0
        logits = self._engine.answer(tuple(self.ids)).astype(np.float32)
        logits.flags.writeable = False  # an engine's own buffer must not be written to
        return StepOutput(logits=logits, attention=attention)

    def truncate(self, length: int) -> None:
        del self.ids[length:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self._engine.closed += 1


@dataclass
class FakeEngine:
    """``answer`` maps all ids in the cache to logits, shape (n_vocab,)."""

    tokenizer: Tokenizer
    answer: Callable[[tuple[int, ...]], np.ndarray]
    n_text_ctx: int = 448
    sessions: list[FakeSession] = field(default_factory=list)
    closed: int = 0
    description: str = "fake"
    contexts: None = None

    @property
    def dims(self) -> Dims:
        return Dims(80, 1500, 8, 1, 1, self.tokenizer.n_vocab, self.n_text_ctx, 8, 1, 1, 32, 32)

    @property
    def decoder(self) -> "FakeEngine":
        return self

    def open(self, features: FakeFeatures, *, want_attention: bool) -> FakeSession:
        session = FakeSession(self, features.positions, want_attention)
        self.sessions.append(session)
        return session

    def encode(self, mel: np.ndarray) -> FakeFeatures:
        return FakeFeatures(mel.shape[1] // 2)

    @property
    def encoder(self) -> "FakeEngine":
        return self

    def close(self) -> None: ...


def peaked(tokenizer: Tokenizer, token: int, height: float = 10.0) -> np.ndarray:
    """Logits with one clear favourite."""
    logits = np.zeros(tokenizer.n_vocab)
    logits[token] = height
    return logits


def saying(tokenizer: Tokenizer, script: Sequence[int], *, language: str = "en") -> FakeEngine:
    """An engine that continues whatever was forced with ``script``, then ends the text."""

    def answer(ids: tuple[int, ...]) -> np.ndarray:
        start = len(ids) - ids[::-1].index(tokenizer.sot) - 1
        sampled = [token for token in ids[start + 1 :] if token < tokenizer.eot]
        sampled_all = [
            token
            for token in ids[start + 1 :]
            if token < tokenizer.eot or token >= tokenizer.timestamp_begin
        ]
        if ids[-1] == tokenizer.sot:
            return peaked(tokenizer, tokenizer.languages[language], 6.0)
        has_timestamps = any(token >= tokenizer.timestamp_begin for token in script)
        done = len(sampled_all) if has_timestamps else len(sampled)
        return peaked(tokenizer, script[done] if done < len(script) else tokenizer.eot)

    return FakeEngine(tokenizer, answer)


GOOD = Decoded(
    tokens=(1,),
    log_probabilities=(-0.1,),
    attention=None,
    language="en",
    language_probability=1.0,
    no_speech_probability=0.1,
    average_log_probability=-0.2,
    compression_ratio=1.2,
    temperature=0.0,
    finished=True,
    stop="eot",
    costs_ns={"prefill": 1, "decode": 10},
)
"""An answer that passes every test."""
