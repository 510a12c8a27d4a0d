"""Speech for which a decode wrote nothing, found by the sound.

A decoder that loses its place ends its text early or leaves a sentence out, and nothing in its
probabilities shows it. What shows it is a voice where there are no words.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from live_whisper.types.audio import Span
from live_whisper.types.text import Word
from live_whisper.vad.voices import EDGE_SAMPLES

Speaks = Callable[[Span, int], bool]
"""Whether a span holds so many samples of speech."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Speech without words."""

    index: int
    """Number of words before it."""
    span: Span


def unheard_speech(
    words: Sequence[Word], span: Span, speaks: Speaks, *, since: int, least: int
) -> Iterator[Stretch]:
    """Stretches of ``span`` with at least ``least`` samples of speech and no word, in order.

    ``words``: in order, all after ``since``, where the text before them ends.
    """
    starts = [since, *(word.end for word in words)]
    ends = [*(word.start for word in words), span.end]
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if end - start >= least + EDGE_SAMPLES and speaks(Span(start, end), least):
            yield Stretch(index, Span(start, end))
