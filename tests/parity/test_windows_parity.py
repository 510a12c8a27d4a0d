"""Greedy decoding and beam search, token for token as openai-whisper.

Both programs compute in float32 in another order, so a token may differ only where the two best
logits, or the sums of the two best hypotheses, are closer than rounding (1e-4); no window here has
such a tie.
"""

import numpy as np
import pytest
import torch
import whisper
from audio import babble, clip
from pairs import DEMO

from live_whisper.decoding import BeamSettings, DecodeRequest
from live_whisper.units import WINDOW_FRAMES, WINDOW_SAMPLES

pytestmark = [
    pytest.mark.parity,
    # openai-whisper leaves its vocabulary file open.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    # It gives numpy a tensor to sort.
    pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning"),
]


def compare(pair, samples, *, max_tokens, language="en", task="transcribe", **options):
    """Decode one window with both programs and compare all that they say."""
    mel = pair.log_mel.compute(samples[:WINDOW_SAMPLES], frames=WINDOW_FRAMES)
    features = pair.decoder.engine.encoder.encode(mel)
    prompt = options.get("prompt", ())
    timestamps = options.get("timestamps", True)
    beam = options.get("beam")
    got = pair.decoder.decode(
        features,
        DecodeRequest(
            language=language,
            task=task,
            prompt=prompt,
            timestamps=timestamps,
            max_tokens=max_tokens,
            beam=beam,
        ),
    )
    expected = whisper.decode(
        pair.reference,
        torch.tensor(mel),
        whisper.DecodingOptions(
            language=language,
            task=task,
            prompt=list(prompt) or None,
            without_timestamps=not timestamps,
            sample_len=max_tokens,
            fp16=False,
            beam_size=beam and beam.size,
            patience=beam and beam.patience,
            length_penalty=beam and beam.length_penalty,
        ),
    )
    assert list(got.tokens) == expected.tokens
    assert got.language == expected.language
    assert got.average_log_probability == pytest.approx(expected.avg_logprob, abs=2e-3)
    assert got.no_speech_probability == pytest.approx(expected.no_speech_prob, abs=1e-3)
    assert got.compression_ratio == expected.compression_ratio
    return got


def compare_random(pair, number, max_tokens, **options):
    random = np.random.default_rng(number)
    prompt = tuple(int(token) for token in random.integers(0, 50_000, 150 * (number % 3)))
    got = compare(
        pair,
        babble(30, number),
        max_tokens=max_tokens,
        language=("en", "ko", None)[number % 3],
        task=("transcribe", "translate")[number % 2],
        prompt=prompt if number % 3 < 2 else (),
        timestamps=number != 4,
        **options,
    )
    assert len(set(got.tokens)) > max_tokens // 4  # the checkpoint says something
    return got


@pytest.mark.parametrize("number", range(6))
def test_a_random_checkpoint_of_tiny_size(tiny_pair, number):
    compare_random(tiny_pair, number, 40)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2))
def test_a_random_checkpoint_of_base_size(base_pair, number):
    compare_random(base_pair, number, 24)


def compare_demo(pair, number, **options):
    sound = clip(DEMO)
    if sound is None:
        sound = babble(60, 0)
    start = (number * len(sound)) // 20
    samples = np.resize(sound[start:], WINDOW_SAMPLES if number % 2 else 8 * 16_000)
    samples = samples + np.random.default_rng(number).normal(0, 0.003, len(samples))
    return compare(
        pair,
        samples.astype(np.float32),
        max_tokens=224,
        language=("en", "ko")[number % 2],
        timestamps=number % 5 != 4,
        **options,
    )


@pytest.mark.parametrize("number", range(20))
def test_the_demo_checkpoint(demo_pair, number):
    compare_demo(demo_pair, number)


BEAMS = [
    *((number, BeamSettings(5)) for number in range(10)),
    *((number, BeamSettings(5, patience=2.0)) for number in range(10)),
    *((number, BeamSettings(3, length_penalty=0.6)) for number in range(10, 13)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "beam"), BEAMS)
def test_a_beam_on_a_random_checkpoint_of_tiny_size(tiny_pair, number, beam):
    compare_random(tiny_pair, number, 24, beam=beam)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "beam"), BEAMS)
def test_a_beam_on_the_demo_checkpoint(demo_pair, number, beam):
    compare_demo(demo_pair, number, beam=beam)


def test_language_detection(tiny_pair):
    mel = tiny_pair.log_mel.compute(babble(30, 99), frames=WINDOW_FRAMES)
    _, expected = whisper.detect_language(tiny_pair.reference, torch.tensor(mel))
    found = tiny_pair.decoder.detect_language(tiny_pair.decoder.engine.encoder.encode(mel))
    assert next(iter(found)) == max(expected, key=expected.get)
    assert found == pytest.approx(expected, abs=1e-4)
