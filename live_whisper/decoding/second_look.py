"""Goes back, in a long recording, to speech for which a window's text has nothing.

The reference goes on from the last timestamp it was given, whatever was left out before it. Here
text behind a hole is not believed: the model had lost its place. What stands before it is kept, and
the next window begins at the hole. A window that failed at every temperature is tried shorter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from live_whisper.decoding.segments import Segment, Window
from live_whisper.decoding.unheard import Stretch, unheard_speech
from live_whisper.types.audio import Span
from live_whisper.units import FRAMES_PER_SECOND, HOP_SAMPLES, seconds_to_samples
from live_whisper.vad.voices import VoiceMap

SHORTER_FRAMES = (12 * FRAMES_PER_SECOND, 6 * FRAMES_PER_SECOND)
"""A window that failed at every temperature is cut to the first of these that is shorter."""
STUCK_SAMPLES = seconds_to_samples(1.0)
"""A hole so close to a window's start: the next try is given nothing but the hole."""
APART_SAMPLES = seconds_to_samples(2.0)
"""Holes closer to the last one than this are left: a model may hear nothing in it for good."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What stands of a window's text."""

    segments: list[Segment]
    seek: int
    """Mel frame to go on from; the window's own first one where it is tried again, shorter."""


class SecondLook:
    """The windows of one recording, in order. One thread."""

    def __init__(self, voices: VoiceMap, *, least: int) -> None:
        """``least``: samples of speech without a word that are gone back to."""
        self._voices = voices
        self._least = least
        self._limit: int | None = None
        self._hole_only = False
        self._nearest = 0

    def frames(self, wanted: int) -> int:
        """Length of the next window; the one after it is free again."""
        limit, self._limit = self._limit, None
        return wanted if limit is None else min(limit, wanted)

    def again(self, window: Window) -> bool:
        """Whether a window that failed is to be decoded again, shorter."""
        self._limit = next((n for n in SHORTER_FRAMES if n < window.frames), None)
        return self._limit is not None

    def check(self, segments: list[Segment], window: Window, seek: int) -> Checked:
        """The segments up to the first hole, and the hole as the next window's beginning.

        A window that is nothing but a hole is taken as it is.
        """
        words = [word for segment in segments for word in segment.words]
        hole_only, self._hole_only = self._hole_only, False
        if hole_only or not words:
            return Checked(segments, seek)
        reach = Span(window.start, max(words[-1].end, min(seek * HOP_SAMPLES, window.end)))
        holes = unheard_speech(
            words, reach, self._voices.speaks, since=window.start, least=self._least
        )
        hole = next((hole for hole in holes if hole.span.start >= self._nearest), None)
        if hole is None:
            return Checked(segments, seek)
        self._nearest = hole.span.start + APART_SAMPLES
        if hole.span.start - window.start < STUCK_SAMPLES:
            self._limit = max(1, hole.span.end // HOP_SAMPLES - window.seek)
            self._hole_only = True
            return Checked([], window.seek)
        return Checked(up_to(segments, hole), hole.span.start // HOP_SAMPLES)


def up_to(segments: Sequence[Segment], hole: Stretch) -> list[Segment]:
    """The segments with the words before a hole only."""
    kept: list[Segment] = []
    left = hole.index
    for segment in segments:
        words = segment.words[:left]
        left -= len(words)
        if len(words) == len(segment.words):
            kept.append(segment)
        elif words:
            kept.append(
                replace(
                    segment,
                    words=words,
                    end=words[-1].end,
                    text="".join(word.text for word in words),
                    tokens=tuple(token for word in words for token in word.tokens),
                )
            )
        if not left:
            break
    return kept
