"""What PortAudio can answer, with a scripted ``sounddevice`` in its place."""

import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from live_whisper.audio import microphone
from live_whisper.audio.microphone import PortAudioBackend, list_devices
from live_whisper.errors import DeviceError


class PortAudioError(Exception):
    pass


class FakeSoundDevice(SimpleNamespace):
    """Just what the module uses."""

    PortAudioError = PortAudioError

    def __init__(self):
        super().__init__(default=SimpleNamespace(device=[1, 0]))
        self.names = ["Speakers", "Mic\x1b[31m\n", "Loopback Audio"]
        self.refusals = {}
        self.opened = []
        self.restarts = 0
        self.initialized = True
        self.server_away = False
        self.InputStream = self._open

    def query_devices(self):
        return [
            {
                "name": name,
                "hostapi": 0,
                "max_input_channels": 0 if name == "Speakers" else 4,
                "default_samplerate": 44100.0,
            }
            for name in self.names
        ]

    def query_hostapis(self):
        return [{"name": "Core Audio", "default_input_device": 2}]

    def _open(self, **options):
        code = self.refusals.get((options["samplerate"], options["channels"]))
        code = code or self.refusals.get("all")
        if code:
            raise PortAudioError("Error opening InputStream: so it is", code)
        stream = SimpleNamespace(
            options=options,
            start=lambda: None,
            abort=lambda ignore_errors: None,
            close=lambda ignore_errors: None,
        )
        self.opened.append(stream)
        return stream

    def _terminate(self):
        if not self.initialized:
            raise PortAudioError("PortAudio not initialized", -10000)
        self.initialized = False
        self.restarts += 1

    def _initialize(self):
        if self.server_away:
            raise PortAudioError("no sound server")
        self.initialized = True


@pytest.fixture
def sd(monkeypatch):
    fake = FakeSoundDevice()
    monkeypatch.setattr(microphone, "_library", lambda: fake)
    return fake


@pytest.fixture
def backend(sd, clock):
    return PortAudioBackend(clock)


def test_inputs_only_with_safe_names(sd):
    first, second = list_devices()
    assert (first.index, first.name, first.is_default, first.kind) == (
        1, "Mic[31m", True, "microphone",
    )  # fmt: skip
    assert (second.index, second.host_api, second.kind) == (2, "Core Audio", "loopback")


def test_default_of_the_host_api_where_the_library_names_none(sd):
    sd.default.device = [-1, -1]
    assert [device.is_default for device in list_devices()] == [False, True]


def test_opened_at_its_own_rate_in_two_channels(sd, backend):
    stream = backend.open(list_devices()[0])
    options = sd.opened[0].options
    assert (options["samplerate"], options["channels"], options["dtype"]) == (44100, 2, "int16")
    assert stream.buffer.rate == 44100
    stream.close()
    assert not stream.alive


def test_another_format_is_tried_where_its_own_is_refused(sd, backend):
    sd.refusals = {(44100, 2): -9997, (48000, 2): -9997, (16000, 2): -9997, (44100, 1): -9998}
    stream = backend.open(list_devices()[0])
    assert (stream.buffer.rate, stream.buffer.channels) == (48000, 1)
    stream.close()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (-9985, "busy"),
        (-9996, "no longer there"),
        (-9997, "no sample rate"),
        (-9999, "does not open: Error opening InputStream: so it is"),
    ],
)
def test_refusals_are_one_clear_line(sd, backend, code, says):
    sd.refusals = {"all": code}
    with pytest.raises(DeviceError, match=says) as caught:
        backend.open(list_devices()[0])
    assert str(caught.value).isprintable()
    assert caught.value.hint


def test_devices_are_looked_for_again_only_when_no_stream_would_break(sd, backend):
    stream = backend.open(list_devices()[0])
    backend.refresh()
    assert sd.restarts == 0
    stream.close()
    backend.refresh()
    assert sd.restarts == 1


def test_a_library_that_did_not_start_again_is_started_by_the_next_attempt(sd, backend):
    sd.server_away = True
    backend.refresh()
    backend.refresh()
    assert not sd.initialized
    sd.server_away = False
    backend.refresh()
    assert sd.initialized


def test_the_library_is_not_taken_away_from_an_input_that_is_being_opened(sd, backend):
    """Two inputs that were lost together come back together."""
    opening, go_on = threading.Event(), threading.Event()
    make = sd.InputStream

    def slowly(**options):
        opening.set()
        assert go_on.wait(10)
        return make(**options)

    sd.InputStream = slowly
    device = list_devices()[0]
    opener = threading.Thread(target=lambda: opened.append(backend.open(device)))
    other = threading.Thread(target=backend.refresh)
    opened = []
    opener.start()
    assert opening.wait(10)
    other.start()
    other.join(0.05)
    assert other.is_alive()
    assert sd.restarts == 0
    go_on.set()
    for thread in (opener, other):
        thread.join(10)
    assert sd.restarts == 0
    opened[0].close()


def call(sd, count, adc_time, *, overflow=False):
    """One callback as PortAudio makes it."""
    sd.opened[-1].options["callback"](
        np.ones((count, 2), np.int16),
        count,
        SimpleNamespace(inputBufferAdcTime=adc_time),
        SimpleNamespace(input_overflow=overflow),
    )


def test_overflow_is_measured_by_the_devices_clock(sd, backend):
    stream = backend.open(list_devices()[0])
    call(sd, 441, 100.0)
    call(sd, 441, 100.01)
    call(sd, 441, 100.52, overflow=True)
    assert stream.buffer.lost_frames == 22050
    assert stream.buffer.xruns == 1
    assert len(stream.buffer.take().frames) == 882
    assert stream.buffer.take().lost_before == 22050
    stream.close()


@pytest.mark.parametrize("adc", [(0.0, 0.0), (100.0, 99.0)])
def test_overflow_of_unknown_size_invents_nothing(sd, backend, adc):
    stream = backend.open(list_devices()[0])
    call(sd, 441, adc[0])
    call(sd, 441, adc[1], overflow=True)
    assert (stream.buffer.lost_frames, stream.buffer.xruns) == (0, 1)
    stream.close()


def test_wandering_times_without_overflow_are_ignored(sd, backend):
    stream = backend.open(list_devices()[0])
    for adc_time in (100.0, 100.03, 100.0, 100.2):
        call(sd, 441, adc_time)
    assert stream.buffer.lost_frames == 0
    stream.close()


def test_end_of_a_stream_is_noticed_and_wakes_the_reader(sd, backend):
    stream = backend.open(list_devices()[0])
    assert stream.alive
    sd.opened[0].options["finished_callback"]()
    assert not stream.alive
    assert stream.buffer.ready.is_set()
    stream.close()


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        ("OSError('PortAudio library not found')", "The PortAudio library was not found"),
        ("ImportError('no')", "sounddevice is not installed"),
        (
            "type('PortAudioError', (Exception,), {})('Error initializing PortAudio', -9999)",
            "PortAudio did not start: Error initializing PortAudio",
        ),
    ],
)
def test_without_portaudio_it_is_one_line(tmp_path, failure, says):
    (tmp_path / "sounddevice.py").write_text(f"raise {failure}\n")
    program = textwrap.dedent(
        """
        from live_whisper.audio.microphone import list_devices
        from live_whisper.errors import DeviceError
        try:
            list_devices()
        except DeviceError as error:
            print(error, "|", error.hint)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert says in done.stdout
    assert "| " in done.stdout
