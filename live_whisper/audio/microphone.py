"""PortAudio through ``sounddevice``: the only module that imports it.

The stream is opened at the device's own rate and resampled later: forcing 16 kHz on a headset
that runs at 24 kHz gives noise or ``paInvalidSampleRate``.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from live_whisper.audio.c_stderr import silence_c_stderr
from live_whisper.audio.capture import CaptureBuffer
from live_whisper.audio.devices import Device, InputStream, kind_of
from live_whisper.audio.resample import usable_rate
from live_whisper.clock import Clock
from live_whisper.errors import DeviceError, one_line

_BLOCK_SECONDS: Final = 0.03  # latency against wake-ups: 33 callbacks a second
_HOST_BUFFER_SECONDS: Final = 0.5  # survives a busy machine; the block size sets our delay
_CLOSE_SECONDS: Final = 3.0  # PortAudio can hang when it closes a device that has gone
_MAX_CHANNELS: Final = 2  # the mean of a large interface's inputs would bury one microphone
_USUAL_RATES: Final = (48_000, 44_100, 16_000)

_library_lock = threading.RLock()
"""Held while PortAudio lists, opens or starts anew: with two inputs one must not take the library
away from under the other. A stream that runs needs nobody's leave."""
_open_streams: set[int] = set()


def list_devices() -> tuple[Device, ...]:
    """The input devices PortAudio sees. Raises ``DeviceError`` without PortAudio."""
    with _library_lock:
        return _list_devices(_library())


def _list_devices(sd: ModuleType) -> tuple[Device, ...]:
    try:
        found = sd.query_devices()
        apis = sd.query_hostapis()
    except sd.PortAudioError as error:
        raise DeviceError(
            f"The input devices cannot be listed: {_reason(error)}.",
            hint="Is a sound server running?",
        ) from None
    default = _default_index(sd, apis)
    return tuple(
        Device(
            index=index,
            name=one_line(info["name"], 200) or f"device {index}",
            host_api=one_line(apis[info["hostapi"]]["name"], 200),
            channels=int(info["max_input_channels"]),
            default_rate=round(info["default_samplerate"]),
            is_default=index == default,
            kind=kind_of(str(info["name"])),
        )
        for index, info in enumerate(found)
        if info["max_input_channels"] > 0
    )


class PortAudioBackend:
    """``InputBackend`` on PortAudio. One per process is enough; any thread, one at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def devices(self) -> tuple[Device, ...]:
        """The input devices there are. Raises ``DeviceError``."""
        return list_devices()

    def open(self, device: Device) -> InputStream:
        """Start capturing at the device's own rate. Raises ``DeviceError`` saying what is wrong."""
        with _library_lock:
            return self._open(_library(), device)

    def _open(self, sd: ModuleType, device: Device) -> InputStream:
        channels = max(1, min(device.channels, _MAX_CHANNELS))
        rates = dict.fromkeys((device.default_rate, *_USUAL_RATES))
        attempts = [(rate, n) for n in dict.fromkeys((channels, 1)) for rate in rates]
        failure: Exception | None = None
        for rate, count in attempts:
            if not usable_rate(rate):
                continue
            try:
                return _PortAudioStream(sd, device, rate, count, self._clock.now_ns)
            except sd.PortAudioError as error:
                failure = failure or error
                if _code(error) not in _WORTH_ANOTHER_FORMAT:
                    break
        raise _open_error(device, failure) from None

    def refresh(self) -> None:
        """Have PortAudio look for devices again, which it otherwise does once.

        Does nothing while any stream is open: PortAudio would close it.
        """
        with _library_lock:
            if _open_streams:
                return
            sd = _library()
            # The documented way to rescan; there is no other. Either fails without a sound server:
            # the next attempt looks again.
            with contextlib.suppress(sd.PortAudioError):
                sd._terminate()  # noqa: SLF001
            with contextlib.suppress(sd.PortAudioError):
                sd._initialize()  # noqa: SLF001


class _CallbackTime(Protocol):
    inputBufferAdcTime: float  # noqa: N815 (PortAudio names it; seconds on the device clock)


class _CallbackFlags(Protocol):
    input_overflow: bool


