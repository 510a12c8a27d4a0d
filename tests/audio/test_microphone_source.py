"""The microphone on a scripted sound library and the virtual clock."""

import numpy as np
import pytest

from live_whisper.audio.microphone_source import MicrophoneSource, Reconnect
from live_whisper.errors import DeviceError
from live_whisper.units import NS_PER_SECOND, ns_to_samples

MS = 1_000_000


class Rig:
    """A source, its backend and a log of everything read."""

    def __init__(self, clock, backend, wanted=None):
        self.clock, self.backend = clock, backend
        self.source = MicrophoneSource(backend, clock, wanted)
        self.source.open()
        self.began_ns = clock.now_ns()
        self.parts, self.gaps, self.notices = [], [], []
        self.end, self.ended = 0, False

    @property
    def stream(self):
        return self.backend.streams[-1]

    def play(self, seconds, value=0.25, **flags):
        """The device makes sound for a while; it is read as it comes."""
        rate = self.stream.device.default_rate
        for _ in range(round(seconds * 10)):
            self.clock.advance(100 * MS)
            self.stream.deliver(np.full(rate // 10, value, np.float32), **flags)
            flags = {}
            self.read(0)

    def read(self, timeout_ns=100 * MS):
        chunk = self.source.read(timeout_ns)
        assert chunk.start == self.end
        self.end = chunk.end
        self.parts.append(chunk.samples)
        self.gaps += chunk.gaps
        self.notices += chunk.notices
        self.ended = chunk.ended
        for gap in chunk.gaps:
            assert not chunk.samples[gap.start - chunk.start : gap.end - chunk.start].any()
        return chunk

    def read_for(self, seconds):
        until = self.clock.now_ns() + round(seconds * NS_PER_SECOND)
        while self.clock.now_ns() < until:
            before = self.clock.now_ns()
            self.read()
            if self.clock.now_ns() == before:
                self.clock.advance(10 * MS)

    def finish(self):
        self.source.stop()
        for _ in range(10_000):
            self.read()
            if self.ended:
                return np.concatenate(self.parts)
        raise AssertionError("the source did not end")

    @property
    def lost(self):
        return sum(gap.length for gap in self.gaps)


@pytest.fixture
def rig(clock, make_backend, make_device):
    return Rig(clock, make_backend(make_device("Headset", 3, default=True)))


def test_everything_the_device_gave_comes_out(rig):
    rig.play(3)
    samples = rig.finish()
    assert len(samples) == 3 * 16000
    assert rig.lost == 0
    assert rig.stream.closed
    np.testing.assert_allclose(samples[200:-200], 0.25, atol=1e-3)


def test_a_late_reader_finds_a_minute_waiting(clock, make_backend, make_device):
    rig = Rig(clock, make_backend(make_device("Mic", default=True)))
    for _ in range(590):
        clock.advance(100 * MS)
        rig.stream.deliver(np.full(4800, 0.1, np.float32))
    while len(rig.read(0).samples):
        pass
    assert len(rig.finish()) == 59 * 16000
    assert rig.lost == 0


def test_a_reader_later_than_the_buffer_is_told_what_is_missing(clock, make_backend, make_device):
    rig = Rig(clock, make_backend(make_device("Mic", default=True)))
    for _ in range(800):
        clock.advance(100 * MS)
        rig.stream.deliver(np.full(4800, 0.1, np.float32))
    while len(rig.read(0).samples):
        pass
    rig.play(1)
    assert len(rig.finish()) == 81 * 16000
    assert rig.lost == 20 * 16000
    assert any("20.00 s of sound was lost" in notice for notice in rig.notices)


def test_overrun_in_the_device_is_padded_in_place(rig):
    rig.play(1)
    rig.play(1, lost_before=4800, xrun=True)
    samples = rig.finish()
    assert len(samples) == 2 * 16000 + 1600
    assert [(gap.start, gap.end) for gap in rig.gaps] == [(16000, 17600)]


def test_overrun_of_unknown_size_is_told(rig):
    rig.play(1)
    rig.play(1, xrun=True)
    assert rig.lost == 0
    assert any("overrun" in notice for notice in rig.notices)


@pytest.mark.parametrize("silently", [True, False])
def test_lost_device_is_reopened_and_times_hold(rig, silently):
    rig.play(2)
    away_from = rig.clock.now_ns()
    if not silently:
        rig.stream.alive = False
    rig.backend.refuse = True
    rig.read_for(7)
    assert rig.source.read(0).end == pytest.approx(16000 * 9, abs=16000 * 0.2)
    rig.end = rig.source.read(0).start
    rig.backend.refuse = False
    while len(rig.backend.streams) == 1:
        rig.read()
    rig.clock.advance(100 * MS)
    back_at = rig.clock.now_ns()
    rig.play(2)
    rig.finish()
    # The first block of the new stream began 100 ms before it arrived.
    gap = ns_to_samples(back_at - away_from)
    assert rig.end == 2 * 16000 + gap + 2 * 16000
    assert len(rig.backend.streams) == 2
    assert rig.backend.streams[0].closed
    assert rig.backend.refreshed >= 4
    assert "waiting" in rig.notices[0]
    assert "back after" in rig.notices[-1]


def test_the_gap_is_reported_once_and_whole(rig):
    rig.play(1)
    rig.stream.alive = False
    rig.read_for(3)
    while len(rig.backend.streams) == 1:
        rig.read()
    rig.play(1)
    samples = rig.finish()
    first, last = rig.gaps[0].start, rig.gaps[-1].end
    assert first == 16000
    assert rig.lost == last - first
    assert len(samples) == 2 * 16000 + rig.lost


def test_attempts_are_spaced_out(rig):
    rig.play(1)
    rig.backend.present.clear()
    rig.stream.alive = False
    rig.read_for(60)
    assert 10 <= rig.backend.refreshed <= 20
    assert rig.lost == pytest.approx(60 * 16000, abs=16000 * 0.2)


def test_reopened_by_name_though_its_number_changed(clock, make_backend, make_device):
    backend = make_backend(
        make_device("Built-in", 0, default=True), make_device("USB Headset", 1, rate=44_100)
    )
    rig = Rig(clock, backend, wanted="1")
    rig.play(1)
    backend.present[:] = [
        make_device("Webcam", 0, default=True),
        make_device("Built-in", 1),
        make_device("USB Headset", 2, rate=16_000),
    ]
    rig.stream.alive = False
    while len(backend.streams) == 1:
        rig.read()
    assert rig.stream.device.index == 2
    clock.advance(100 * MS)
    rig.play(1)
    assert rig.source.name == "USB Headset"
    assert len(rig.finish()) == 2 * 16000 + rig.lost


def test_default_input_follows_the_system(clock, make_backend, make_device):
    backend = make_backend(make_device("Headset", 0, default=True), make_device("Built-in", 1))
    rig = Rig(clock, backend)
    rig.play(1)
    backend.present[:] = [make_device("Built-in", 0, default=True)]
    rig.stream.alive = False
    while len(backend.streams) == 1:
        rig.read()
    rig.play(1)
    assert rig.source.name == "Built-in"


def test_a_new_stream_that_stays_mute_is_tried_again(rig):
    rig.play(1)
    rig.stream.alive = False
    rig.read_for(0.5)
    assert len(rig.backend.streams) == 2
    rig.read_for(7)
    assert len(rig.backend.streams) == 3
    rig.clock.advance(100 * MS)
    rig.play(1)
    assert len(rig.finish()) == 2 * 16000 + rig.lost


def test_a_slow_starter_is_waited_for(rig):
    rig.read_for(4)
    assert len(rig.backend.streams) == 1
    rig.play(1)
    assert len(rig.finish()) == 16000


def test_stop_while_the_device_is_away(rig):
    rig.play(1)
    rig.backend.refuse = True
    rig.stream.alive = False
    rig.read_for(2)
    assert len(rig.finish()) == pytest.approx(3 * 16000, abs=2000)
    assert rig.lost == rig.end - 16000


def test_a_night_without_the_device_needs_no_memory(rig):
    rig.play(1)
    rig.backend.refuse = True
    rig.stream.alive = False
    rig.read()
    rig.clock.advance(8 * 3600 * NS_PER_SECOND)
    assert len(rig.read().samples) <= 5 * 16000


def test_digital_silence_earns_one_hint(rig):
    rig.play(12, value=0.0)
    assert sum("digital silence" in notice for notice in rig.notices) == 1


def test_sound_earns_none(rig):
    rig.play(1)
    rig.play(12, value=0.0)
    assert rig.notices == []


def test_no_device_at_all(clock, make_backend):
    source = MicrophoneSource(make_backend(), clock)
    with pytest.raises(DeviceError, match="No input device"):
        source.open()
    source.close()


def test_options_name_their_defaults():
    assert Reconnect().stall_ns == 1_500_000_000


def test_waiting_does_not_spin(rig):
    before = rig.clock.now_ns()
    rig.read(100 * MS)
    assert rig.clock.now_ns() == before + 100 * MS


@pytest.mark.parametrize("late_sound", [True, False])
def test_a_program_that_was_stopped_pads_the_gap(rig, late_sound):
    """Ctrl-Z, SIGSTOP, a laptop's sleep: whoever wakes first, the device or the reader."""
    rig.play(2)
    rig.stream.deliver(np.full(4800, 0.25, np.float32))  # heard, and not yet read
    rig.clock.advance(60 * NS_PER_SECOND)
    if late_sound:  # the device's callback runs again before the reader does
        rig.stream.deliver(np.full(4800, 0.9, np.float32))
    while len(rig.backend.streams) == 1:
        rig.read()
    rig.clock.advance(100 * MS)
    rig.play(1)
    stopped_at = rig.clock.now_ns()
    samples = rig.finish()
    assert rig.gaps[0].start == pytest.approx(2.1 * 16000, abs=16)
    assert rig.lost == rig.gaps[-1].end - rig.gaps[0].start
    assert rig.lost == pytest.approx(60 * 16000, abs=1600)
    assert rig.end == pytest.approx(ns_to_samples(stopped_at - rig.began_ns), abs=1600)
    assert samples.max() < 0.3, "sound from an unknown place was used"
    assert "while the program was stopped or the computer slept" in rig.notices[0]
    assert "back after 60" in rig.notices[-1]


def test_a_stop_right_after_such_a_pause_ends(rig):
    rig.play(1)
    rig.clock.advance(60 * NS_PER_SECOND)
    rig.stream.deliver(np.full(4800, 0.9, np.float32))
    assert len(rig.finish()) == 16000


def test_a_device_that_fails_later_is_not_blamed_on_a_pause(rig):
    rig.play(1)
    rig.clock.advance(3 * NS_PER_SECOND)
    while len(rig.backend.streams) == 1:
        rig.read()
    rig.clock.advance(100 * MS)
    rig.play(2)
    rig.stream.alive = False
    rig.read_for(1)
    assert "was stopped" in rig.notices[0]
    assert "disconnected" in rig.notices[-1]


def test_stopped_before_a_device_that_came_back_gave_a_sound(rig):
    """A Bluetooth headset takes seconds to begin: the time until then is told as lost."""
    rig.play(1)
    rig.stream.alive = False
    while len(rig.backend.streams) == 1:
        rig.read()
    rig.clock.advance(3 * NS_PER_SECOND)
    away_s = (rig.clock.now_ns() - rig.began_ns) / NS_PER_SECOND - 1
    assert away_s >= 3
    samples = rig.finish()
    assert rig.lost == pytest.approx(away_s * 16000, abs=1600)
    assert len(samples) == rig.lost + 16000
