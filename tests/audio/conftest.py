"""Media files made on the spot, a scripted sound library, and a private sound server."""

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from live_whisper.audio.capture import CaptureBuffer
from live_whisper.audio.devices import Device
from live_whisper.clock import VirtualClock
from live_whisper.errors import DeviceError


def tone(seconds: float, rate: int = 16_000, hertz: float = 440.0) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


@pytest.fixture
def make_wav(tmp_path: Path) -> Callable[..., Path]:
    def make(samples: np.ndarray, *, rate: int = 16_000, name: str = "a.wav") -> Path:
        frames = samples.reshape(-1, 1) if samples.ndim == 1 else samples
        path = tmp_path / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(frames.shape[1])
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((frames * 32767).astype("<i2").tobytes())
        return path

    return make


@pytest.fixture
def make_media(tmp_path: Path) -> Callable[..., Path]:
    """Encode mono float32 samples with any of FFmpeg's codecs."""

    def make(
        samples: np.ndarray,
        name: str,
        codec: str,
        *,
        rate: int = 48_000,
        video: bool = False,
        first_pts: int = 0,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            sound = container.add_stream(codec, rate=rate, layout="mono") if codec else None
            if video:
                picture = container.add_stream("mpeg4", rate=5)
                picture.width = picture.height = 32
                picture.pix_fmt = "yuv420p"
                for number in range(5):
                    frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), "uint8"))
                    frame.pts, frame.time_base = number, Fraction(1, 5)
                    container.mux(picture.encode(frame))
                container.mux(picture.encode(None))
            if sound is not None:
                encode(container, sound, samples, first_pts)
        return path

    return make


def encode(container, stream, samples: np.ndarray, first_pts: int) -> None:
    frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
    frame.sample_rate = stream.rate
    frame.pts = first_pts
    resampler = av.AudioResampler(
        format=stream.format, layout="mono", rate=stream.rate, frame_size=1024
    )
    for part in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def device(name: str, index: int = 0, *, default: bool = False, rate: int = 48_000) -> Device:
    from live_whisper.audio.devices import kind_of

    return Device(index, name, "Test", 2, rate, default, kind_of(name))


class ScriptedStream:
    """A stream whose callbacks the test makes."""

    def __init__(self, device: Device, clock: VirtualClock) -> None:
        self.device = device
        self.buffer = CaptureBuffer(rate=device.default_rate, channels=device.channels)
        self.alive = True
        self.closed = False
        self._clock = clock

    def deliver(self, frames: np.ndarray, **flags: object) -> None:
        stereo = np.repeat(frames.reshape(-1, 1), self.device.channels, axis=1)
        self.buffer.write((stereo * 32768).astype(np.int16), self._clock.now_ns(), **flags)

    def close(self) -> None:
        self.closed = True
        self.alive = False


class ScriptedBackend:
    """A sound library whose devices come and go as the test says."""

    def __init__(self, clock: VirtualClock, *devices: Device) -> None:
        self.present = list(devices)
        self.clock = clock
        self.streams: list[ScriptedStream] = []
        self.refreshed = 0
        self.refuse = False

    def devices(self) -> tuple[Device, ...]:
        return tuple(self.present)

    def open(self, device: Device) -> ScriptedStream:
        if self.refuse:
            raise DeviceError("busy")
        self.streams.append(ScriptedStream(device, self.clock))
        return self.streams[-1]

    def refresh(self) -> None:
        self.refreshed += 1


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(start_ns=10**9)


@pytest.fixture
def make_device() -> Callable[..., Device]:
    return device


@pytest.fixture
def make_tone() -> Callable[..., np.ndarray]:
    return tone


@pytest.fixture
def make_backend(clock: VirtualClock) -> Callable[..., ScriptedBackend]:
    return lambda *devices: ScriptedBackend(clock, *devices)
