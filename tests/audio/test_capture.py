import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from live_whisper.audio.capture import CaptureBuffer


def frames(start: int, count: int) -> np.ndarray:
    return np.arange(start, start + count, dtype=np.int16).reshape(-1, 1)


class CaptureMachine(RuleBasedStateMachine):
    """Every frame the device made is either read in order or counted where it is missing."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = CaptureBuffer(rate=10, channels=1, seconds=2)
        self.made = 0
        self.read = 0

    @rule(count=st.integers(0, 30), dropped=st.integers(0, 5))
    def callback(self, count, dropped):
        self.made += dropped
        self.buffer.write(frames(self.made, count), 0, lost_before=dropped)
        self.made += count

    @rule(limit=st.one_of(st.none(), st.integers(1, 10)))
    def take(self, limit):
        got = self.buffer.take(limit)
        self.read += got.lost_before
        np.testing.assert_array_equal(got.frames, frames(self.read, len(got.frames)))
        self.read += len(got.frames)

    @invariant()
    def bounded(self):
        assert self.buffer.waiting_frames <= self.buffer.capacity_frames

    def teardown(self):
        while len((got := self.buffer.take()).frames) or got.lost_before:
            self.read += got.lost_before + len(got.frames)
        assert self.read == self.made
        assert not self.buffer.ready.is_set()


TestCapture = CaptureMachine.TestCase
TestCapture.settings = settings(deadline=None, max_examples=100)


def test_overflow_keeps_the_oldest_and_counts_the_rest():
    buffer = CaptureBuffer(rate=10, channels=1, seconds=1)
    assert buffer.write(frames(0, 8), 0) == 0
    assert buffer.write(frames(8, 8), 0) == 6
    assert buffer.write(frames(16, 4), 0) == 4
    assert buffer.lost_frames == 10
    first = buffer.take()
    np.testing.assert_array_equal(first.frames, frames(0, 10))
    assert first.lost_before == 0
    buffer.write(frames(20, 3), 0)
    after = buffer.take()
    assert after.lost_before == 10
    np.testing.assert_array_equal(after.frames, frames(20, 3))


def test_thousands_of_holes_stay_bounded_and_counted():
    buffer = CaptureBuffer(rate=10_000, channels=1, seconds=1)
    for _ in range(5000):
        buffer.write(np.zeros((1, 1), np.int16), 0, lost_before=2)
    assert len(buffer._losses) <= 1024
    lost = 0
    while len((got := buffer.take()).frames) or got.lost_before:
        lost += got.lost_before
    assert lost == buffer.lost_frames == 10_000


def test_times_of_the_first_frame_and_the_last_block():
    buffer = CaptureBuffer(rate=1000, channels=1, seconds=1)
    assert buffer.first_frame_ns is None
    assert buffer.last_write_ns is None
    buffer.write(frames(0, 100), 5_000_000_000)
    buffer.write(frames(100, 100), 5_100_000_000)
    assert buffer.first_frame_ns == 4_900_000_000
    assert buffer.last_write_ns == 5_100_000_000
