"""``live-whisper devices``."""

import typer

from live_whisper.audio.microphone import list_devices


def run_devices() -> int:
    """One line per input device; the default is marked."""
    found = list_devices()
    for device in found:
        mark = "*" if device.is_default else " "
        typer.echo(
            f"{mark} {device.index:3d}  {device.name}  "
            f"({device.channels} ch, {device.default_rate} Hz, {device.host_api})"
        )
    if not found:
        typer.echo("No input devices. Is a microphone connected?", err=True)
    return 0
