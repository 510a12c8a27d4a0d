import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.audio import pcm
from live_whisper.audio.resample import Resampler

RATES = st.sampled_from([8000, 11025, 12345, 16000, 22050, 24000, 32000, 44100, 48000, 96000])


def cut(samples: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    parts, at = [], 0
    for size in sizes:
        parts.append(samples[at : at + size])
        at += size
    return [*parts, samples[at:]]


def run(rate: int, parts: list[np.ndarray]) -> np.ndarray:
    resampler = Resampler(rate)
    out = [resampler.push(part) for part in parts]
    return np.concatenate([*out, resampler.flush()])


@settings(deadline=None, max_examples=60)
@given(rate=RATES, count=st.integers(0, 9000), sizes=st.lists(st.integers(0, 2000), max_size=12))
def test_length_is_exact_and_cutting_changes_nothing(rate, count, sizes):
    samples = np.random.default_rng(count).uniform(-0.5, 0.5, count).astype(np.float32)
    whole = run(rate, [samples])
    assert len(whole) == (2 * count * 16000 + rate) // (2 * rate)
    np.testing.assert_array_equal(whole, run(rate, cut(samples, sizes)))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_output_is_aligned_with_input_and_keeps_its_level(rate, make_tone):
    got = run(rate, [make_tone(1.0, rate)])
    want = make_tone(1.0, 16000)
    inner = slice(800, -800)
    assert np.abs(got - want)[inner].max() < 2e-3


def test_sixteen_kilohertz_passes_through_at_once():
    samples = pcm.quantise(np.random.default_rng(0).uniform(-1, 1, 100).astype(np.float32))
    resampler = Resampler(16000)
    np.testing.assert_array_equal(resampler.push(samples), samples)
    assert resampler.pending == 0


def test_damaged_samples_do_not_spread():
    samples = np.zeros(48000, np.float32)
    samples[24000] = np.nan
    samples[24001] = np.inf
    got = run(48000, [samples])
    assert np.isfinite(got).all()
    assert not got[:7000].any()
    assert not got[-7000:].any()


def test_one_hour_does_not_drift():
    resampler = Resampler(44100)
    block = np.zeros(44100 * 60, np.float32)
    total = sum(len(resampler.push(block)) for _ in range(60)) + len(resampler.flush())
    assert total == 3600 * 16000


@pytest.mark.parametrize("rate", [0, 999, 768_001, -16000])
def test_unusable_rates_are_refused(rate):
    with pytest.raises(ValueError, match="Hz"):
        Resampler(rate)


@given(st.lists(st.integers(-32768, 32767)))
def test_sixteen_bits_survive_the_way_through_float(values):
    exact = np.array(values, np.int16)
    np.testing.assert_array_equal(pcm.to_s16(pcm.quantise(pcm.from_s16(exact))), exact)


@given(st.lists(st.floats(width=32)))
def test_quantise_takes_any_float_and_is_idempotent(values):
    once = pcm.quantise(np.array(values, np.float32))
    assert ((once >= -1) & (once < 1)).all()
    np.testing.assert_array_equal(pcm.quantise(once), once)


@pytest.mark.parametrize(
    ("values", "want"),
    [
        (np.array([0, 128, 255], np.uint8), [-1, 0, 127 / 128]),
        (np.array([-(2**15), 2**14], np.int16), [-1, 0.5]),
        (np.array([-(2**31), 2**30], np.int32), [-1, 0.5]),
        (np.array([-0.25, 0.5], np.float64), [-0.25, 0.5]),
    ],
)
def test_every_number_type_has_full_scale_at_one(values, want):
    np.testing.assert_allclose(pcm.to_float32(values), want)


def test_stereo_is_mixed_to_the_mean():
    frames = np.array([[0.5, -0.5], [1.0, 0.0]], np.float32)
    np.testing.assert_allclose(pcm.mix_down(frames), [0.0, 0.5])


def test_levels():
    assert pcm.peak_dbfs(np.array([0.1, -0.5], np.float32)) == pytest.approx(-6.02, abs=0.01)
    assert pcm.peak_dbfs(np.zeros(5, np.float32)) == -math.inf
    assert pcm.peak_dbfs(np.zeros(0, np.float32)) == -math.inf
