"""``live-whisper doctor``: everything a live run needs, tried one by one, with what to do."""

import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import typer

from live_whisper.cli.settings import recordings_root, user_folder
from live_whisper.config.schema import Config
from live_whisper.errors import LiveWhisperError, OutputError, one_line
from live_whisper.types.audio import Samples

LISTEN_NS = 1_500_000_000
"""How long the microphone is listened to."""
NARROW_COLUMNS = 60
"""A terminal narrower than this shows captions badly."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; a check that fails raises a ``LiveWhisperError`` instead."""

    text: str
    advice: str = ""
    """What is not wrong but better otherwise, and what to do."""


def run_doctor(config: Config, devices: Sequence[str] = ()) -> int:
    """One line per check, of the microphone one for each of ``devices``.

    Returns the exit status of the first check that failed, else 0.
    """
    status = 0
    listening = [_with_device(config, device) for device in devices] or [config]
    rows = [
        (name, check, chosen)
        for name, check in CHECKS
        for chosen in (listening if name == "microphone" else [config])
    ]
    for name, check, chosen in rows:
        try:
            found = check(chosen)
        except LiveWhisperError as error:
            _say("FAIL", name, str(error))
            status = status or error.exit_status
        else:
            _say("note" if found.advice else "ok", name, f"{found.text} {found.advice}")
    return status


def _with_device(config: Config, device: str) -> Config:
    return config.model_copy(update={"audio": config.audio.model_copy(update={"device": device})})


def _say(mark: str, name: str, text: str) -> None:
    typer.echo(f"{mark:4}  {name:10}  {one_line(text)}")


def program(_: Config) -> Finding:
    """Versions, for a report."""
    from live_whisper import __version__

    packages = [f"{name} {_version(name)}" for name in ("onnxruntime", "sounddevice", "av")]
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Finding(f"live-whisper {__version__}, {system}, {', '.join(packages)}.")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is missing"


def own_settings(_: Config) -> Finding:
    """They were read before any check; here it is said from where."""
    path = user_folder() / "config.toml"
    if path.is_file():
        return Finding(f"{path} is read; see: live-whisper config show --origin.")
    return Finding(f"the built-in ones; {path} would be read if it were there.")


def microphone(config: Config) -> Finding:
    """The chosen input is opened and heard."""
    from live_whisper.audio.microphone import PortAudioBackend
    from live_whisper.audio.microphone_source import MicrophoneSource
    from live_whisper.clock import MonotonicClock

    clock = MonotonicClock()
    source = MicrophoneSource(PortAudioBackend(clock), clock, config.audio.device or None)
    source.open()
    parts, began = [], clock.now_ns()
    try:
        while clock.now_ns() - began < LISTEN_NS:
            parts.append(source.read(100_000_000).samples)
    finally:
        source.close()
    return judge_level(repr(source.name), np.concatenate(parts))


def judge_level(device: str, samples: Samples) -> Finding:
    """What a second and a half of sound says about a microphone."""
    if not len(samples):
        return Finding(f"{device} opened but gave no sound yet.", "Is it a monitor of nothing?")
    if not samples.any():
        return Finding(
            f"{device} gives digital silence.",
            "Is it muted, or is the terminal not allowed to use the microphone?",
        )
    peak = float(20 * np.log10(np.abs(samples).max()))
    if peak > -0.1:
        return Finding(f"{device}, peak {peak:.0f} dBFS.", "It clips: turn its level down.")
    return Finding(f"{device}, peak {peak:.0f} dBFS.")


def model(config: Config) -> Finding:
    """The checkpoint that a run would use is read, and knows the language."""
    from live_whisper.cli.model_choice import find_model, load_found
    from live_whisper.runtime.load import check_language

    found = find_model(config)
    checkpoint = load_found(found)
    check_language(config, checkpoint)
    text = f"{found.name}, {checkpoint.audio_context} context, in {found.path}."
    if found.name == "demo":
        return Finding(text, "It hears synthetic voices only: live-whisper models pull base.")
    return Finding(text)


def engine(config: Config) -> Finding:
    """The engine is built and loaded, as a run would; the first time that takes a while."""
    from live_whisper.cli.model_choice import find_model, load_found
    from live_whisper.runtime.load import load_engine

    loaded = load_engine(load_found(find_model(config)), config.engine)
    try:
        return Finding(f"{loaded.description}.")
    finally:
        loaded.close()


def recordings(config: Config) -> Finding:
    """The folder of recordings takes files, has room, and holds nothing unfinished."""
    from live_whisper.audio.space import free_bytes, seconds_left
    from live_whisper.streaming.recording import default_root, unfinished

    root = recordings_root(config) or default_root()
    _try_to_write(root)
    free = free_bytes(root)
    hours = seconds_left(free) / 3600 if free is not None else None
    room = "unknown room" if hours is None else f"room for {hours:.0f} hours"
    left = sum(not folder.in_use() for folder in unfinished(root))
    if left:
        return Finding(f"{root}, {room}.", f"{left} unfinished: live-whisper recover.")
    if hours is not None and hours < 1:
        return Finding(f"{root}.", "Less than an hour of audio fits on this disk.")
    return Finding(f"{root}, {room}.")


def _try_to_write(root: Path) -> None:
    probe = root / ".doctor"
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"Recordings cannot be written to {root}: {error.strerror}.",
            hint="Choose another folder: --set output.recordings=DIR.",
        ) from None


def terminal(_: Config) -> Finding:
    """Whether captions can be drawn where this runs."""
    encoding = (sys.stdout.encoding or "ascii").lower()
    if not sys.stdout.isatty():
        return Finding("no terminal: captions come as plain lines.")
    columns, lines = shutil.get_terminal_size()
    text = f"{columns} columns, {lines} lines, {encoding}."
    if not encoding.startswith("utf"):
        return Finding(text, "It cannot show every script: use a UTF-8 locale.")
    if columns < NARROW_COLUMNS:
        return Finding(text, f"Captions read better from {NARROW_COLUMNS} columns on.")
    return Finding(text)


CHECKS: tuple[tuple[str, Callable[[Config], Finding]], ...] = (
    ("program", program),
    ("settings", own_settings),
    ("microphone", microphone),
    ("model", model),
    ("engine", engine),
    ("recordings", recordings),
    ("terminal", terminal),
)
