"""Decode once, when the phrase is over. The lowest power, and the full context."""

from live_whisper.streaming.policies.base import Watch
from live_whisper.types.text import Hypothesis


class Phrase:
    """Commits everything, of final hypotheses only."""

    decodes_open_speech = False

    def watch(self, *, positions: int, first_position: int, final: bool) -> Watch | None:
        """Nothing to watch for: the audio is complete."""
        del positions, first_position, final
        return None

    def commit(self, hypothesis: Hypothesis, *, final: bool) -> int:
        """All words once the window is final."""
        return len(hypothesis.words) if final else 0

    def reset(self) -> None:
        """Nothing is remembered."""

    @property
    def memory(self) -> tuple[tuple[str, ...], ...]:
        """Nothing."""
        return ()

    def resume(self, memory: tuple[tuple[str, ...], ...]) -> None:
        """Nothing to go on with."""
