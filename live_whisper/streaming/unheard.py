"""Speech for which a decode wrote nothing: found by the sound, decoded again.

A decoder that loses its place ends its text early or leaves a sentence out, and nothing in its
probabilities shows it. What shows it is a voice where there are no words: inside a speech segment
pauses are short, so a long stretch without a word that sounds like speech was passed over.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from live_whisper.decoding.alignment import AlignmentWindow, words_from
from live_whisper.decoding.types import Decoded
from live_whisper.streaming.policies.local_agreement import normalised
from live_whisper.streaming.prefix import prefix_tokens
from live_whisper.types.audio import Samples, Span
from live_whisper.types.text import Word
from live_whisper.units import SAMPLE_RATE, align_to_position, ms_to_samples
from live_whisper.vad.webrtc import WebRtcVoiceActivity
from live_whisper.whisper.tokenizer import Tokenizer

DecodePart = Callable[[Span, Samples, tuple[int, ...]], Decoded]
"""Decodes a part of a window: where it lies, its audio, and the tokens its text begins with."""

BACKGROUND_SAMPLES = 2 * SAMPLE_RATE
"""Sound before a stretch from which the detector learns what the background is."""
EDGE_SAMPLES = ms_to_samples(100)
"""Times from attention are no better than this: a word's sound may go on so far behind its end."""
VOICED_SHARE = 0.35
"""Of speech, the least that has a pitch."""
MOST_STRETCHES = 2
"""Of one decode that are decoded again; each may cost as much as the decode itself."""
CONTEXT_SAMPLES = 4 * SAMPLE_RATE
"""Words so far before a stretch, of the same sentence, are told to the decoder."""
LEAD_SAMPLES = ms_to_samples(200)
"""Sound before a stretch that is decoded without any words before it."""
ALONE_SAMPLES = ms_to_samples(1500)
"""A stretch that its context does not explain is tried without it only from this length on."""
LEAST_LOG_PROBABILITY = -0.7
"""Average of an answer that is taken. On stretches that the demo checkpoint passed over, right
answers lay above -0.5, wrong ones mostly below -0.7."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Speech without words."""

    index: int
    """Number of words before it."""
    span: Span


def unheard_speech(
    words: Sequence[Word], span: Span, samples: Samples, *, since: int, least: int
) -> Iterator[Stretch]:
    """Stretches of a window with at least ``least`` samples of speech and no word, in order.

    ``words``: those of the decode, in order, all after ``since``. ``samples``: shape (n,), float32,
    the audio of ``span``.
    """
    starts = [since, *(word.end for word in words)]
    ends = [*(word.start for word in words), span.end]
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if end - start >= least + EDGE_SAMPLES and _speaks(Span(start, end), span, samples, least):
            yield Stretch(index, Span(start, end))


def _speaks(gap: Span, span: Span, samples: Samples, least: int) -> bool:
    """Whether somebody speaks in the gap for ``least`` samples, its first edge aside."""
    first = max(span.start, gap.start - BACKGROUND_SAMPLES)
    detector = WebRtcVoiceActivity(start=first)
    heard = [
        frame
        for frame in detector.push(samples[first - span.start : gap.end - span.start])
        if frame.is_speech and frame.start >= gap.start + EDGE_SAMPLES
    ]
    voiced = sum(frame.length for frame in heard if frame.voiced)
    return sum(frame.length for frame in heard) >= least and voiced >= VOICED_SHARE * least


@dataclass(frozen=True, slots=True)
class Heard:
    """The window, or the part of it, whose text is looked at."""

    span: Span
    committed: tuple[Word, ...]
    """Committed words inside the window, before those of the decode."""
    since: int
    """Where the committed text ends."""
    least: int
    """Samples of speech without a word that are decoded again; 0: none are."""


class SecondHearing:
    """Fills in what a decode passed over. One thread."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def complete(
        self, words: tuple[Word, ...], heard: Heard, samples: Samples, decode: DecodePart
    ) -> tuple[Word, ...]:
        """``words`` with those of the speech between and behind them.

        Where the window has no text at all it stays so: then the model took it for silence.
        ``samples``: shape (n,), float32, the audio of ``heard.span``.
        """
        if not heard.least or not (words or heard.committed):
            return words
        stretches = unheard_speech(words, heard.span, samples, since=heard.since, least=heard.least)
        added = 0
        for stretch in list(islice(stretches, MOST_STRETCHES)):
            at = stretch.index + added
            before, after = words[:at], words[at:]
            new = self._hear(stretch.span, (*heard.committed, *before), heard, samples, decode)
            if after and new and normalised(new[-1]) == normalised(after[0]):
                new = new[:-1]
            words = (*before, *new, *after)
            added += len(new)
        return words

    def _hear(
        self,
        gap: Span,
        before: tuple[Word, ...],
        heard: Heard,
        samples: Samples,
        decode: DecodePart,
    ) -> tuple[Word, ...]:
        """The words of a stretch; none where the model is not sure of them."""
        context = sentence_before(before, gap.start - CONTEXT_SAMPLES)
        attempts = [context] if context else []
        if not context or gap.length >= ALONE_SAMPLES:
            attempts.append(())
        for told in attempts:
            first = told[0].start if told else gap.start - LEAD_SAMPLES
            part = Span(max(heard.span.start, align_to_position(first)), gap.end)
            offset = part.start - heard.span.start
            prefix = prefix_tokens(told, part.start, self._tokenizer)
            decoded = decode(part, samples[offset : offset + part.length], prefix)
            if decoded.stop == "eot" and decoded.average_log_probability > LEAST_LOG_PROBABILITY:
                place = AlignmentWindow(part.start, part.length, not_before=gap.start)
                words = tuple(words_from(decoded, self._tokenizer, place))
                if words:
                    return words
        return ()


def sentence_before(words: Sequence[Word], earliest: int) -> tuple[Word, ...]:
    """The last sentence of ``words``, or its part that begins at ``earliest`` or later.

    It is left open: what ended it may have been the mistake.
    """
    chosen: list[Word] = []
    for word in reversed(words):
        if word.start < earliest or (chosen and word.ends_sentence):
            break
        chosen.insert(0, word)
    if chosen:
        chosen[-1] = replace(chosen[-1], segment_end=None)
    return tuple(chosen)
