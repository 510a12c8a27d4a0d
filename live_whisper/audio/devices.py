"""Input devices and how a user names one. No sound library here."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from live_whisper.audio.capture import CaptureBuffer
from live_whisper.errors import DeviceError

_LOOPBACK_WORDS = (
    "monitor",
    "loopback",
    "blackhole",
    "soundflower",
    "stereo mix",
    "what u hear",
    "vb-audio",
    "vb-cable",
    "cable output",
)


@dataclass(frozen=True, slots=True)
class Device:
    """One input device."""

    index: int
    """Its number in this listing; changes when devices come and go."""
    name: str
    """Safe to print."""
    host_api: str
    """``ALSA``, ``Core Audio``, ``Windows WASAPI`` …"""
    channels: int
    """Most input channels it offers."""
    default_rate: int
    """Its own sample rate, hertz."""
    is_default: bool
    kind: str
    """``"microphone"``, or ``"loopback"`` where the name says that it hands back what is played."""


class InputStream(Protocol):
    """A running capture that writes into a ``CaptureBuffer`` from its own thread."""

    @property
    def device(self) -> Device:
        """The device that was opened."""
        ...

    @property
    def buffer(self) -> CaptureBuffer:
        """Where the frames are."""
        ...

    @property
    def alive(self) -> bool:
        """False once the stream stopped by itself."""
        ...

    def close(self) -> None:
        """Stop and release the device. Never raises, and returns within a few seconds."""
        ...


class InputBackend(Protocol):
    """A sound library: PortAudio, or a scripted one in tests."""

    def devices(self) -> tuple[Device, ...]:
        """The input devices there are. Raises ``DeviceError``."""
        ...

    def open(self, device: Device) -> InputStream:
        """Start capturing. Raises ``DeviceError``."""
        ...

    def refresh(self) -> None:
        """Look for devices again, where the library only looks once."""
        ...


def kind_of(name: str) -> str:
    """``"loopback"`` or ``"microphone"``, judged by the name: no sound library says it."""
    folded = name.casefold()
    return "loopback" if any(word in folded for word in _LOOPBACK_WORDS) else "microphone"


def choose_device(devices: Sequence[Device], wanted: str | None) -> Device:
    """The device a user means: none given, a number, a name, or part of a name.

    ``"system"`` means the only loopback device, unless a device bears that name. Raises
    ``DeviceError`` where nothing or more than one device matches.
    """
    if not devices:
        raise DeviceError(
            "No input device was found.",
            hint="Connect a microphone, or caption a file with --input FILE.",
        )
    if wanted is None or not wanted.strip():
        return _default(devices)
    wanted = wanted.strip()
    if wanted.isascii() and wanted.removeprefix("-").isdecimal():
        return _by_number(devices, int(wanted))
    folded = wanted.casefold()
    exact = [device for device in devices if device.name.casefold() == folded]
    part = [device for device in devices if folded in device.name.casefold()]
    loopback = [device for device in devices if device.kind == "loopback"]
    for matches in (exact, part, loopback if folded == "system" else []):
        if matches:
            return _only(matches, wanted)
    raise _unknown(devices, wanted)


def _default(devices: Sequence[Device]) -> Device:
    for device in devices:
        if device.is_default:
            return device
    raise DeviceError(
        "The system has no default input device.",
        hint=f"Choose one with --device: {_names(devices)}.",
    )


def _by_number(devices: Sequence[Device], number: int) -> Device:
    for device in devices:
        if device.index == number:
            return device
    numbers = ", ".join(str(device.index) for device in devices)
    raise DeviceError(
        f"There is no input device number {number}.",
        hint=f"Input devices have the numbers {numbers}; see: live-whisper devices.",
    )


def _only(matches: Sequence[Device], wanted: str) -> Device:
    # The same device seen through several host APIs (Windows) is one match: the first is taken.
    if len({device.name for device in matches}) == 1:
        return next((device for device in matches if device.is_default), matches[0])
    raise DeviceError(
        f"{wanted!r} matches {len(matches)} input devices: {_names(matches)}.",
        hint="Give the number or more of the name.",
    )


def _unknown(devices: Sequence[Device], wanted: str) -> DeviceError:
    by_fold = {device.name.casefold(): device for device in devices}
    near = difflib.get_close_matches(wanted.casefold(), by_fold, n=3, cutoff=0.4)
    shown = [by_fold[name] for name in near] or list(devices)
    label = "Nearest" if near else "There are"
    return DeviceError(
        f"No input device is called {wanted!r}.",
        hint=f"{label}: {_names(shown)}.",
    )


def _names(devices: Sequence[Device], *, most: int = 8) -> str:
    shown = ", ".join(f"{device.index} {device.name!r}" for device in devices[:most])
    return shown if len(devices) <= most else f"{shown} and {len(devices) - most} more"
