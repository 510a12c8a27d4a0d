"""Words with times, from tokens and the attention that predicted them.

Splitting, punctuation and the clamping of overlong words follow openai/whisper ``timing.py``; the
attention is that of the decode itself, so it costs no second pass. Times are absolute samples,
never overlap, never run backwards and stay inside the window's audio.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from live_whisper.decoding.dtw import Path, alignment_matrix, token_times
from live_whisper.decoding.types import AttentionRows, Decoded
from live_whisper.types.text import Word
from live_whisper.units import SAMPLES_PER_POSITION, seconds_to_samples
from live_whisper.whisper.tokenizer import Tokenizer

PREPENDED = "\"'“¿([{-"  # signs that belong to the word after them
APPENDED = "\"'.。,，!！?？:：”)]}、"  # signs that belong to the word before them
SENTENCE_ENDS = ".。!！?？"
_LONGEST_MEDIAN = seconds_to_samples(0.7)
_SEGMENT_SLACK = seconds_to_samples(0.2)  # how far words may lie outside their timestamps
_REPLACEMENT = "�"


@dataclass(frozen=True, slots=True)
class AlignmentWindow:
    """Where the decoded audio lies in the stream."""

    start: int
    """Absolute sample of the window's first position."""
    audio_samples: int
    """Real audio in the window."""
    not_before: int = 0
    """Absolute sample before which no word can lie: the end of the forced prefix."""
    last_speech: int | None = None
    """Absolute end of the last word before the window; ``None``: the window's beginning."""

    @property
    def first(self) -> int:
        """Earliest absolute sample of a word."""
        return min(max(self.start, self.not_before), self.end)

    @property
    def end(self) -> int:
        """Absolute sample after the audio."""
        return self.start + self.audio_samples


@dataclass(slots=True)
class _Timing:
    """A word in the making; absolute samples."""

    text: str
    tokens: list[int]
    start: int
    end: int
    probability: float
    segment: int


@dataclass(slots=True)
class _Segment:
    """A run of text tokens between timestamp tokens; absolute samples."""

    start: int | None
    end: int | None
    indices: list[int]
    """Of its text tokens among all tokens."""


def words_from(decoded: Decoded, tokenizer: Tokenizer, window: AlignmentWindow) -> list[Word]:
    """The words of one decode. Without attention they are spread over their segments' time."""
    return [word for _, words in word_groups(decoded, tokenizer, window) for word in words]


def word_groups(
    decoded: Decoded, tokenizer: Tokenizer, window: AlignmentWindow
) -> list[tuple[int, list[Word]]]:
    """The words between timestamps, each group with the index of its first text token."""
    segments = _segments(decoded.tokens, tokenizer, window)
    timings = _split(decoded, segments, tokenizer)
    if not timings:
        return []
    _place(timings, segments, decoded.attention, window)
    median = _median_duration(timings)
    _clamp_at_sentence_ends(timings, 2 * median)
    timings = _merge_punctuation(timings)
    _bound_by_segments(timings, segments, median, window)
    _make_monotone(timings, window)
    return [
        (segment.indices[0], _finished([t for t in timings if t.segment == number], segment))
        for number, segment in enumerate(segments)
    ]


def _segments(
    tokens: Sequence[int], tokenizer: Tokenizer, window: AlignmentWindow
) -> list[_Segment]:
    segments = [_Segment(None, None, [])]
    for index, token in enumerate(tokens):
        if token < tokenizer.eot:
            if segments[-1].end is not None:
                segments.append(_Segment(None, None, []))
            segments[-1].indices.append(index)
        elif tokenizer.is_timestamp(token):
            offset = (token - tokenizer.timestamp_begin) * SAMPLES_PER_POSITION
            at = window.start + min(offset, window.audio_samples)
            if not segments[-1].indices:
                segments[-1].start = at
            elif segments[-1].end is None:
                segments[-1].end = at
            else:
                segments.append(_Segment(at, None, []))
    return [segment for segment in segments if segment.indices]


