"""Decodes one window: prompt, forced prefix, rules, guards, monitor; one thread at a time."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from live_whisper.clock import Clock, MonotonicClock
from live_whisper.decoding.beam import BeamSearch, SessionPool
from live_whisper.decoding.language import language_probabilities
from live_whisper.decoding.loop import Choice, Greedy, LoopPlan, LoopResult, Sampling, TokenLoop
from live_whisper.decoding.repetition import LoopDetector, LoopLimits, compression_ratio
from live_whisper.decoding.rules import RuleBook
from live_whisper.decoding.types import (
    Decoded,
    DecodeRequest,
    StepMonitor,
)
from live_whisper.engines.base import DecoderSession, Engine, Features, Logits, StepOutput
from live_whisper.units import SAMPLE_RATE
from live_whisper.whisper.generation import Generation
from live_whisper.whisper.tokenizer import Tokenizer

_FEWEST_NEW_TOKENS = 32  # room a long prefix leaves before the prompt has to shrink


@dataclass(frozen=True, slots=True)
class Guards:
    """What stops a decode that no longer follows the audio."""

    loops: LoopLimits | None = field(default_factory=LoopLimits)
    """``None``: no loop detector."""
    tokens_per_second: float | None = 16.0
    """Most tokens, prefix counted, per second of audio; ``None``: no budget. Fast Korean speech
    takes about 10, timestamps counted."""
    spare_tokens: int = 16
    """Tokens on top of that, for short windows."""


NO_GUARDS = Guards(loops=None, tokens_per_second=None)
"""The reference's behaviour: only ``max_tokens`` and the text context bound a decode."""


