"""Segments of a long recording: cutting a window's tokens at its timestamps.

The rules are those of openai/whisper ``transcribe.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from live_whisper.decoding.alignment import AlignmentWindow, word_groups
from live_whisper.decoding.types import Decoded
from live_whisper.types.text import Word
from live_whisper.units import HOP_SAMPLES, SAMPLES_PER_POSITION
from live_whisper.whisper.tokenizer import Tokenizer

_FRAMES_PER_POSITION = SAMPLES_PER_POSITION // HOP_SAMPLES


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text with its times."""

    start: int
    """Absolute sample."""
    end: int
    """Absolute sample, not before ``start``."""
    text: str
    tokens: tuple[int, ...]
    """Timestamps included."""
    words: tuple[Word, ...]
    seek: int
    """First mel frame of the window it was decoded from."""
    temperature: float
    average_log_probability: float
    compression_ratio: float
    no_speech_probability: float

    @property
    def is_empty(self) -> bool:
        """Instantaneous or without text: nothing to show and nothing to go on from."""
        return self.start == self.end or not self.text.strip()


@dataclass(frozen=True, slots=True)
class Window:
    """Where a decoded window lies in the recording."""

    seek: int
    """First mel frame."""
    frames: int
    """Mel frames of audio in it."""

    @property
    def start(self) -> int:
        """Absolute sample."""
        return self.seek * HOP_SAMPLES

    @property
    def end(self) -> int:
        """Absolute sample after its audio."""
        return (self.seek + self.frames) * HOP_SAMPLES


def ends_in_silence(tokens: Sequence[int], tokenizer: Tokenizer) -> bool:
    """A single timestamp at the end: nothing is said in the rest of the window."""
    last = [tokenizer.is_timestamp(token) for token in tokens[-2:]]
    return last == [False, True]


def cut(decoded: Decoded, window: Window, tokenizer: Tokenizer) -> tuple[list[Segment], int]:
    """The segments of a window, without words, and the frame to go on from.

    A last segment that was opened but not closed is decoded again with the next window.
    """
    tokens = decoded.tokens
    bounds = _bounds(tokens, tokenizer)
    if not bounds:
        return [_whole(decoded, window, tokenizer)], window.seek + window.frames
    whole = ends_in_silence(tokens, tokenizer)
    if whole:
        bounds.append(len(tokens))
    segments = []
    for first, last in zip([0, *bounds], bounds, strict=False):
        start = _position(tokens[first], tokenizer)
        end = _position(tokens[last - 1], tokenizer)
        segments.append(_segment(decoded, window, (first, last), (start, end), tokenizer))
    if whole:
        return segments, window.seek + window.frames
    last_position = _position(tokens[bounds[-1] - 1], tokenizer)
    return segments, window.seek + last_position * _FRAMES_PER_POSITION


def attach_words(
    segments: Sequence[Segment],
    decoded: Decoded,
    window: Window,
    tokenizer: Tokenizer,
    last_speech: int,
) -> list[tuple[Word, ...]]:
    """The words of each segment that ``cut`` made, none before the sample ``last_speech``."""
    place = AlignmentWindow(window.start, window.end - window.start, last_speech, last_speech)
    words: list[list[Word]] = [[] for _ in segments]
    bounds = _running_lengths(segments)
    number = 0
    for index, group in word_groups(decoded, tokenizer, place):
        while number < len(bounds) and index >= bounds[number]:
            number += 1
        if number < len(words):
            words[number].extend(group)
    return [tuple(group) for group in words]


def _running_lengths(segments: Sequence[Segment]) -> list[int]:
    lengths, total = [], 0
    for segment in segments:
        total += len(segment.tokens)
        lengths.append(total)
    return lengths


def _bounds(tokens: Sequence[int], tokenizer: Tokenizer) -> list[int]:
    """Indices of the second of two timestamps in a row: one segment ends, the next begins."""
    marks = [tokenizer.is_timestamp(token) for token in tokens]
    return [index for index in range(1, len(tokens)) if marks[index - 1] and marks[index]]


def _position(token: int, tokenizer: Tokenizer) -> int:
    return token - tokenizer.timestamp_begin


def _whole(decoded: Decoded, window: Window, tokenizer: Tokenizer) -> Segment:
    """One segment for a window without a pair of timestamps."""
    marks = [token for token in decoded.tokens if tokenizer.is_timestamp(token)]
    end = window.frames // _FRAMES_PER_POSITION
    if marks and marks[-1] != tokenizer.timestamp_begin:
        end = _position(marks[-1], tokenizer)
    return _segment(decoded, window, (0, len(decoded.tokens)), (0, end), tokenizer)


def _segment(
    decoded: Decoded,
    window: Window,
    indices: tuple[int, int],
    positions: tuple[int, int],
    tokenizer: Tokenizer,
) -> Segment:
    tokens = decoded.tokens[indices[0] : indices[1]]
    start = window.start + positions[0] * SAMPLES_PER_POSITION
    return Segment(
        start=start,
        end=max(start, window.start + positions[1] * SAMPLES_PER_POSITION),
        text=tokenizer.decode([token for token in tokens if token < tokenizer.eot]),
        tokens=tokens,
        words=(),
        seek=window.seek,
        temperature=decoded.temperature,
        average_log_probability=decoded.average_log_probability,
        compression_ratio=decoded.compression_ratio,
        no_speech_probability=decoded.no_speech_probability,
    )