class _PortAudioStream:
    """One open stream. The callback runs in PortAudio's thread, everything else in the reader's."""

    def __init__(
        self,
        sd: ModuleType,
        device: Device,
        rate: int,
        channels: int,
        now_ns: Callable[[], int],
    ) -> None:
        self.device = device
        self.buffer = CaptureBuffer(rate=rate, channels=channels)
        self._now_ns = now_ns
        self._finished = threading.Event()
        self._next_adc_time: float | None = None
        silence_c_stderr()
        self._stream = sd.InputStream(
            device=device.index,
            samplerate=rate,
            channels=channels,
            dtype="int16",
            blocksize=round(rate * _BLOCK_SECONDS),
            latency=_HOST_BUFFER_SECONDS,
            callback=self._callback,
            finished_callback=self._on_finished,
        )
        _open_streams.add(id(self))
        try:
            self._stream.start()
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """False once PortAudio ended the stream."""
        return not self._finished.is_set()

    def close(self) -> None:
        """Stop and release the device; a device that hangs is left behind after a deadline."""
        self._finished.set()

        def release() -> None:
            try:
                self._stream.abort(ignore_errors=True)
                self._stream.close(ignore_errors=True)
            finally:
                _open_streams.discard(id(self))

        closer = threading.Thread(target=release, name="close-device", daemon=True)
        closer.start()
        closer.join(_CLOSE_SECONDS)

    def _callback(
        self,
        frames: npt.NDArray[np.int16],
        count: int,
        time: _CallbackTime,
        status: _CallbackFlags,
    ) -> None:
        # An exception here would end the stream without a word, so nothing that can raise
        # beyond the copy is done.
        lost = self._lost_before(count, float(time.inputBufferAdcTime), bool(status.input_overflow))
        self.buffer.write(
            frames, self._now_ns(), lost_before=lost, xrun=bool(status.input_overflow)
        )

    def _lost_before(self, count: int, adc_time: float, overflow: bool) -> int:  # noqa: FBT001
        """Frames the device dropped, from its own clock; 0 where it does not say.

        Only asked where PortAudio reports an overflow: between overflows some drivers' times
        wander by a block, and the sound is whole.
        """
        expected, rate = self._next_adc_time, self.buffer.rate
        self._next_adc_time = adc_time + count / rate if adc_time > 0 else None
        if not overflow or expected is None or adc_time <= expected:
            return 0
        return min(round((adc_time - expected) * rate), rate * 60)

    def _on_finished(self) -> None:
        self._finished.set()
        self.buffer.ready.set()


def _library() -> ModuleType:
    try:
        import sounddevice  # noqa: PLC0415 (loads PortAudio and asks every driver: only on demand)
    except ImportError:
        raise DeviceError(
            "The package sounddevice is not installed.", hint="Run: pip install sounddevice"
        ) from None
    except OSError:
        raise DeviceError(
            "The PortAudio library was not found.",
            hint="On Debian or Ubuntu run: sudo apt install libportaudio2; "
            "files can be captioned without it.",
        ) from None
    except Exception as error:
        if type(error).__name__ != "PortAudioError":
            raise
        raise DeviceError(
            f"PortAudio did not start: {_reason(error)}.", hint="Is a sound server running?"
        ) from None
    module: ModuleType = sounddevice
    return module


def _default_index(sd: ModuleType, apis: Sequence[Mapping[str, Any]]) -> int:
    index = sd.default.device[0]
    if isinstance(index, int) and index >= 0:
        return index
    return next(
        (api["default_input_device"] for api in apis if api["default_input_device"] >= 0), -1
    )


# PortAudio error codes, from portaudio.h
_INVALID_CHANNELS = -9998
_INVALID_RATE = -9997
_INVALID_DEVICE = -9996
_FORMAT_NOT_SUPPORTED = -9994
_UNANTICIPATED_HOST_ERROR = -9999
_DEVICE_UNAVAILABLE = -9985
_WORTH_ANOTHER_FORMAT = frozenset({_INVALID_CHANNELS, _INVALID_RATE, _FORMAT_NOT_SUPPORTED})


def _code(error: Exception) -> int | None:
    code = error.args[1] if len(error.args) > 1 else None
    return code if isinstance(code, int) else None


def _reason(error: Exception) -> str:
    text = one_line(str(error.args[0] if error.args else error))
    return text.removesuffix(".") or type(error).__name__


def _open_error(device: Device, error: Exception | None) -> DeviceError:
    code = _code(error) if error else _INVALID_RATE
    name = repr(device.name)
    if code == _DEVICE_UNAVAILABLE:
        return DeviceError(
            f"The input device {name} is busy or was switched off.",
            hint="Close the program that uses it, or choose another with --device.",
        )
    if code == _INVALID_DEVICE:
        return DeviceError(
            f"The input device {name} is no longer there.",
            hint="See what there is with: live-whisper devices.",
        )
    if code in _WORTH_ANOTHER_FORMAT:
        return DeviceError(
            f"The input device {name} takes no sample rate we know "
            f"(its own is {device.default_rate} Hz).",
            hint="Choose another with --device; see: live-whisper devices.",
        )
    detail = _reason(error) if error else "no reason given"
    return DeviceError(
        f"The input device {name} does not open: {detail}.",
        hint="Check the permission to use the microphone, or choose another with --device.",
    )