class WindowDecoder:
    """Turns features and a request into tokens, on any engine. One thread at a time."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        generation: Generation | None = None,
        *,
        guards: Guards | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._engine = engine
        self._tokenizer = tokenizer
        self._rule_book = RuleBook(tokenizer, generation)
        self._guards = guards or Guards()
        limits = self._guards.loops
        self._loops = None if limits is None else LoopDetector(tokenizer, limits)
        self._clock = clock or MonotonicClock()

    @property
    def engine(self) -> Engine:
        """The engine that runs the checkpoint."""
        return self._engine

    @property
    def tokenizer(self) -> Tokenizer:
        """The checkpoint's tokenizer."""
        return self._tokenizer

    def decode(
        self, features: Features, request: DecodeRequest, monitor: StepMonitor | None = None
    ) -> Decoded:
        """Decode one window.

        Raises:
            UsageError: a language or task that the checkpoint lacks.
            ValueError: a monitor together with a beam.
        """
        if monitor is not None and request.beam is not None:
            raise ValueError("a monitor cannot follow a beam search")
        if request.language is not None:
            self._sot_sequence(request, request.language)  # refuses what the checkpoint lacks
        begun = self._clock.now_ns()
        if request.language is None and request.prompt and self._tokenizer.is_multilingual:
            # The prompt's own language would sway the answer at <|startoftranscript|>.
            known = self.detect_language(features, request.candidate_languages)
        else:
            known = None
        with ExitStack() as sessions:

            def open_session() -> DecoderSession:
                opened = self._engine.decoder.open(features, want_attention=request.want_attention)
                return sessions.enter_context(opened)

            session = open_session()
            prefill = self._prefill(session, request, known)
            prefilled = self._clock.now_ns()
            plan = self._plan(request, monitor)
            if prefill.output is None:
                result = LoopResult(stop="length")
            elif request.beam is None or request.temperature > 0:
                loop = TokenLoop(session, plan, len(prefill.output.logits))
                result = loop.run(prefill.output)
            else:
                pool = SessionPool(open_session, session, prefill.forced)
                result = BeamSearch(pool, plan, request.beam).run(prefill.output)
        costs = {"prefill": prefilled - begun, "decode": self._clock.now_ns() - prefilled}
        return self._decoded(request, prefill, result, costs)

    def detect_language(
        self, features: Features, candidates: Sequence[str] = ()
    ) -> dict[str, float]:
        """Probability per language code, most probable first; one decoder call, no prompt.

        An English-only checkpoint answers ``{"en": 1.0}``. Raises ``UsageError`` for a candidate
        that the checkpoint lacks.
        """
        if not self._tokenizer.is_multilingual:
            return {"en": 1.0}
        with self._engine.decoder.open(features, want_attention=False) as session:
            logits = session.append((self._tokenizer.sot,)).logits
        return language_probabilities(logits, self._tokenizer, candidates)

    def _prefill(
        self, session: DecoderSession, request: DecodeRequest, known: dict[str, float] | None
    ) -> "_Prefill":
        """Feed prompt and ``<|startoftranscript|>``, then language, task and prefix in one call."""
        tokenizer = self._tokenizer
        prompt = self._fitting_prompt(request)
        head = (tokenizer.sot_prev, *prompt, tokenizer.sot) if prompt else (tokenizer.sot,)
        output = session.append(head)
        silence = _probability(output.logits, tokenizer.no_speech)
        language, certainty = self._language(request, output.logits, known)
        tail = self._sot_sequence(request, language)[1:] + request.prefix
        if session.length + len(tail) > self._engine.dims.n_text_ctx:
            return _Prefill(None, head, language, certainty, silence)
        output = session.append(tail) if tail else output
        return _Prefill(output, head + tail, language, certainty, silence)

    def _sot_sequence(self, request: DecodeRequest, language: str | None) -> tuple[int, ...]:
        return self._tokenizer.sot_sequence(language, request.task, timestamps=request.timestamps)

    def _language(
        self, request: DecodeRequest, logits: Logits, known: dict[str, float] | None
    ) -> tuple[str, float]:
        if not self._tokenizer.is_multilingual:
            return "en", 1.0
        if request.language is not None:
            return request.language, 1.0
        probabilities = known or language_probabilities(
            logits, self._tokenizer, request.candidate_languages
        )
        return next(iter(probabilities.items()))

    def _fitting_prompt(self, request: DecodeRequest) -> tuple[int, ...]:
        """The fixed and the newest prompt tokens that leave room for prefix and text.

        Half of the text context is the prompt's, as in the reference; a prefix that outgrows the
        other half takes from it.
        """
        if not request.prompt:
            return ()
        n_text_ctx = self._engine.dims.n_text_ctx
        language = request.language
        if language is None and self._tokenizer.is_multilingual:
            language = next(iter(self._tokenizer.languages))  # any: all are one token
        forced = len(self._sot_sequence(request, language))
        forced += len(request.prefix)
        wanted = min(request.max_tokens, max(_FEWEST_NEW_TOKENS, n_text_ctx // 2 - forced))
        room = min(n_text_ctx // 2 - 1, n_text_ctx - 1 - forced - wanted)
        if len(request.prompt) <= room:
            return request.prompt
        fixed, carried = request.prompt[: request.fixed], request.prompt[request.fixed :]
        room = max(0, room)
        left = max(0, room - len(fixed))
        return (*fixed[:room], *(carried[-left:] if left else ()))

    def _plan(self, request: DecodeRequest, monitor: StepMonitor | None) -> LoopPlan:
        choice: Choice = Greedy()
        if request.temperature > 0:
            choice = Sampling(request.temperature, request.seed)
        return LoopPlan(
            tokenizer=self._tokenizer,
            rules=self._rule_book.rules(request),
            choice=choice,
            prefix=request.prefix,
            max_tokens=self._max_tokens(request),
            n_text_ctx=self._engine.dims.n_text_ctx,
            loops=self._loops,
            monitor=monitor,
        )

    def _max_tokens(self, request: DecodeRequest) -> int:
        rate = self._guards.tokens_per_second
        if rate is None:
            return request.max_tokens
        budget = self._guards.spare_tokens + math.ceil(rate * request.audio_samples / SAMPLE_RATE)
        return max(1, min(request.max_tokens, budget - len(request.prefix)))

    def _decoded(
        self,
        request: DecodeRequest,
        prefill: "_Prefill",
        result: LoopResult,
        costs: dict[str, int],
    ) -> Decoded:
        eot = self._tokenizer.eot
        spoken = [token for token in result.looped_tokens or result.tokens if token < eot]
        return Decoded(
            tokens=tuple(result.tokens),
            log_probabilities=tuple(result.log_probabilities),
            attention=np.stack(result.rows) if result.rows else None,
            language=prefill.language,
            language_probability=prefill.language_probability,
            no_speech_probability=prefill.no_speech_probability,
            average_log_probability=result.sum_log_probability / (result.generated + 1),
            compression_ratio=compression_ratio(self._tokenizer.decode(spoken).strip()),
            temperature=request.temperature,
            finished=result.stop == "eot",
            stop=result.stop,
            costs_ns=costs,
        )


@dataclass(frozen=True, slots=True)
class _Prefill:
    """What the forced tokens told."""

    output: StepOutput | None
    """After the last forced token; ``None`` where they do not fit the text context."""
    forced: tuple[int, ...]
    """What the session holds."""
    language: str
    language_probability: float
    no_speech_probability: float


def _probability(logits: Logits, token: int) -> float:
    """Softmax at one token."""
    return float(np.exp(logits[token] - logits.max()) / np.exp(logits - logits.max()).sum())
