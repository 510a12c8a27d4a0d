"""Finds text made up over silence, and where to listen again.

The heuristics behind ``hallucination_silence_threshold`` in openai/whisper ``transcribe.py``:
words that are improbable, very short or very long make a segment suspect, and a suspect segment
between silences is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from live_whisper.decoding.alignment import APPENDED, PREPENDED
from live_whisper.decoding.segments import Segment, Window
from live_whisper.types.text import Word
from live_whisper.units import (
    FRAMES_PER_SECOND,
    HOP_SAMPLES,
    SAMPLE_RATE,
    WINDOW_FRAMES,
    seconds_to_samples,
)

_PUNCTUATION = PREPENDED + APPENDED
_IMPROBABLE = 0.15
_SHORT_SECONDS = 0.133
_LONG_SECONDS = 2.0
_WORDS_LOOKED_AT = 8
_EDGE = seconds_to_samples(2.0)  # near the window's ends silence is taken for granted


def word_anomaly(word: Word) -> float:
    """How odd a word is; 0 for an ordinary one."""
    seconds = (word.end - word.start) / SAMPLE_RATE
    score = 1.0 if word.probability < _IMPROBABLE else 0.0
    score += max(0.0, _SHORT_SECONDS - seconds) * 15
    return score + max(0.0, seconds - _LONG_SECONDS)


def is_anomalous(segment: Segment | None) -> bool:
    """Whether most of a segment's first words are odd."""
    if segment is None or not segment.words:
        return False
    words = [word for word in segment.words if word.text not in _PUNCTUATION][:_WORDS_LOOKED_AT]
    score = sum(word_anomaly(word) for word in words)
    return score >= 3 or score + 0.01 >= len(words)


@dataclass(frozen=True, slots=True)
class Check:
    """What is left of a window's segments, and the mel frame to go on from."""

    segments: list[Segment]
    seek: int


@dataclass(frozen=True, slots=True)
class SilenceCheck:
    """Applies the heuristics to one window after another."""

    threshold: int
    """Samples of silence that make a suspect segment a hallucination."""
    total_frames: int
    """Mel frames of the recording."""

    def check(self, segments: list[Segment], window: Window, seek: int, last_speech: int) -> Check:
        """``seek``: where the reference would go on; ``last_speech``: sample of the last word."""
        first = _next_with_words(segments)
        if first is not None and is_anomalous(first):
            gap = first.start - window.start
            if gap > self.threshold:
                return Check([], window.seek + gap // HOP_SAMPLES)
        last_end = last_speech
        for index, segment in enumerate(segments):
            if not segment.words:
                continue
            if is_anomalous(segment) and self._is_isolated(segments, index, window, last_end):
                return Check(segments[:index], self._go_on(segment, window))
            last_end = segment.end
        return Check(segments, seek)

    def after_words(
        self, segments: Sequence[Segment], window: Window, *, whole: bool
    ) -> int | None:
        """The frame after the last word, or after the window if little silence follows it.

        ``whole``: the text itself said that the rest of the window is silent. ``None``: the
        timestamps decide.
        """
        end = last_word_end(segments)
        if whole or end is None or end <= window.start:
            return None
        nominal_end = window.start + WINDOW_FRAMES * HOP_SAMPLES
        if nominal_end - end > self.threshold:
            return round(end / HOP_SAMPLES)
        return window.seek + window.frames

    def _is_isolated(
        self, segments: Sequence[Segment], index: int, window: Window, last_end: int
    ) -> bool:
        segment = segments[index]
        following = _next_with_words(segments[index + 1 :])
        next_start = window.end if following is None else following.words[0].start
        nominal_end = window.start + WINDOW_FRAMES * HOP_SAMPLES
        silence_before = (
            segment.start - last_end > self.threshold
            or segment.start < self.threshold
            or segment.start - window.start < _EDGE
        )
        silence_after = (
            next_start - segment.end > self.threshold
            or is_anomalous(following)
            or nominal_end - segment.end < _EDGE
        )
        return silence_before and silence_after

    def _go_on(self, segment: Segment, window: Window) -> int:
        if self.total_frames * HOP_SAMPLES - segment.end < self.threshold:
            return self.total_frames
        return max(window.seek + FRAMES_PER_SECOND, round(segment.start / HOP_SAMPLES))


def last_word_end(segments: Sequence[Segment]) -> int | None:
    """Absolute end of the last word, else of the last segment; ``None`` without segments."""
    for segment in reversed(segments):
        if segment.words:
            return segment.words[-1].end
    return segments[-1].end if segments else None


def tightened(segment: Segment) -> Segment:
    """The segment from its first word to its last, as the heuristics look at it."""
    if not segment.words:
        return segment
    return replace(segment, start=segment.words[0].start, end=segment.words[-1].end)


def _next_with_words(segments: Sequence[Segment]) -> Segment | None:
    return next((segment for segment in segments if segment.words), None)
