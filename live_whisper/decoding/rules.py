"""Which tokens may come next: the logit filters of openai/whisper ``decoding.py``.

A rule writes minus infinity over what it forbids. The forced prefix counts as sampled: a decode
that goes on after committed text obeys the rules as if it had written that text itself.
"""

from collections.abc import Sequence
from copy import copy
from typing import Protocol

import numpy as np
import numpy.typing as npt

from live_whisper.decoding.types import DecodeRequest
from live_whisper.engines.base import Logits
from live_whisper.units import SAMPLES_PER_POSITION
from live_whisper.whisper.generation import Generation
from live_whisper.whisper.tokenizer import Tokenizer

TAIL_TOKENS = 32
"""As long as a term of several words may be."""
SUPPRESS_NON_SPEECH = -1  # in a list of suppressed tokens: the tokenizer's non-speech set


class Sampled:
    """The sampled sequence so far (prefix and new tokens) with what the rules ask of it."""

    def __init__(self, timestamp_begin: int, prefix: Sequence[int] = ()) -> None:
        self._timestamp_begin = timestamp_begin
        self.length = 0
        self.last_is_timestamp = False
        self.penultimate_is_timestamp = True  # also of a sequence too short to have one
        self.last_timestamp: int | None = None
        self.tail: tuple[int, ...] = ()
        """The newest ``TAIL_TOKENS`` tokens."""
        for token in prefix:
            self.push(token)

    def push(self, token: int) -> None:
        """Add one token."""
        self.penultimate_is_timestamp = self.last_is_timestamp or self.length == 0
        self.last_is_timestamp = token >= self._timestamp_begin
        if self.last_is_timestamp:
            self.last_timestamp = token
        self.tail = (*self.tail, token)[-TAIL_TOKENS:]
        self.length += 1

    def after(self, token: int) -> "Sampled":
        """A copy with one more token."""
        longer = copy(self)
        longer.push(token)
        return longer


class Rule(Protocol):
    """One filter. Rules are applied in order, in place."""

    def apply(self, logits: Logits, sampled: Sampled) -> None:
        """``logits``: shape (n_vocab,), float32, changed in place."""
        ...


class SuppressAtStart:
    """No blank and no end of text as the very first token."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = _indices(tokens)

    def apply(self, logits: Logits, sampled: Sampled) -> None:
        """Only before anything was sampled."""
        if sampled.length == 0:
            logits[self._tokens] = -np.inf


class SuppressTokens:
    """Tokens that never belong into a transcript, and the padding after the timestamps."""

    def __init__(self, tokens: Sequence[int], end: int) -> None:
        self._tokens = _indices(tokens)
        self._end = end

    def apply(self, logits: Logits, sampled: Sampled) -> None:  # noqa: ARG002 - the protocol's
        """Always the same tokens."""
        logits[self._tokens] = -np.inf
        logits[self._end :] = -np.inf


class TimestampRules:
    """Timestamps come in pairs, never run back, start the sequence and win by their joint mass."""

    def __init__(self, tokenizer: Tokenizer, max_initial_index: int | None) -> None:
        self._begin = tokenizer.timestamp_begin
        self._eot = tokenizer.eot
        self._no_timestamps = tokenizer.no_timestamps
        self._max_initial_index = max_initial_index

    def apply(self, logits: Logits, sampled: Sampled) -> None:
        """``ApplyTimestampRules`` of the reference, on one sequence."""
        logits[self._no_timestamps] = -np.inf
        if sampled.length == 0:
            self._begin_with_timestamp(logits)
        else:
            self._keep_pairs(logits, sampled)
            self._keep_order(logits, sampled)
        self._prefer_by_mass(logits)

    def _begin_with_timestamp(self, logits: Logits) -> None:
        logits[: self._begin] = -np.inf
        if self._max_initial_index is not None:
            logits[self._begin + self._max_initial_index + 1 :] = -np.inf

    def _keep_pairs(self, logits: Logits, sampled: Sampled) -> None:
        if not sampled.last_is_timestamp:
            return
        if sampled.penultimate_is_timestamp:
            logits[self._begin :] = -np.inf  # a pair is complete: text follows
        else:
            logits[: self._eot] = -np.inf  # a segment was closed: no text before the next opens

    def _keep_order(self, logits: Logits, sampled: Sampled) -> None:
        last = sampled.last_timestamp
        if last is None:
            return
        closing = sampled.last_is_timestamp and not sampled.penultimate_is_timestamp
        # Only the timestamp that opens the next segment may repeat the last one; any other must be
        # later, so that no segment is empty.
        logits[self._begin : last if closing else last + 1] = -np.inf

    def _prefer_by_mass(self, logits: Logits) -> None:
        text_best = logits[: self._begin].max()
        timestamps = logits[self._begin :]
        best = timestamps.max()
        if best == -np.inf:
            return
        mass = best + np.log(np.exp(timestamps - best).sum())
        if mass > text_best:
            logits[: self._begin] = -np.inf


class BoundTimestamps:
    """No timestamp after the end of the audio."""

    def __init__(self, timestamp_begin: int, audio_samples: int) -> None:
        last = -(-audio_samples // SAMPLES_PER_POSITION)
        self._first_forbidden = timestamp_begin + last + 1

    def apply(self, logits: Logits, sampled: Sampled) -> None:  # noqa: ARG002 - the protocol's
        """The position in which the audio ends is still allowed."""
        logits[self._first_forbidden :] = -np.inf


class RuleBook:
    """Assembles the rules of a checkpoint for a request. Thread-safe: it keeps nothing."""

    def __init__(self, tokenizer: Tokenizer, generation: Generation | None = None) -> None:
        self._tokenizer = tokenizer
        suppressed = {SUPPRESS_NON_SPEECH}
        blank = {*tokenizer.encode(" "), tokenizer.eot}
        self._max_initial_index: int | None = 50  # one second, as in the reference
        if generation is not None:
            suppressed.update(generation.suppress_tokens)
            blank.update(generation.begin_suppress_tokens)
            if generation.max_initial_timestamp_index is not None:
                self._max_initial_index = generation.max_initial_timestamp_index
        self._at_start = SuppressAtStart(sorted(blank))
        self._always = SuppressTokens(
            _suppressed(tokenizer, suppressed),
            tokenizer.timestamp_begin + tokenizer.timestamp_count,
        )

    def rules(self, request: DecodeRequest) -> tuple[Rule, ...]:
        """The filters of one decode, in the reference's order."""
        rules: list[Rule] = [] if request.boost is None else [request.boost]
        rules += [self._at_start, self._always]
        if request.timestamps:
            if request.bound_timestamps:
                begin = self._tokenizer.timestamp_begin
                rules.append(BoundTimestamps(begin, request.audio_samples))
            rules.append(TimestampRules(self._tokenizer, self._max_initial_index))
        return tuple(rules)


def _suppressed(tokenizer: Tokenizer, tokens: set[int]) -> list[int]:
    chosen = {token for token in tokens if token >= 0}
    if SUPPRESS_NON_SPEECH in tokens:
        chosen.update(tokenizer.non_speech_tokens)
    chosen.update(
        (
            tokenizer.transcribe,
            tokenizer.translate,
            tokenizer.sot,
            tokenizer.sot_prev,
            tokenizer.sot_lm,
            tokenizer.no_speech,
        )
    )
    return sorted(chosen)


def _indices(tokens: Sequence[int]) -> npt.NDArray[np.intp]:
    return np.asarray(tokens, dtype=np.intp)
