"""What a live decode passed over is decoded again, by itself, with the words before it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from live_whisper.decoding.alignment import AlignmentWindow, words_from
from live_whisper.decoding.fallback import FallbackSettings, needs_fallback
from live_whisper.decoding.types import Decoded
from live_whisper.decoding.unheard import unheard_speech
from live_whisper.streaming.policies.local_agreement import normalised
from live_whisper.streaming.prefix import prefix_tokens
from live_whisper.types.audio import Samples, Span
from live_whisper.types.text import Word
from live_whisper.units import SAMPLE_RATE, align_to_position, ms_to_samples
from live_whisper.vad.voices import VoiceMap
from live_whisper.whisper.tokenizer import Tokenizer

DecodePart = Callable[[Span, Samples, tuple[int, ...]], Decoded]
"""Decodes a part of a window: where it lies, its audio, and the tokens its text begins with."""

BACKGROUND_SAMPLES = 2 * SAMPLE_RATE
"""Sound before a stretch from which the detector learns what the background is."""
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

    def __init__(self, tokenizer: Tokenizer, limits: FallbackSettings) -> None:
        """``limits``: what is too repetitive, and what is silence."""
        self._tokenizer = tokenizer
        self._limits = limits

    def complete(
        self, words: tuple[Word, ...], heard: Heard, samples: Samples, decode: DecodePart
    ) -> tuple[Word, ...]:
        """``words`` with those of the speech between and behind them.

        Where the window has no text at all it stays so: then the model took it for silence.
        ``samples``: shape (n,), float32, the audio of ``heard.span``.
        """
        if not heard.least or not (words or heard.committed):
            return words

        def speaks(gap: Span, least: int) -> bool:
            first = max(heard.span.start, gap.start - BACKGROUND_SAMPLES)
            voices = VoiceMap(start=first)
            voices.push(samples[first - heard.span.start : gap.end - heard.span.start])
            return voices.speaks(gap, least)

        stretches = unheard_speech(words, heard.span, speaks, since=heard.since, least=heard.least)
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
            if self._sure(decoded):
                place = AlignmentWindow(part.start, part.length, not_before=gap.start)
                words = tuple(words_from(decoded, self._tokenizer, place))
                if words:
                    return words
        return ()

    def _sure(self, decoded: Decoded) -> bool:
        """Stricter than of a whole window: a silence is not asked how probable its text is."""
        silence = self._limits.no_speech_probability
        return (
            decoded.stop == "eot"
            and decoded.average_log_probability > LEAST_LOG_PROBABILITY
            and (silence is None or decoded.no_speech_probability <= silence)
            and not needs_fallback(decoded, self._limits)
        )


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
