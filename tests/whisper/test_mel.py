"""Log-mel against its definition, and the cache against no cache."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.whisper.mel import LogMel, mel_filters
from live_whisper.whisper.mel_cache import MelCache

RNG = np.random.default_rng(0)
NOISE = (RNG.standard_normal(16_000 * 8) * np.linspace(0.001, 0.3, 16_000 * 8)).astype(np.float32)


def by_definition(samples, n_mels):
    """Frame by frame in float64."""
    padded = np.pad(samples.astype(np.float64), 200, mode="reflect")
    turn = 2 * np.pi * np.arange(400) / 400
    rows = []
    for k in range(len(samples) // 160):
        frame = padded[160 * k : 160 * k + 400] * (0.5 - 0.5 * np.cos(turn))
        rows.append(mel_filters(n_mels).astype(np.float64) @ np.abs(np.fft.rfft(frame)) ** 2)
    power = np.log10(np.maximum(np.array(rows).T, 1e-10))
    return (np.maximum(power, power.max() - 8) + 4) / 4


@pytest.mark.parametrize("n_mels", [80, 128])
def test_equals_the_definition(n_mels):
    samples = NOISE[:20_000]
    found = LogMel(n_mels).compute(samples)
    assert found.dtype == np.float32
    assert found.shape == (n_mels, 125)
    np.testing.assert_allclose(found, by_definition(samples, n_mels), atol=1e-5)


def test_a_tone_lights_its_bin():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    centre = mel_filters(80) @ np.eye(201, dtype=np.float32)[25]  # 1000 Hz is bin 25
    assert LogMel(80).compute(tone)[:, 50].argmax() == centre.argmax()


@pytest.mark.parametrize("frames", [500, 502, 3000])
@pytest.mark.parametrize("length", [1, 150, 201, 16_000, 79_900, 80_000])
def test_padding_is_silence(frames, length):
    padded = np.zeros(frames * 160, np.float32)
    padded[:length] = NOISE[:length]
    log_mel = LogMel(80)
    found = log_mel.compute(NOISE[:length], frames)
    assert found.shape == (80, frames)
    np.testing.assert_allclose(found, log_mel.compute(padded), atol=1e-6)


def test_digital_silence():
    found = LogMel(80).compute(np.zeros(16_000, np.float32), 3000)
    np.testing.assert_allclose(found, np.full((80, 3000), -1.5), atol=1e-6)


def test_a_part_of_a_hop_at_the_end_is_heard():
    """Samples beyond the last whole hop still belong to the frames before them."""
    log_mel = LogMel(80)
    assert log_mel.compute(NOISE[:1700]).shape == (80, 10)
    np.testing.assert_allclose(
        log_mel.compute(NOISE[:1700]), by_definition(NOISE[:1700], 80), atol=1e-5
    )


def test_bad_windows():
    with pytest.raises(ValueError, match="at least one frame"):
        LogMel(80).compute(np.zeros(100, np.float32))
    with pytest.raises(ValueError, match="do not fit"):
        LogMel(80).compute(np.zeros(1000, np.float32), 3)


WINDOWS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(1, 400), st.integers(0, 159), st.booleans()),
    min_size=1,
    max_size=6,
)


@given(WINDOWS)
@settings(deadline=None, max_examples=60)
def test_cache_changes_nothing(windows):
    log_mel = LogMel(80)
    cache = MelCache(log_mel)
    for start, hops, extra, off_grid in windows:
        begin = start * 160 + (37 if off_grid else 0)
        samples = NOISE[begin : begin + hops * 160 + extra]
        frames = -(-len(samples) // 160) + 2
        np.testing.assert_allclose(
            cache.compute(begin, samples, frames), log_mel.compute(samples, frames), atol=1e-6
        )


def test_cache_computes_only_what_is_new():
    cache = MelCache(LogMel(80))
    cache.compute(0, NOISE[:64_000], 3000)
    before = cache.computed_frames
    cache.compute(0, NOISE[:72_000], 3000)  # half a second more
    assert cache.computed_frames - before < 50 + 8
    before = cache.computed_frames
    cache.compute(16_000, NOISE[16_000:80_000], 3000)  # the start moved too
    assert cache.computed_frames - before < 50 + 8


def test_cache_forgets_when_told():
    log_mel = LogMel(80)
    cache = MelCache(log_mel)
    cache.compute(0, NOISE[:64_000])
    cache.clear()
    other = NOISE[::-1][:64_000].copy()
    np.testing.assert_allclose(cache.compute(0, other), log_mel.compute(other), atol=1e-6)


def test_cache_is_bounded():
    cache = MelCache(LogMel(80))
    long = np.tile(NOISE, 8)
    for start in range(0, 480_000, 48_000):
        cache.compute(start, long[start : start + 480_000], 3000)
        assert cache._kept.nbytes <= 3000 * 80 * 4
