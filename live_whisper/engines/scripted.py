"""An engine that says what a script says, at the cost the script declares.

For tests and simulation: under a ``VirtualClock`` latency, lag and back-pressure come out exactly.
It keeps to the protocol (cache, truncation, limits), its logits lead any decoder that asks for the
most probable token through the scripted ids, and its attention points where the script says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from live_whisper.clock import VirtualClock
from live_whisper.engines.base import Attention, Features, Logits, StepOutput
from live_whisper.errors import EngineError
from live_whisper.types.audio import Mel
from live_whisper.whisper.checkpoint import Checkpoint
from live_whisper.whisper.dims import Dims

_PEAK = 0.9  # share of attention on the scripted position


@dataclass(frozen=True, slots=True)
class ScriptedToken:
    """One id the decoder will find most probable."""

    id: int
    position: int = 0
    """Encoder position (20 ms each) the alignment heads look at while predicting it."""
    probability: float = 0.95


@dataclass(frozen=True, slots=True)
class ScriptedWindow:
    """What one window says. After the last token comes the end of text."""

    tokens: tuple[ScriptedToken, ...] = ()
    language: int | None = None
    """Token the decoder finds after ``<|startoftranscript|>``; by default the first language."""
    no_speech_probability: float = 0.0


@dataclass(frozen=True, slots=True)
class ScriptedCosts:
    """Nanoseconds of the virtual clock."""

    encode_ns: int = 0
    append_ns: int = 0
    """For each call of ``append``."""
    token_ns: int = 0
    """For each appended id, besides."""


Script = Callable[[Mel], ScriptedWindow]
"""Called at each ``encode``; it may raise an ``EngineError`` to play a failing engine."""


@dataclass(frozen=True, slots=True)
class ScriptedFeatures:
    """A window and what it will say."""

    positions: int
    window: ScriptedWindow


@dataclass(slots=True)
class ScriptedLog:
    """Counts of what was asked of the engine."""

    encodes: int = 0
    appends: int = 0
    tokens: int = 0
    frames: list[int] = field(default_factory=list)
    """Mel frames of the last 100 encodes."""


class ScriptedEngine:
    """Satisfies ``engines.base.Engine``. One thread."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        script: Script,
        *,
        clock: VirtualClock | None = None,
        costs: ScriptedCosts | None = None,
        contexts: tuple[int, ...] | None = None,
    ) -> None:
        """``checkpoint`` gives sizes, special ids and the number of alignment heads."""
        self.log = ScriptedLog()
        self.closed = False
        self._checkpoint = checkpoint
        self._script = script
        self._clock = clock
        self._costs = costs or ScriptedCosts()
        self._contexts = contexts

    @property
    def description(self) -> str:
        """Says that it is a script."""
        return "scripted"

    @property
    def dims(self) -> Dims:
        """The checkpoint's sizes."""
        return self._checkpoint.dims

    @property
    def encoder(self) -> Self:
        """Itself."""
        return self

    @property
    def decoder(self) -> Self:
        """Itself."""
        return self

    @property
    def contexts(self) -> tuple[int, ...] | None:
        """As given."""
        return self._contexts

    def encode(self, mel: Mel) -> ScriptedFeatures:
        """Ask the script what this window says."""
        dims = self.dims
        frames = mel.shape[1] if mel.ndim == 2 else 0
        if mel.shape[0] != dims.n_mels or not 0 < frames <= 2 * dims.n_audio_ctx or frames % 2:
            raise ValueError(f"mel of shape {mel.shape}")
        if self._contexts is not None and frames // 2 not in self._contexts:
            raise ValueError(f"{frames // 2} positions, not one of {self._contexts}")
        self.spend(self._costs.encode_ns)
        self.log.encodes += 1
        self.log.frames = [*self.log.frames[-99:], frames]
        return ScriptedFeatures(frames // 2, self._script(mel))

    def open(self, features: Features, *, want_attention: bool) -> "ScriptedSession":
        """Start a session."""
        if not isinstance(features, ScriptedFeatures):
            raise TypeError("features of another engine")
        heads = len(self._checkpoint.generation.alignment_heads) if want_attention else 0
        return ScriptedSession(self, self._checkpoint, features, heads)

    def spend(self, ns: int) -> None:
        """Let the virtual clock pass. Raises ``EngineError`` after ``close``."""
        if self.closed:
            raise EngineError("the scripted engine is closed.")
        if self._clock is not None:
            self._clock.advance(ns)

    def spend_append(self, ids: int) -> None:
        """The cost of one ``append``."""
        self.spend(self._costs.append_ns + ids * self._costs.token_ns)
        self.log.appends += 1
        self.log.tokens += ids

    def close(self) -> None:
        """Further calls raise."""
        self.closed = True


class ScriptedSession:
    """One decode of one window."""

    def __init__(
        self,
        engine: ScriptedEngine,
        checkpoint: Checkpoint,
        features: ScriptedFeatures,
        heads: int,
    ) -> None:
        self._engine = engine
        self._tokenizer = checkpoint.tokenizer
        self._dims = checkpoint.dims
        self._features = features
        self._heads = heads
        self._ids: list[int] = []
        self._open = True

    @property
    def length(self) -> int:
        """Ids so far."""
        return len(self._ids)

    def append(self, ids: Sequence[int]) -> StepOutput:
        """Logits of what the script says next."""
        if not self._open:
            raise ValueError("the decoder session is closed")
        if not ids or len(self._ids) + len(ids) > self._dims.n_text_ctx:
            raise ValueError(f"{len(ids)} ids after {len(self._ids)} of {self._dims.n_text_ctx}")
        if not all(0 <= i < self._dims.n_vocab for i in ids):
            raise ValueError(f"ids outside the vocabulary of {self._dims.n_vocab}")
        self._engine.spend_append(len(ids))
        rows = []
        for i in ids:
            self._ids.append(i)
            if self._heads:
                rows.append(self._row())
        return StepOutput(self._logits(), np.stack(rows) if rows else None)

    def truncate(self, length: int) -> None:
        """Forget all but the first ``length`` ids."""
        if not 0 <= length <= len(self._ids):
            raise ValueError(f"cannot keep {length} of {len(self._ids)} ids")
        del self._ids[length:]

    def _next(self) -> ScriptedToken | None:
        """Where in the script the ids after the start sequence have come to.

        Ids the script does not have (a forced prefix it was not written for) are passed over.
        """
        k = self._tokenizer
        if k.sot not in self._ids:
            return None
        begun = len(self._ids) - 1 - self._ids[::-1].index(k.sot)
        said = [i for i in self._ids[begun + 1 :] if k.is_text(i) or k.is_timestamp(i)]
        tokens, at = self._features.window.tokens, 0
        for i in said:
            found = next((n for n in range(at, len(tokens)) if tokens[n].id == i), None)
            at = at if found is None else found + 1
        return tokens[at] if at < len(tokens) else None

    def _logits(self) -> Logits:
        window, k = self._features.window, self._tokenizer
        if self._ids[-1] == k.sot:
            language = window.language
            if language is None:
                language = next(iter(k.languages.values()), k.transcribe)
            silent = min(max(window.no_speech_probability, 1e-6), 1 - 1e-6)
            return self._distribution({k.no_speech: silent, language: (1 - silent) * 0.98})
        following = self._next()
        if following is None:
            return self._distribution({k.eot: 0.98})
        return self._distribution({following.id: following.probability})

    def _distribution(self, probabilities: dict[int, float]) -> Logits:
        """Logs of the given probabilities, what is left spread over all other ids."""
        rest = max(1 - sum(probabilities.values()), 1e-9)
        logits: Logits = np.full(
            self._dims.n_vocab,
            np.log(rest / (self._dims.n_vocab - len(probabilities))),
            dtype=np.float32,
        )
        for token, probability in probabilities.items():
            logits[token] = np.log(probability)
        return logits

    def _row(self) -> npt.NDArray[np.float32]:
        """Attention (heads, positions) of the last id: on the place of the id it predicts."""
        positions = self._features.positions
        following = self._next()
        if following is None or positions == 1:
            row = np.full(positions, 1 / positions, dtype=np.float32)
        else:
            row = np.full(positions, (1 - _PEAK) / (positions - 1), dtype=np.float32)
            row[min(max(following.position, 0), positions - 1)] = _PEAK
        rows: Attention = np.tile(row, (self._heads, 1))
        return rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
