"""LocalAgreement-n: commit what the last n hypotheses agree on.

Liu, Spanakis, Niehues: "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by
Partial Hypothesis Selection" (2020). Agreement is by word (eojeol in Korean), case and punctuation
aside; what is committed is the newest spelling.
"""

import unicodedata
from collections import deque

from live_whisper.streaming.policies.base import Watch
from live_whisper.types.text import Hypothesis, Word


def normalised(word: Word) -> str:
    """The word without case and punctuation, for comparing; never for showing."""
    return "".join(
        character
        for character in unicodedata.normalize("NFKC", word.text).casefold()
        if not unicodedata.category(character).startswith(("P", "Z", "C"))
    )


class LocalAgreement:
    """Longest common prefix of the last ``agreement`` hypotheses."""

    decodes_open_speech = True

    def __init__(self, *, agreement: int) -> None:
        self._earlier: deque[list[str]] = deque(maxlen=agreement - 1)
        self._needed = agreement - 1

    def watch(self, *, positions: int, first_position: int, final: bool) -> Watch | None:
        """The decision needs whole hypotheses."""
        del positions, first_position, final
        return None

    def commit(self, hypothesis: Hypothesis, *, final: bool) -> int:
        """Words all hypotheses share from the start; all of a final one."""
        words = [normalised(word) for word in hypothesis.words]
        if final:
            return len(words)
        agreed = len(words) if len(self._earlier) == self._needed else 0
        for other in self._earlier:
            agreed = min(agreed, _common_prefix(words, other))
        if agreed == len(words) and agreed:
            agreed -= 1  # the last word may still grow: "meet" and "meeting" begin alike
        for other in self._earlier:
            del other[:agreed]
        self._earlier.append(words[agreed:])
        return agreed

    def reset(self) -> None:
        """Forget the hypotheses of the closed window."""
        self._earlier.clear()

    @property
    def memory(self) -> tuple[tuple[str, ...], ...]:
        """The uncommitted words of earlier hypotheses."""
        return tuple(map(tuple, self._earlier))

    def resume(self, memory: tuple[tuple[str, ...], ...]) -> None:
        """Take them up again."""
        self._earlier.clear()
        self._earlier.extend(map(list, memory))


def _common_prefix(left: list[str], right: list[str]) -> int:
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count
