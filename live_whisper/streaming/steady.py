"""Which guesses are worth showing: what flickers is harder to read than what comes a step later."""

from live_whisper.streaming.policies.local_agreement import normalised
from live_whisper.types.text import Word


class SteadyTail:
    """Holds a guess back until the next decode repeats it, unless it is likely enough. One thread.

    The last word of a hypothesis always waits: half of it may still be unspoken.
    """

    def __init__(self, likely: float) -> None:
        """``likely``: from this probability on a word is shown at once; 0: every word is."""
        self._likely = likely
        self._earlier: tuple[str, ...] = ()

    def show(self, words: tuple[Word, ...], *, committed: int) -> tuple[Word, ...]:
        """The leading ``words``, tentative after ``committed`` new ones, that are to be seen."""
        if self._likely <= 0:
            return words
        spelled = tuple(map(normalised, words))
        earlier = self._earlier[committed:]
        self._earlier = spelled
        shown = 0
        for word, text in zip(words, spelled, strict=True):
            repeated = shown < len(earlier) and earlier[shown] == text
            likely = word.probability >= self._likely and shown + 1 < len(words)
            if not (repeated or likely):
                break
            shown += 1
        return words[:shown]
