"""Which language is spoken, and when to believe it.

Whisper answers at ``<|startoftranscript|>``: the logits of the language tokens, renormalised among
themselves (openai/whisper ``decoding.detect_language``).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from live_whisper.engines.base import Logits
from live_whisper.units import seconds_to_samples
from live_whisper.whisper.tokenizer import Tokenizer


def language_probabilities(
    logits: Logits, tokenizer: Tokenizer, candidates: Sequence[str] = ()
) -> dict[str, float]:
    """Probability per language code, most probable first.

    Args:
        logits: shape (n_vocab,), float32, at ``<|startoftranscript|>``.
        tokenizer: the checkpoint's; multilingual.
        candidates: codes to choose from; empty means all of the checkpoint's.

    Raises:
        UsageError: a candidate that the checkpoint lacks.
    """
    codes = list(candidates) or list(tokenizer.languages)
    values = logits[[tokenizer.language_token(code) for code in codes]].astype(np.float64)
    weights = np.exp(values - values.max())
    probabilities = weights / weights.sum()
    order = np.argsort(-probabilities, kind="stable")
    return {codes[index]: float(probabilities[index]) for index in order}


@dataclass(frozen=True, slots=True)
class LanguageLockLimits:
    """When evidence is enough."""

    speech_samples: int = seconds_to_samples(2.0)
    """Speech that must have been heard before anything is locked."""
    probability: float = 0.8
    """Of the leader, all windows taken together."""
    forced_after_samples: int = seconds_to_samples(12.0)
    """Speech after which the leader is locked however close the others are."""
    reset_silence_samples: int = seconds_to_samples(30.0)
    """A silence after which another language may begin."""


class LanguageLock:
    """Settles on one language for a stretch of speech and stays with it. One thread.

    Windows over the same speech overlap, so each window's log probabilities count in proportion to
    the speech it adds. Once locked only a long silence unlocks: never a flip in mid-speech.
    """

    def __init__(self, limits: LanguageLockLimits | None = None) -> None:
        self._limits = limits or LanguageLockLimits()
        self._evidence: dict[str, float] = {}
        self._unlisted = 0.0  # evidence for a language no window has named yet
        self._heard_samples = 0
        self._language: str | None = None
        self._probability = 0.0

    @property
    def language(self) -> str | None:
        """The locked language, or ``None``."""
        return self._language

    @property
    def probability(self) -> float:
        """Of the locked language when it was locked; 0 before."""
        return self._probability

    def observe(self, probabilities: Mapping[str, float], speech_samples: int) -> str | None:
        """Add one window's evidence; returns the locked language, if any.

        Args:
            probabilities: per language code, as ``language_probabilities`` gives them, or only the
                likeliest: a language left out counts like the least likely one given.
            speech_samples: speech in the window, from the same beginning until it is locked;
                only what it has beyond the windows before counts as new.
        """
        if self._language is not None or not probabilities:
            return self._language
        fresh = max(0, speech_samples - self._heard_samples)
        self._heard_samples = max(self._heard_samples, speech_samples)
        weight = fresh / self._limits.speech_samples
        gains = {code: weight * math.log(max(p, 1e-6)) for code, p in probabilities.items()}
        unlisted = min(gains.values())
        for code in {*self._evidence, *gains}:
            before = self._evidence.get(code, self._unlisted)
            self._evidence[code] = before + gains.get(code, unlisted)
        self._unlisted += unlisted
        only = len(self._evidence) == 1  # of an English-only checkpoint, or a single candidate
        if only or self._heard_samples >= self._limits.speech_samples:
            self._settle()
        return self._language

    @property
    def memory(self) -> tuple[int, tuple[tuple[str, float], ...]]:
        """Speech heard and evidence gathered so far: what ``resume`` takes."""
        return self._heard_samples, tuple(self._evidence.items())

    def resume(
        self, language: str | None, heard_samples: int, evidence: Iterable[tuple[str, float]]
    ) -> None:
        """Go on where another lock stopped."""
        self.reset()
        self._language = language
        self._heard_samples = heard_samples
        self._evidence.update(evidence)
        self._unlisted = min(self._evidence.values(), default=0.0)

    def silence(self, samples: int) -> bool:
        """Tell of a silence; returns whether it was long enough to unlock."""
        if samples < self._limits.reset_silence_samples:
            return False
        self.reset()
        return True

    def reset(self) -> None:
        """Forget everything."""
        self._evidence.clear()
        self._unlisted = 0.0
        self._heard_samples = 0
        self._language = None
        self._probability = 0.0

    def _settle(self) -> None:
        best = max(self._evidence.values())
        weights = {code: math.exp(value - best) for code, value in self._evidence.items()}
        leader = max(weights, key=weights.__getitem__)
        probability = weights[leader] / sum(weights.values())
        forced = self._heard_samples >= self._limits.forced_after_samples
        if forced or probability >= self._limits.probability:
            self._language, self._probability = leader, probability
