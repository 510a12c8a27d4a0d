"""What the model is told was said before: glossary and the newest committed text.

Text that the model was unsure of makes the next window worse, so the carried text is dropped, and
only it: the glossary stays.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from live_whisper.decoding.types import Decoded
from live_whisper.units import seconds_to_samples

PROMPT_TOKENS = 223  # half the text context of 448, less <|startofprev|>


@dataclass(frozen=True, slots=True)
class PromptLimits:
    """When carried text does more harm than good."""

    temperature: float = 0.5
    """Above: the window was sampled, not decoded; as in the reference."""
    average_log_probability: float = -1.0
    """Below: the model was guessing."""
    compression_ratio: float = 2.4
    """Above: the text repeats itself, and would go on doing so."""
    silence_samples: int = seconds_to_samples(30.0)
    """A pause after which the talk has moved on."""


def carries_text(carry_prompt: str, *, short_context: bool) -> bool:
    """Whether a window is given the text before it; ``carry_prompt`` is the setting.

    ``auto``: with checkpoints that were trained on 30 s with their past, as official ones were.
    """
    return carry_prompt == "always" or (carry_prompt == "auto" and not short_context)


class PromptBuilder:
    """Keeps the tokens that go before ``<|startoftranscript|>``. Bounded; one thread."""

    def __init__(
        self,
        fixed: Sequence[int] = (),
        *,
        budget: int = PROMPT_TOKENS,
        limits: PromptLimits | None = None,
    ) -> None:
        """``fixed``: glossary or initial prompt, always first; cut to the budget from its end."""
        self._fixed = tuple(fixed)[:budget]
        self._limits = limits or PromptLimits()
        self._carried: deque[int] = deque(maxlen=budget - len(self._fixed))

    @property
    def fixed(self) -> tuple[int, ...]:
        """The tokens that are always there."""
        return self._fixed

    def extend(self, tokens: Sequence[int]) -> None:
        """Add text that will not change any more; the oldest text gives way."""
        self._carried.extend(tokens)

    def tokens(self) -> tuple[int, ...]:
        """The prompt: the fixed tokens, then the newest carried ones."""
        return (*self._fixed, *self._carried)

    def drop(self) -> None:
        """Forget the carried text."""
        self._carried.clear()

    def after_decode(self, decoded: Decoded) -> bool:
        """Drop the carried text if the decode says that it is not to be trusted; whether it was."""
        doubtful = (
            self._was_sampled(decoded) or self._was_unsure(decoded) or self._was_repetitive(decoded)
        )
        if doubtful:
            self.drop()
        return doubtful

    def after_silence(self, samples: int) -> bool:
        """Drop the carried text after a long pause; returns whether it was."""
        long = samples >= self._limits.silence_samples
        if long:
            self.drop()
        return long

    def _was_sampled(self, decoded: Decoded) -> bool:
        return decoded.temperature > self._limits.temperature

    def _was_unsure(self, decoded: Decoded) -> bool:
        return decoded.average_log_probability < self._limits.average_log_probability

    def _was_repetitive(self, decoded: Decoded) -> bool:
        return decoded.stop == "loop" or decoded.compression_ratio > self._limits.compression_ratio
