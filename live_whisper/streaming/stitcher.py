"""Joins hypotheses into one append-only text, by time.

The decoder continues after a forced prefix, so a repeat can only come from a window that begins
without one, or from a model that lost its place. Both show in the words' times.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from live_whisper.streaming.policies.local_agreement import normalised
from live_whisper.types.audio import Span
from live_whisper.types.text import Suppressed, Word
from live_whisper.units import ms_to_samples

TAIL_WORDS = 400
"""Committed words kept in memory: more than a 30 s window and its prompt can need."""
SEAM_WORDS = 5
"""Longest repeat looked for where a window begins without a prefix."""
SEAM_SAMPLES = ms_to_samples(200)
"""A repeat across a seam begins at most this far behind the committed end; what is said
twice begins later."""
OVERLAP_SAMPLES = ms_to_samples(200)
"""Times from attention are no better than this: a word may begin so far behind the last one."""


@dataclass(frozen=True, slots=True)
class Stitched:
    """What one hypothesis adds."""

    committed: tuple[Word, ...]
    tentative: tuple[Word, ...]
    suppressed: tuple[Suppressed, ...]


class Stitcher:
    """The committed text. One thread."""

    def __init__(self) -> None:
        self._tail: deque[Word] = deque(maxlen=TAIL_WORDS)
        self.count = 0

    @property
    def end(self) -> int:
        """Where the committed text ends: no new word may end at or before it."""
        return self._tail[-1].end if self._tail else 0

    def resume(self, words: Iterable[Word], count: int) -> None:
        """Go on after ``words``, the newest of ``count`` committed ones."""
        self._tail.clear()
        self._tail.extend(words)
        self.count = count

    def since(self, sample: int) -> tuple[Word, ...]:
        """Committed words that begin at or after ``sample``; the deque's tail only."""
        return tuple(word for word in self._tail if word.start >= sample)

    def before(self, sample: int) -> tuple[Word, ...]:
        """Committed words, oldest first, that begin before ``sample``."""
        return tuple(word for word in self._tail if word.start < sample)

    def accept(self, words: tuple[Word, ...], commit: int, *, seam: bool) -> Stitched:
        """Append the first ``commit`` words; the others are tentative.

        ``seam`` says that the decode began without a forced prefix. A hypothesis that is already
        in the text (its words end behind the commit time) is suppressed, never shown twice.
        """
        repeated = self._repeated(words) if seam else 0
        late = repeated
        while late < len(words) and words[late].end <= self.end and self._behind(words[late]):
            late += 1
        fresh = self._in_order(words[late:])
        kept = max(0, commit - late)
        committed, tentative = fresh[:kept], fresh[kept:]
        for word in committed:
            self._tail.append(word)
        self.count += len(committed)
        dropped = (
            Suppressed(words[:repeated], "repeated_at_seam") if repeated else None,
            Suppressed(words[repeated:late], "behind_commit") if late > repeated else None,
        )
        return Stitched(committed, tentative, tuple(item for item in dropped if item))

    def _behind(self, word: Word) -> bool:
        return bool(self._tail) and word.start < self.end - OVERLAP_SAMPLES

    def _repeated(self, words: tuple[Word, ...]) -> int:
        """Length of the longest run that ends the committed text and begins the new words."""
        tail = list(self._tail)[-SEAM_WORDS:]
        for size in range(min(len(tail), len(words), SEAM_WORDS), 0, -1):
            same = all(
                normalised(old) == normalised(new)
                for old, new in zip(tail[-size:], words[:size], strict=True)
            )
            close = words[size - 1].start < self.end + (SEAM_SAMPLES if size > 1 else 0)
            if same and close and words[0].start <= tail[-size].end + SEAM_SAMPLES:
                return size
        return 0

    def _in_order(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """Clamp times so that words neither overlap the text before them nor run backwards."""
        ordered: list[Word] = []
        floor = self.end
        for word in words:
            start = max(word.start, floor)
            end = max(word.end, start)
            ordered.append(
                word
                if (start, end) == (word.start, word.end)
                else replace(word, start=start, end=end)
            )
            floor = end
        return tuple(ordered)

    def boundary(self, window: Span, keep: int) -> int | None:
        """Where a long window may be cut: after a committed word, best after a sentence.

        Leaves at least ``keep`` samples. ``None`` when nothing committed lies early enough.
        """
        inside = [word for word in self._tail if window.start < word.end <= window.end - keep]
        if not inside:
            return None
        for word in reversed(inside):
            if word.ends_sentence:
                return word.end
        return inside[-1].end
