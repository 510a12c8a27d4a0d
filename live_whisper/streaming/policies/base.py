"""The two hooks of a streaming policy.

The hook in the loop (``Watch``) runs beside the decoder, in the recognizer's process, and knows one
decode. The hook after the loop (``Policy``) runs beside the stitcher and remembers hypotheses.
"""

from typing import Protocol

from live_whisper.decoding.types import StepMonitor
from live_whisper.types.text import Hypothesis


class Watch(StepMonitor, Protocol):
    """Observes the tokens of one decode and says how many of them are safe."""

    @property
    def safe_tokens(self) -> int:
        """The first so many new tokens do not depend on audio that is still to come."""
        ...


class Policy(Protocol):
    """Chooses how many words of a hypothesis become final."""

    @property
    def decodes_open_speech(self) -> bool:
        """Whether windows are worth decoding before their speech has ended."""
        ...

    def watch(self, *, positions: int, first_position: int, final: bool) -> Watch | None:
        """A hook for one decode.

        ``positions``: encoder positions of real audio. ``first_position``: where audio not yet
        committed begins. ``None`` when the policy has nothing to say in the loop.
        """
        ...

    def commit(self, hypothesis: Hypothesis, *, final: bool) -> int:
        """How many leading words of ``hypothesis.words`` to commit. Called once per hypothesis."""
        ...

    def reset(self) -> None:
        """Forget earlier hypotheses: the window they belong to is closed."""
        ...

    @property
    def memory(self) -> tuple[tuple[str, ...], ...]:
        """What is remembered of earlier hypotheses, oldest first; empty where nothing is."""
        ...

    def resume(self, memory: tuple[tuple[str, ...], ...]) -> None:
        """Go on with the memory of a run that was cut off."""
        ...
