"""The spectrogram of a file equals that of the whole audio at once."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.decoding.file_mel import FileMel
from live_whisper.whisper.mel import LogMel

LOG_MEL = LogMel(80)


def whole(samples):
    """As the reference computes it: 30 s of silence added to the end."""
    return LOG_MEL.compute(samples, frames=len(samples) // 160 + 3000)


def noise(count, seed=0):
    random = np.random.default_rng(seed)
    loudness = np.repeat(10 ** random.uniform(-3, -0.5, count // 1600 + 1), 1600)[:count]
    return (random.standard_normal(count) * loudness).astype(np.float32)


@given(
    cuts=st.lists(st.integers(0, 40_000), max_size=12),
    count=st.integers(0, 40_000),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=40)
def test_however_it_was_cut_into_blocks(cuts, count, seed):
    samples = noise(count, seed)
    bounds = [0, *sorted(min(cut, count) for cut in cuts), count]
    with FileMel(LOG_MEL) as mel:
        for first, last in itertools.pairwise(bounds):
            mel.push(samples[first:last])
        mel.finish()
        assert (mel.samples, mel.frames) == (count, count // 160)
        expected = whole(samples)
        got = mel.window(0, 3000, 3000, "silence")
        np.testing.assert_allclose(got, expected[:, :3000], atol=1e-5)


def test_a_later_window_is_limited_by_the_loudest_frame_of_the_file():
    samples = noise(16_000 * 40)
    samples[:16_000] *= 30
    with FileMel(LOG_MEL) as mel:
        mel.push(samples)
        mel.finish()
        expected = whole(samples)[:, 1500:3900]
        got = mel.window(1500, 2400, 3000)
    np.testing.assert_allclose(got[:, :2400], expected, atol=1e-5)
    assert not got[:, 2400:].any()  # a cut window is filled up with zeros


def test_silence_padding_is_the_value_of_silence():
    samples = noise(16_000)
    with FileMel(LOG_MEL) as mel:
        mel.push(samples)
        mel.finish()
        got = mel.window(0, 100, 200, "silence")
    assert got.shape == (80, 200)
    assert got[:, 110:].max() == got[:, 110:].min() == pytest.approx(got.min())


def test_the_file_is_gone_after_closing():
    mel = FileMel(LOG_MEL)
    mel.push(noise(1600))
    mel.finish()
    mel.close()
    mel.close()
    with pytest.raises(ValueError, match="closed"):
        mel.window(0, 10, 10)