def _split(decoded: Decoded, segments: Sequence[_Segment], tokenizer: Tokenizer) -> list[_Timing]:
    """Words of each segment; a word never spans a timestamp."""
    timings: list[_Timing] = []
    for number, segment in enumerate(segments):
        ids = [decoded.tokens[index] for index in segment.indices]
        texts, groups = tokenizer.split_to_words(ids, decoded.language)
        if timings and timings[-1].text.isspace() and not texts[0].startswith(" "):
            texts[0] = f" {texts[0]}"  # a blank before a timestamp is no word, but parts two
        used = 0
        for text, group in zip(texts, groups, strict=True):
            indices = segment.indices[used : used + len(group)]
            used += len(group)
            logs = [decoded.log_probabilities[index] for index in indices]
            probability = float(np.exp(logs).mean())
            timings.append(_Timing(text, list(group), 0, 0, probability, number))
    return timings


def _place(
    timings: list[_Timing],
    segments: Sequence[_Segment],
    attention: AttentionRows | None,
    window: AlignmentWindow,
) -> None:
    """First estimate of every word's start and end."""
    first = (window.first - window.start) // SAMPLES_PER_POSITION
    last = -(-window.audio_samples // SAMPLES_PER_POSITION)
    if attention is not None:
        last = min(last, attention.shape[2])
    if attention is None or last - first < 1:
        _spread(timings, segments, window)
        return
    used = [index for segment in segments for index in (*segment.indices, segment.indices[-1] + 1)]
    matrix = alignment_matrix(attention[used], first, last)
    row = 0
    for number, segment in enumerate(segments):
        rows = len(segment.indices) + 1
        low, high = _columns(segments, number, window, (first, last))
        part = matrix[row : row + rows, low - first : high - first]
        lead = np.zeros((1, part.shape[1]))
        times = token_times(np.concatenate([lead, part]))[1:] + low
        row += rows
        _set_times([timing for timing in timings if timing.segment == number], times, window.start)


def _columns(
    segments: Sequence[_Segment], number: int, window: AlignmentWindow, limits: tuple[int, int]
) -> tuple[int, int]:
    """Positions in which a segment's tokens may lie: within its timestamps, with some slack."""
    first, last = limits
    start = segments[number].start
    end = segments[number].end
    if end is None and number + 1 < len(segments):
        end = segments[number + 1].start
    low, high = first, last
    if start is not None:
        low = (start - _SEGMENT_SLACK - window.start) // SAMPLES_PER_POSITION
    if end is not None:
        high = -((window.start - end - _SEGMENT_SLACK) // SAMPLES_PER_POSITION)
    low = min(max(low, first), last - 1)
    return low, min(max(high, low + 1), last)


def _set_times(timings: Sequence[_Timing], times: Path, origin: int) -> None:
    """``times``: the position at which each token begins, and one more; ``origin``: sample."""
    token = 0
    for timing in timings:
        timing.start = origin + int(times[token]) * SAMPLES_PER_POSITION
        token += len(timing.tokens)
        timing.end = origin + int(times[token]) * SAMPLES_PER_POSITION


def _spread(timings: list[_Timing], segments: Sequence[_Segment], window: AlignmentWindow) -> None:
    """Without attention: words take time in proportion to their length in characters."""
    for number, segment in enumerate(segments):
        begin = window.first if segment.start is None else segment.start
        end = window.end if segment.end is None else max(begin, segment.end)
        words = [timing for timing in timings if timing.segment == number]
        shares = np.cumsum([0, *(max(1, len(word.text)) for word in words)])
        bounds = begin + (end - begin) * shares // shares[-1]
        for word, start, stop in zip(words, bounds[:-1], bounds[1:], strict=True):
            word.start, word.end = int(start), int(stop)


def _median_duration(timings: Sequence[_Timing]) -> int:
    """Median length in samples of the words that have one, at most 0.7 s."""
    lengths = [timing.end - timing.start for timing in timings if timing.end > timing.start]
    return min(_LONGEST_MEDIAN, int(np.median(lengths))) if lengths else 0


def _clamp_at_sentence_ends(timings: Sequence[_Timing], longest: int) -> None:
    """A pause belongs to neither the full stop nor the word after it."""
    if longest == 0:
        return
    for before, timing in itertools.pairwise(timings):
        if timing.end - timing.start <= longest:
            continue
        if set(timing.text) <= set(SENTENCE_ENDS):
            timing.end = timing.start + longest
        elif set(before.text) <= set(SENTENCE_ENDS):
            timing.start = timing.end - longest


def _merge_punctuation(timings: Sequence[_Timing]) -> list[_Timing]:
    """Attach opening signs to the word after and closing signs to the word before them."""
    merged: list[_Timing] = []
    for timing in timings:
        before = merged[-1] if merged else None
        closes = set(timing.text) <= set(APPENDED)
        if before and before.segment == timing.segment:
            if closes and not before.text.endswith(" "):
                before.text += timing.text
                before.tokens += timing.tokens
                continue
            if before.text.startswith(" ") and set(before.text.strip()) <= set(PREPENDED):
                timing.text = before.text + timing.text
                timing.tokens = before.tokens + timing.tokens
                merged.pop()
        merged.append(timing)
    return merged


def _bound_by_segments(
    timings: Sequence[_Timing], segments: Sequence[_Segment], median: int, window: AlignmentWindow
) -> None:
    """Words at a segment's ends are neither overlong nor far outside its timestamps."""
    last_speech = window.first if window.last_speech is None else window.last_speech
    for number, segment in enumerate(segments):
        words = [timing for timing in timings if timing.segment == number]
        if not words:
            continue
        _shorten_after_pause(words, median, last_speech, window.first)
        head, tail = words[0], words[-1]
        start, end = segment.start, segment.end
        if start is not None:
            head.start = min(max(start, head.end - 2 * median), head.end)
        if end is not None:
            tail.end = max(tail.start, min(end, max(tail.end, tail.start + 2 * median)))
        _clamp(words, window.first if start is None else start, window.end if end is None else end)
        last_speech = tail.end


def _clamp(words: Sequence[_Timing], first: int, last: int) -> None:
    for word in words:
        word.start = min(max(word.start, first), max(first, last))
        word.end = min(max(word.end, word.start), max(first, last))


def _shorten_after_pause(words: list[_Timing], median: int, last_speech: int, first: int) -> None:
    """The first two words after a pause last at most twice the median each."""
    longest, head = 2 * median, words[0]
    follower = words[1] if len(words) > 1 else None
    if head.end - last_speech <= 4 * median:
        return
    both_long = follower is not None and follower.end - head.start > 2 * longest
    if head.end - head.start <= longest and not both_long:
        return
    if follower is not None and follower.end - follower.start > longest:
        head.end = follower.start = follower.end - longest
    head.start = max(first, head.end - longest)


def _make_monotone(timings: Sequence[_Timing], window: AlignmentWindow) -> None:
    """No overlap, no step back, nothing outside the audio."""
    earliest = window.first
    for timing in timings:
        timing.start = min(max(timing.start, earliest), window.end)
        timing.end = min(max(timing.end, timing.start), window.end)
        earliest = timing.end


def _finished(timings: Sequence[_Timing], segment: _Segment) -> list[Word]:
    """The words of one segment; its first and last carry the timestamps."""
    spoken = _visible(timings)
    return [
        Word(
            text=timing.text,
            start=timing.start,
            end=timing.end,
            probability=min(1.0, timing.probability),
            tokens=tuple(timing.tokens),
            segment_start=segment.start if index == 0 else None,
            segment_end=segment.end if index + 1 == len(spoken) else None,
        )
        for index, timing in enumerate(spoken)
    ]


def _visible(timings: Sequence[_Timing]) -> list[_Timing]:
    """Words with something to show. The tokens of blanks go to a neighbour, so that none is lost.

    Bytes of a character that was never completed, at the very end, are left out.
    """
    spoken: list[_Timing] = []
    pending: list[int] = []
    for timing in timings:
        timing.text = timing.text.replace(_REPLACEMENT, "")
        if timing.text.strip():
            timing.tokens = pending + timing.tokens
            pending = []
            spoken.append(timing)
        else:
            pending += timing.tokens
    return spoken
