"""AlignAtt: a token is safe when the audio it attends to lies well before the end.

Papi, Turchi, Negri: "AlignAtt: Using Attention-based Audio-Translation Alignments as a Guide for
Simultaneous Speech Translation" (2023), applied to Whisper's alignment heads as in Simul-Whisper.
The decode does not stop at the first unsafe token: what follows is shown as tentative.
"""

import numpy as np
import numpy.typing as npt

from live_whisper.decoding.types import Step, Verdict
from live_whisper.streaming.policies.base import Watch
from live_whisper.streaming.policies.local_agreement import normalised
from live_whisper.types.text import Hypothesis, Word
from live_whisper.units import POSITIONS_PER_SECOND

REWIND_POSITIONS = 4 * POSITIONS_PER_SECOND
"""Attention that jumps back this far has lost its place: what follows repeats."""


class AttentionWatch:
    """Follows the most-attended encoder position of each new token."""

    def __init__(self, *, positions: int, first_position: int, margin_positions: int) -> None:
        self._end = positions
        self._first = min(first_position, max(0, positions - 1))
        self._margin = margin_positions
        self._furthest = self._first
        self._safe: int | None = None
        self._seen = 0

    @property
    def safe_tokens(self) -> int:
        """New tokens before the first unsafe one."""
        return self._seen if self._safe is None else self._safe

    def observe(self, step: Step) -> Verdict:
        """Mark the first token whose evidence is too fresh or out of order."""
        if step.index == 0:  # another attempt at the same window begins anew
            self._furthest, self._safe = self._first, None
        self._seen = step.index + 1
        if self._safe is None and step.attention is not None and not step.is_timestamp:
            position = self._attended(step.attention)
            if position >= self._end - self._margin or self._furthest - position > REWIND_POSITIONS:
                self._safe = step.index
            self._furthest = max(self._furthest, position)
        return Verdict.CONTINUE

    def _attended(self, attention: npt.NDArray[np.float32]) -> int:
        """Arg-max over the audio not yet committed of the heads' mean weight."""
        weights = attention[:, self._first : self._end].mean(axis=0)
        return self._first + int(weights.argmax()) if weights.size else self._end


class AlignAtt:
    """Commits the words whose tokens were all safe, doubtful ones only when seen twice.

    Attention says where the model looks, not whether it recognises what is there: a word that it
    gives little, or that it found no place for, waits until the next decode repeats it.
    """

    decodes_open_speech = True

    def __init__(self, *, margin_ms: int, sure_probability: float = 0.0) -> None:
        """``sure_probability``: from here on a word need not be repeated."""
        self._sure = sure_probability
        self._waiting: tuple[str, ...] = ()
        self._margin = margin_ms * POSITIONS_PER_SECOND // 1000

    def watch(self, *, positions: int, first_position: int, final: bool) -> Watch | None:
        """A watch for open speech; once it has ended there is no later audio to wait for."""
        if final:
            return None
        return AttentionWatch(
            positions=positions, first_position=first_position, margin_positions=self._margin
        )

    def commit(self, hypothesis: Hypothesis, *, final: bool) -> int:
        """The stable words up to the first doubtful one; all of them once the speech has ended."""
        words = hypothesis.words
        if final:
            return len(words)
        spelled = tuple(map(normalised, words))
        count = 0
        for word, text, before in zip(
            words[: hypothesis.stable], spelled, self._earlier(len(words)), strict=False
        ):
            if self._doubtful(word) and text != before:
                break
            count += 1
        self._waiting = spelled[count:]
        return count

    def _earlier(self, length: int) -> tuple[str | None, ...]:
        return (*self._waiting, *[None] * length)

    def _doubtful(self, word: Word) -> bool:
        return word.probability < self._sure or (self._sure > 0 and word.start == word.end)

    def reset(self) -> None:
        """Forget the words that wait: their window is closed."""
        self._waiting = ()

    @property
    def memory(self) -> tuple[tuple[str, ...], ...]:
        """The words that waited after the last decode."""
        return (self._waiting,) if self._waiting else ()

    def resume(self, memory: tuple[tuple[str, ...], ...]) -> None:
        """Go on with them."""
        self._waiting = memory[-1] if memory else ()
