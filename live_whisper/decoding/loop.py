"""The token loop: logits, rules, choice, guards, monitor, next logits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from live_whisper.decoding.repetition import LoopDetector
from live_whisper.decoding.rules import Rule, Sampled
from live_whisper.decoding.types import (
    AttentionRows,
    Step,
    StepMonitor,
    Stop,
    Verdict,
)
from live_whisper.engines.base import DecoderSession, Logits, StepOutput
from live_whisper.whisper.tokenizer import Tokenizer


class Choice(Protocol):
    """How the next token is taken from filtered logits."""

    def choose(self, logits: Logits) -> int:
        """``logits``: shape (n_vocab,), float32, forbidden tokens at minus infinity."""
        ...


class Greedy:
    """The most probable token; of equals the first."""

    def choose(self, logits: Logits) -> int:
        """Arg-max."""
        return int(logits.argmax())


class Sampling:
    """A token drawn from the distribution at a temperature; the same seed draws the same."""

    def __init__(self, temperature: float, seed: int) -> None:
        self._temperature = temperature
        self._random = np.random.default_rng(seed)

    def choose(self, logits: Logits) -> int:
        """By inverse transform, in float64: forbidden tokens have no width and are never drawn."""
        scaled = logits.astype(np.float64) / self._temperature
        cumulative = np.cumsum(np.exp(scaled - scaled.max()))
        drawn = min(self._random.random() * cumulative[-1], np.nextafter(cumulative[-1], 0.0))
        return int(np.searchsorted(cumulative, drawn, side="right"))


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """Everything the loop needs beside the session."""

    tokenizer: Tokenizer
    rules: tuple[Rule, ...]
    choice: Choice
    prefix: tuple[int, ...]
    """Forced tokens already in the session; the rules and the loop detector see them."""
    max_tokens: int
    n_text_ctx: int
    loops: LoopDetector | None = None
    monitor: StepMonitor | None = None


@dataclass(slots=True)
class LoopResult:
    """What the loop collected."""

    tokens: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    rows: list[AttentionRows] = field(default_factory=list)
    """One row (n_alignment_heads, positions) per token and one more; empty without attention."""
    sum_log_probability: float = 0.0
    """Of the tokens and, where reached, the end of text; before a loop is cut."""
    generated: int = 0
    """Tokens before a loop is cut."""
    looped_tokens: tuple[int, ...] = ()
    """All tokens before a loop was cut; empty where there was none."""
    stop: Stop = "eot"


class TokenLoop:
    """One run over one session. Not reusable; one thread."""

    def __init__(self, session: DecoderSession, plan: LoopPlan, n_vocab: int) -> None:
        self._session = session
        self._plan = plan
        self._eot = plan.tokenizer.eot
        self._timestamp_begin = plan.tokenizer.timestamp_begin
        self._sampled = Sampled(self._timestamp_begin, plan.prefix)
        self._text = [token for token in plan.prefix if token < self._eot]
        self._result = LoopResult()
        self._logits: npt.NDArray[np.float32] = np.empty(n_vocab, dtype=np.float32)
        self._scratch: npt.NDArray[np.float32] = np.empty(n_vocab, dtype=np.float32)

    def run(self, first: StepOutput) -> LoopResult:
        """Generate until something stops it. ``first``: the answer to the last prefill call."""
        output = first
        result = self._result
        while True:
            token, log_probability = self._next(output)
            self._keep_row(output)
            if token == self._eot:
                result.sum_log_probability += log_probability
                return self._stopped("eot")
            verdict = self._ask(token, log_probability)
            if verdict is Verdict.STOP_BEFORE:
                return self._stopped("monitor")
            self._take(token, log_probability)
            stop = "monitor" if verdict is Verdict.STOP_AFTER else self._guard()
            if stop is not None:
                self._last_row(token)
                return self._stopped(stop)
            output = self._session.append((token,))

    def _next(self, output: StepOutput) -> tuple[int, float]:
        """The chosen token and its log probability after the rules."""
        logits, scratch = self._logits, self._scratch
        np.copyto(logits, output.logits)
        for rule in self._plan.rules:
            rule.apply(logits, self._sampled)
        token = self._plan.choice.choose(logits)
        return token, float(logits[token]) - log_normaliser(logits, scratch)

    def _ask(self, token: int, log_probability: float) -> Verdict:
        if self._plan.monitor is None:
            return Verdict.CONTINUE
        result = self._result
        step = Step(
            index=len(result.tokens),
            token=token,
            log_probability=log_probability,
            attention=result.rows[-1] if result.rows else None,
            is_timestamp=token >= self._timestamp_begin,
            tokens=result.tokens,
        )
        return self._plan.monitor.observe(step)

    def _take(self, token: int, log_probability: float) -> None:
        self._result.tokens.append(token)
        self._result.log_probabilities.append(log_probability)
        self._result.sum_log_probability += log_probability
        self._sampled.push(token)
        if token < self._eot:
            self._text.append(token)

    def _guard(self) -> Stop | None:
        """Why to stop after the token just taken, if at all."""
        plan, tokens = self._plan, self._result.tokens
        if tokens[-1] < self._eot and plan.loops is not None:
            loop = plan.loops.find(self._text)
            if loop is not None:
                cut_loop(self._result, plan, loop.keep)
                return "loop"
        if len(tokens) >= plan.max_tokens:
            return "budget"
        if self._session.length >= plan.n_text_ctx:
            return "length"
        return None

    def _keep_row(self, output: StepOutput) -> None:
        if output.attention is not None:
            self._result.rows.append(output.attention[-1])

    def _last_row(self, token: int) -> None:
        """The row after the last token, which an early stop has not computed."""
        rows = self._result.rows
        if not rows or len(rows) > len(self._result.tokens):
            return
        if self._session.length < self._plan.n_text_ctx:
            self._keep_row(self._session.append((token,)))
        else:
            rows.append(rows[-1])

    def _stopped(self, stop: Stop) -> LoopResult:
        result = self._result
        result.stop = stop
        result.generated = max(len(result.looped_tokens), len(result.tokens))
        return result


def log_normaliser(logits: Logits, scratch: Logits) -> float:
    """The logarithm of the sum of the exponentials; ``scratch``, of the same shape, is written."""
    best = logits.max()
    np.subtract(logits, best, out=scratch)
    np.exp(scratch, out=scratch)
    return float(best) + float(np.log(scratch.sum(dtype=np.float64)))


def cut_loop(result: LoopResult, plan: LoopPlan, keep_text: int) -> None:
    """Forget the repeats: keep ``keep_text`` text tokens, those of the prefix counted."""
    eot = plan.tokenizer.eot
    result.looped_tokens = tuple(result.tokens)
    prefix_text = sum(token < eot for token in plan.prefix)
    keep = _length_with_text(result.tokens, keep_text - prefix_text, eot)
    del result.tokens[keep:], result.log_probabilities[keep:], result.rows[keep + 1 :]


def _length_with_text(tokens: Sequence[int], text: int, eot: int) -> int:
    """How many leading tokens hold ``text`` text tokens; timestamps after the last are left out."""
    if text <= 0:
        return 0
    for index, token in enumerate(tokens):
        text -= token < eot
        if text == 0:
            return index + 1
    return len(tokens)
