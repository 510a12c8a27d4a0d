"""Whole files: the same tokens in the same segments as ``whisper.transcribe``."""

import numpy as np
import pytest
import whisper
from audio import babble, clip
from pairs import DEMO

from live_whisper.decoding import BeamSettings, FallbackSettings
from live_whisper.decoding.file_mel import FileMel
from live_whisper.decoding.longform import LongForm, LongFormSettings

pytestmark = [
    pytest.mark.parity,
    # openai-whisper leaves its vocabulary file open.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    # It gives numpy a tensor to sort.
    pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning"),
]

GREEDY = FallbackSettings(temperatures=(0.0,))  # sampling draws from other random numbers


def ours(pair, samples, **settings):
    with FileMel(pair.log_mel) as mel:
        for start in range(0, len(samples), 100_000):
            mel.push(samples[start : start + 100_000])
        mel.finish()
        longform = LongForm(pair.decoder, mel, LongFormSettings(fallback=GREEDY, **settings))
        return list(longform.run()), longform.language


def compare(pair, samples, *, language, **settings):
    segments, found = ours(pair, samples, language=language, **settings)
    beam = settings.get("beam")
    expected = whisper.transcribe(
        pair.reference,
        samples,
        language=language,
        temperature=0.0,
        fp16=False,
        condition_on_previous_text=settings.get("condition_on_previous_text", True),
        word_timestamps=False,
        beam_size=beam and beam.size,
        patience=beam and beam.patience,
    )
    theirs = [segment for segment in expected["segments"] if segment["text"]]
    assert found == expected["language"]
    assert [list(segment.tokens) for segment in segments] == [one["tokens"] for one in theirs]
    for segment, one in zip(segments, theirs, strict=True):
        assert segment.start / 16_000 == pytest.approx(one["start"], abs=1e-3)
        assert segment.end / 16_000 == pytest.approx(one["end"], abs=1e-3)
        assert segment.seek == one["seek"]
        assert segment.text == one["text"]
    return segments


def demo_sound(seconds):
    sound = clip(DEMO)
    if sound is None:
        sound = babble(60, 0)
    sound = np.resize(sound, seconds * 16_000)
    noise = np.random.default_rng(0).normal(0, 0.003, len(sound))
    return (sound + noise).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("condition", [True, False])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_ten_minutes_of_the_demo(demo_pair, language, condition):
    sound = demo_sound(600)
    compare(demo_pair, sound, language=language, condition_on_previous_text=condition)


@pytest.mark.slow
@pytest.mark.parametrize("patience", [1.0, 2.0])
def test_a_beam_on_five_minutes_of_the_demo(demo_pair, patience):
    segments = compare(
        demo_pair, demo_sound(300), language="en", beam=BeamSettings(5, patience=patience)
    )
    assert len({segment.seek for segment in segments}) >= 6  # windows in which it heard English


@pytest.mark.slow
def test_a_beam_on_a_random_checkpoint(tiny_pair):
    assert compare(tiny_pair, babble(35, 7), language="ko", beam=BeamSettings(5, patience=2.0))


@pytest.mark.slow
@pytest.mark.parametrize("language", ["ko", None])
def test_a_random_checkpoint(tiny_pair, language):
    segments = compare(tiny_pair, babble(35, 7), language=language)
    assert segments
