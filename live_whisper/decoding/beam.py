"""Beam search: several hypotheses at once, so that a poor first word does not decide the rest.

The search is that of ``BeamSearchDecoder`` and ``MaximumLikelihoodRanker`` in openai/whisper
``decoding.py``, except that a token the rules forbid is never a candidate: where they leave too
few, fewer hypotheses are followed.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from live_whisper.decoding.loop import LoopPlan, LoopResult, cut_loop, log_normaliser
from live_whisper.decoding.rules import Sampled
from live_whisper.decoding.types import AttentionRows, BeamSettings, Stop
from live_whisper.engines.base import DecoderSession, Logits, StepOutput
from live_whisper.errors import EngineError


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way the text may go."""

    sampled: Sampled
    """What the rules know of it; never pushed to."""
    tokens: tuple[int, ...] = ()
    log_probabilities: tuple[float, ...] = ()
    """One per token."""
    total: float = 0.0
    """Their sum, with the end of text where it has ended."""
    rows: tuple[AttentionRows, ...] = ()
    """Shape (n_alignment_heads, positions) each: one per token, and one more after ``feed``."""
    slot: int = 0
    """Of the session that holds it without its last token."""


class SessionPool:
    """The sessions of one decode, at most one per hypothesis; each goes where it is needed.

    A session follows its hypothesis one token at a time. Where a hypothesis splits, a session that
    lost its own is moved: it forgets what the two do not share and is fed the rest in one call. So
    nothing is asked of an engine beyond ``append`` and ``truncate``.
    """

    def __init__(
        self,
        open_session: Callable[[], DecoderSession],
        first: DecoderSession,
        forced: Sequence[int],
    ) -> None:
        """``first`` holds the ``forced`` ids; more are opened by need and are the caller's."""
        self._open = open_session
        self._forced = list(forced)
        self._sessions = [first]
        self._held = [list(forced)]

    @property
    def forced(self) -> int:
        """Ids before the first new token."""
        return len(self._forced)

    def feed(self, hypotheses: Sequence[Hypothesis]) -> tuple[list[Hypothesis], list[StepOutput]]:
        """Each hypothesis in its new slot, and what follows its last token; best first."""
        placed = self._place(hypotheses)
        return placed, [self._move(one.slot, [*self._forced, *one.tokens]) for one in placed]

    def _place(self, hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
        """The best child of a hypothesis keeps its session; the others get the nearest left."""
        free = set(range(len(self._sessions)))
        placed: dict[int, Hypothesis] = {}
        for number, one in enumerate(hypotheses):
            if one.slot in free:
                free.remove(one.slot)
                placed[number] = one
        for number, one in enumerate(hypotheses):
            if number not in placed:
                placed[number] = replace(one, slot=self._nearest(one, free))
                free.discard(placed[number].slot)
        return [placed[number] for number in range(len(hypotheses))]

    def _nearest(self, hypothesis: Hypothesis, free: set[int]) -> int:
        if not free:
            self._sessions.append(self._open())
            self._held.append([])
            return len(self._sessions) - 1
        wanted = [*self._forced, *hypothesis.tokens]
        return max(sorted(free), key=lambda slot: _shared(self._held[slot], wanted))

    def _move(self, slot: int, wanted: list[int]) -> StepOutput:
        session, shared = self._sessions[slot], _shared(self._held[slot], wanted)
        if shared < session.length:
            session.truncate(shared)
        self._held[slot] = wanted
        return session.append(wanted[shared:])


class BeamSearch:
    """One search over one window. Not reusable; one thread. ``plan.monitor`` must be ``None``."""

    def __init__(self, sessions: SessionPool, plan: LoopPlan, settings: BeamSettings) -> None:
        self._sessions = sessions
        self._plan = plan
        self._settings = settings
        self._eot = plan.tokenizer.eot
        self._ended: list[Hypothesis] = []

    def run(self, first: StepOutput) -> LoopResult:
        """The best hypothesis. ``first``: the answer to the last prefill call.

        Raises ``EngineError`` where the logits are not finite.
        """
        live = [Hypothesis(Sampled(self._plan.tokenizer.timestamp_begin, self._plan.prefix))]
        outputs = [first]
        while True:
            live = self._step(live, outputs)
            stop = self._stop(live)
            if stop is not None:
                return self._result(live, stop)
            live, outputs = self._sessions.feed(live)

    def _step(self, live: Sequence[Hypothesis], outputs: Sequence[StepOutput]) -> list[Hypothesis]:
        """The best continuations; those that end the text on the way to them are put aside."""
        parents = [_with_row(one, output) for one, output in zip(live, outputs, strict=True)]
        candidates = [
            (parent.total + log_probability, parent, token, log_probability)
            for parent, output in zip(parents, outputs, strict=True)
            for token, log_probability in self._likeliest(parent, output.logits)
        ]
        if not candidates:
            raise EngineError("The decoder's numbers are not finite.")
        candidates.sort(key=lambda candidate: candidate[0], reverse=True)
        kept: list[Hypothesis] = []
        for total, parent, token, log_probability in candidates:
            if token == self._eot:
                if len(self._ended) < self._settings.most_ended:
                    self._ended.append(replace(parent, total=total))
                continue
            kept.append(_extended(parent, token, log_probability))
            if len(kept) == self._settings.size:
                break
        return kept

    def _likeliest(self, parent: Hypothesis, answered: Logits) -> Iterator[tuple[int, float]]:
        """The likeliest tokens, best first, with their log probabilities after the rules.

        One more than there are hypotheses: one of them may be the end of text.
        """
        logits: npt.NDArray[np.float32] = answered.copy()
        for rule in self._plan.rules:
            rule.apply(logits, parent.sampled)
        normaliser = log_normaliser(logits, np.empty_like(logits))
        count = min(self._settings.size + 1, len(logits))
        best = np.argpartition(logits, -count)[-count:]
        for token in best[np.lexsort((best, -logits[best]))]:
            log_probability = float(logits[token]) - normaliser
            if log_probability > -np.inf:
                yield int(token), log_probability

    def _stop(self, live: Sequence[Hypothesis]) -> Stop | None:
        if not live or len(self._ended) >= self._settings.most_ended:
            return "eot"
        length = len(live[0].tokens)
        if length >= self._plan.max_tokens:
            return "budget"
        if self._sessions.forced + length > self._plan.n_text_ctx:
            return "length"
        return None

    def _result(self, live: Sequence[Hypothesis], stop: Stop) -> LoopResult:
        """The best of the ended hypotheses and, where they are too few, of those that are not."""
        unended = sorted(live, key=lambda one: one.total, reverse=True)
        ranked = [*self._ended, *unended[: max(0, self._settings.size - len(self._ended))]]
        number = max(range(len(ranked)), key=lambda index: self._score(ranked[index]))
        best = ranked[number]
        if number < len(self._ended):
            stop = "eot"
        else:
            best = self._with_last_row(best)
        result = LoopResult(
            tokens=list(best.tokens),
            log_probabilities=list(best.log_probabilities),
            rows=list(best.rows),
            sum_log_probability=best.total,
            generated=len(best.tokens),
            stop=stop,
        )
        self._cut_at_loop(result)
        return result

    def _score(self, hypothesis: Hypothesis) -> float:
        length, alpha = len(hypothesis.tokens), self._settings.length_penalty
        if alpha is None:
            return hypothesis.total / max(1, length)
        return hypothesis.total / math.pow((5 + length) / 6, alpha)

    def _with_last_row(self, hypothesis: Hypothesis) -> Hypothesis:
        """With the row after the last token, which has not been fed."""
        if not hypothesis.rows:
            return hypothesis
        if self._sessions.forced + len(hypothesis.tokens) > self._plan.n_text_ctx:
            return replace(hypothesis, rows=(*hypothesis.rows, hypothesis.rows[-1]))
        (placed,), (output,) = self._sessions.feed([hypothesis])
        return _with_row(placed, output)

    def _cut_at_loop(self, result: LoopResult) -> None:
        """What ``TokenLoop`` does on the way, on the text that won."""
        plan = self._plan
        if plan.loops is None:
            return
        text = [token for token in plan.prefix if token < self._eot]
        for token in result.tokens:
            if token >= self._eot:
                continue
            text.append(token)
            loop = plan.loops.find(text)
            if loop is not None:
                cut_loop(result, plan, loop.keep)
                result.stop = "loop"
                return


def _with_row(hypothesis: Hypothesis, output: StepOutput) -> Hypothesis:
    if output.attention is None:
        return hypothesis
    # A copy: the other rows of a long call would live as long as this one.
    return replace(hypothesis, rows=(*hypothesis.rows, output.attention[-1].copy()))


def _extended(parent: Hypothesis, token: int, log_probability: float) -> Hypothesis:
    return replace(
        parent,
        sampled=parent.sampled.after(token),
        tokens=(*parent.tokens, token),
        log_probabilities=(*parent.log_probabilities, log_probability),
        total=parent.total + log_probability,
    )


def _shared(held: Sequence[int], wanted: Sequence[int]) -> int:
    """How many leading ids are the same; at least one of ``wanted`` is left to be fed."""
    most = min(len(held), len(wanted) - 1)
    return next((index for index in range(most) if held[index] != wanted[index]), most)
