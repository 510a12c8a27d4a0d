"""A map of where a recording holds a voice, asked about spans afterwards."""

import numpy as np
import pytest

from live_whisper.types.audio import Samples, Span
from live_whisper.units import SAMPLE_RATE, ms_to_samples
from live_whisper.vad.base import VoiceFrame
from live_whisper.vad.voices import EDGE_SAMPLES, VOICED_SHARE, VoiceMap

FRAME = ms_to_samples(20)


class Verdicts:
    """A detector that was told: ``s`` speech, ``v`` voiced speech, anything else neither."""

    frame_samples = FRAME

    def __init__(self, pattern: str, start: int = 0) -> None:
        self.pattern, self.at, self.left = pattern, start, 0

    def push(self, samples: Samples) -> list[VoiceFrame]:
        self.left += len(samples)
        frames = []
        while self.left >= FRAME:
            sign, self.pattern = self.pattern[0], self.pattern[1:]
            frames.append(VoiceFrame(self.at, FRAME, sign in "sv", -20.0, sign == "v"))
            self.at += FRAME
            self.left -= FRAME
        return frames

    def flush(self) -> list[VoiceFrame]:
        return []


def voices(pattern: str, start: int = 0, step: int = 1000) -> VoiceMap:
    made = VoiceMap(Verdicts(pattern, start), start=start)
    sound = np.zeros(len(pattern) * FRAME, np.float32)
    for at in range(0, len(sound), step):
        made.push(sound[at : at + step])
    return made


@pytest.mark.parametrize("start", [0, 16_000, 123 * FRAME])
def test_speech_is_counted_behind_the_first_edge(start: int) -> None:
    edge = EDGE_SAMPLES // FRAME
    found = voices("." * 10 + "v" * (edge + 20) + "." * 10, start)
    gap = Span(start + 10 * FRAME, start + (edge + 40) * FRAME)
    assert found.speaks(gap, 20 * FRAME)
    assert not found.speaks(gap, 21 * FRAME)
    assert not found.speaks(Span(gap.start, gap.start + EDGE_SAMPLES), FRAME)


def test_speech_without_a_pitch_is_no_voice() -> None:
    least = 20 * FRAME
    few = round(VOICED_SHARE * 20) - 1
    gap = Span(0, 60 * FRAME)
    assert not voices("." * 10 + "s" * 40 + "." * 10).speaks(gap, least)
    assert not voices("." * 10 + "v" * few + "s" * 30 + "." * 20).speaks(gap, least)
    assert voices("." * 10 + "v" * (few + 2) + "s" * 30 + "." * 20).speaks(gap, least)


def test_spans_beyond_the_map_hold_nothing() -> None:
    found = voices("v" * 50, start=SAMPLE_RATE)
    assert not found.speaks(Span(3 * SAMPLE_RATE, 4 * SAMPLE_RATE), FRAME)
    assert not found.speaks(Span(0, SAMPLE_RATE // 2), FRAME)
    assert found.speaks(Span(0, 4 * SAMPLE_RATE), 40 * FRAME)


def test_an_hour_takes_as_many_bytes_as_frames() -> None:
    found = VoiceMap(Verdicts("." * 3000))
    found.push(np.zeros(60 * SAMPLE_RATE, np.float32))
    assert len(found._frames) == 60 * 50
