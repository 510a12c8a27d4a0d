import os
import pty
import threading
from itertools import pairwise

import numpy as np
import pytest

from live_whisper.audio.stdin_source import PcmLayout, StdinPcmSource
from live_whisper.errors import InputError, UsageError

WAIT = 2_000_000_000


@pytest.fixture
def pipe():
    """Makes a source on a pipe and a thread that writes the given pieces, then closes."""
    threads, ends = [], []

    def make(*pieces, close=True, **layout):
        read_end, write_end = os.pipe()
        ends.append(read_end)

        def write():
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[os.write(write_end, view) :]
            if close:
                os.close(write_end)

        threads.append(threading.Thread(target=write))
        source = StdinPcmSource(PcmLayout(**layout), file=read_end)
        source.open()
        threads[-1].start()
        if not close:
            ends.append(write_end)
        return source

    yield make
    for thread in threads:
        thread.join(5)
    for end in ends:
        os.close(end)


def drain(source):
    parts, end, notices = [], 0, []
    for _ in range(10_000):
        chunk = source.read(WAIT)
        assert chunk.start == end
        end = chunk.end
        assert len(chunk.samples) <= 5 * 16000
        parts.append(chunk.samples)
        notices += chunk.notices
        if chunk.ended:
            return np.concatenate(parts), notices
    raise AssertionError("no end")


def noise(count):
    return np.random.default_rng(1).integers(-32768, 32767, count).astype("<i2")


def test_sixteen_bit_is_exact_however_it_is_cut(pipe):
    values = noise(50_000)
    data = values.tobytes()
    cuts = [0, 1, 2, 5, 1000, 1001, 40_003, len(data)]
    pieces = [data[a:b] for a, b in pairwise(cuts)]
    samples, notices = drain(pipe(*pieces))
    np.testing.assert_array_equal(samples * 32768, values)
    assert notices == []


def test_other_layouts(pipe):
    rate, seconds = 44_100, 2
    stereo = np.zeros((rate * seconds, 2), "<f4")
    stereo[:, 0] = 0.5
    samples, _ = drain(pipe(stereo.tobytes(), rate=rate, channels=2, format="f32le"))
    assert len(samples) == 16000 * seconds
    np.testing.assert_allclose(samples[500:-500], 0.25, atol=1e-3)


def test_more_than_the_queue_holds_waits_and_arrives(pipe):
    values = noise(4_000_000)
    samples, _ = drain(pipe(values.tobytes()))
    np.testing.assert_array_equal((samples * 32768).astype("<i2"), values)


def test_half_a_sample_at_the_end_is_told(pipe):
    samples, notices = drain(pipe(noise(10).tobytes() + b"\1"))
    assert len(samples) == 10
    assert "middle of a sample" in notices[0]


def test_garbage_floats_are_made_harmless(pipe):
    values = np.array([np.nan, np.inf, -np.inf, 1e38, 0.5], "<f4")
    samples, _ = drain(pipe(values.tobytes(), format="f32le"))
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1


def test_nothing_at_all_is_refused(pipe):
    with pytest.raises(InputError, match="without a single sample"):
        drain(pipe())


def test_stop_ends_an_idle_pipe(pipe):
    source = pipe(noise(100).tobytes(), close=False)
    assert len(source.read(WAIT).samples) == 100
    source.stop()
    assert source.read(WAIT).ended


def test_stop_before_anything_arrived_is_no_error(pipe):
    source = pipe(close=False)
    source.stop()
    assert source.read(WAIT).ended


def test_a_time_out_returns_nothing(pipe):
    source = pipe(close=False)
    chunk = source.read(1_000_000)
    assert not len(chunk.samples)
    assert not chunk.ended


def test_terminal_is_refused():
    master, slave = pty.openpty()
    try:
        with pytest.raises(InputError, match="terminal"):
            StdinPcmSource(file=slave).open()
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"rate": 5}, "5 Hz"), ({"channels": 0}, "0 channels"), ({"format": "mp3"}, "s16le, f32le")],
)
def test_layouts_that_cannot_be(wrong, says):
    with pytest.raises(UsageError, match=says):
        PcmLayout(**wrong)


def test_reading_before_opening():
    with pytest.raises(ValueError, match="opened"):
        StdinPcmSource(file=0).read(0)
