"""A live run from the command line: capture first, then model, display, signals, summary."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from live_whisper.clock import MonotonicClock
from live_whisper.config.schema import Config
from live_whisper.errors import InputError, ModelError, OutputError, UsageError
from live_whisper.runtime.inputs import Input, open_input

if TYPE_CHECKING:
    from live_whisper.hub.resolve import ResolvedModel
    from live_whisper.runtime.captioner import Captioner
    from live_whisper.runtime.ports import RecognizerPort
    from live_whisper.streaming.recording import RecordingFolder
    from live_whisper.streaming.sinks.subtitle_file import Continuation


@dataclass(frozen=True, slots=True)
class Extras:
    """What only some runs have."""

    devices: tuple[str, ...] = ()
    """Heard at the same time, where there are several."""
    labels: tuple[str, ...] = ()
    """Of the devices."""
    resume: Path | None = None
    """A subtitle file to go on with."""
    refine: bool = False
    """A second pass over the whole recording afterwards."""
    refine_model: str | None = None
    """With another model."""


def run_live(
    config: Config, *, input_: str | None, pace: str, yes: bool, extras: Extras | None = None
) -> int:
    """Caption an input until it ends or the user stops. Returns the exit status."""
    extras = extras or Extras()
    if len(extras.devices) > 1 and input_ is not None:
        raise UsageError("--input and several --device exclude each other.")
    model = None
    try:
        model = find_model(config)
    except ModelError as error:
        if not may_pull(config.recognition.model, str(error), yes=yes):
            raise
    return caption(config, _open_inputs(config, input_, pace, extras), model, extras)


def _open_inputs(config: Config, input_: str | None, pace: str, extras: Extras) -> list[Input]:
    """One input, or one per device with its label."""
    clock = MonotonicClock()
    if len(extras.devices) < 2:
        return [open_input(config.audio, input_, pace, clock)]
    opened: list[Input] = []
    try:
        for device, label in zip(extras.devices, _labels(extras), strict=True):
            settings = config.audio.model_copy(update={"device": device})
            opened.append(replace(open_input(settings, None, pace, clock), label=label))
    except BaseException:
        for heard in opened:
            heard.source.close()
        raise
    return opened


def _labels(extras: Extras) -> tuple[str, ...]:
    """As given, or ``me`` and ``them``: one's own microphone is usually named first."""
    from live_whisper.streaming.recording import MOST_INPUTS

    count = len(extras.devices)
    labels = extras.labels or (
        ("me", "them") if count == 2 else tuple(str(n + 1) for n in range(count))
    )
    if len(labels) != count or len(set(labels)) != count or count > MOST_INPUTS:
        raise UsageError(
            f"{count} devices and {len(labels)} labels.", hint="Give each device its own --label."
        )
    return labels


def find_model(config: Config) -> "ResolvedModel":
    """The checkpoint to use. Raises ``ModelError`` with what to do where there is none."""
    from live_whisper.hub.resolve import default_model, resolve
    from live_whisper.hub.store import ModelStore

    store = ModelStore.default()
    wanted = config.recognition.model
    if wanted:
        return resolve(wanted, store=store)
    language = config.recognition.language
    found = default_model(store, language="" if language == "auto" else language)
    if found is None:
        raise ModelError(
            "No model is chosen and none is on disk.",
            hint="Try: live-whisper demo, or: live-whisper models pull base.",
        )
    return found


def recordings_root(config: Config) -> Path | None:
    """Where recordings are kept; ``None``: the platform's state directory."""
    folder = config.output.recordings
    return Path(folder).expanduser() if folder else None


def check_kept_audio(config: Config) -> None:
    """Raise ``OutputError`` now for a name the recording could not be kept under at the end."""
    name = config.output.keep_audio
    if not name:
        return
    from live_whisper.audio.export import check_export_path

    path = Path(name).expanduser()
    check_export_path(path)
    if path.exists() and not config.output.overwrite:
        raise OutputError(f"{name!r} already exists.", hint="Choose another name or --overwrite.")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"The folder of {name!r} does not exist.", hint="Create it first.")


def may_pull(model: str, problem: str, *, yes: bool) -> bool:
    """Whether a missing model may be downloaded: said in advance, or asked on a terminal."""
    from live_whisper.hub.resolve import is_pullable

    if not model or not is_pullable(model):
        return False
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return typer.confirm(
        f"{problem.split('. ', maxsplit=1)[0]}. Pull it now?", default=True, err=True
    )


def caption(
    config: Config,
    heard: list[Input],
    model: "ResolvedModel | None",
    extras: Extras | None = None,
) -> int:
    """Run on open inputs; without a model the configured one is pulled meanwhile."""
    from live_whisper.cli.display import choose_display
    from live_whisper.runtime.captioner import Captioner, Request, make_port

    check_kept_audio(config)
    extras = extras or Extras()
    port: RecognizerPort
    if model is not None:
        port, name = make_port(config, model.path, model.audio_context), model.name
    else:
        port, name = _pulling_port(config), config.recognition.model
    display = None
    try:
        display = choose_display(config)
        captioner = Captioner(
            Request(
                config,
                heard[0],
                port,
                model_name=name,
                model_folder=model.path if model else None,
                audio_context=model.audio_context if model else "full",
                displays=(display,),
                more_inputs=tuple(heard[1:]),
                continued=_continued(config, extras.resume),
                tidy=not extras.refine,
                recordings=recordings_root(config),
            )
        )
    except BaseException:
        for item in heard:
            item.source.close()
        if display is not None:
            display.close()  # before the error is printed, or the terminal would paint over it
        raise
    status = _run(captioner)
    return _refine(captioner, config, extras) if extras.refine else status


def _continued(config: Config, resume: Path | None) -> "Continuation | None":
    if resume is None:
        return None
    from live_whisper.captions.options import writer_options
    from live_whisper.streaming.sinks.subtitle_file import continue_output

    return continue_output(resume.expanduser(), writer_options(config.captions))


def _run(captioner: "Captioner") -> int:
    from live_whisper.cli.summary import print_summary, say

    with stopping_on_signals(captioner):
        summary = captioner.run()
    say(f"live-whisper: {notice.message}" for notice in captioner.notices)
    if not captioner.display_closed:
        print_summary(summary, captioner.recording)
        say(_left_over(captioner.recording))
    return 0


def _left_over(recording: "RecordingFolder") -> Iterator[str]:
    """A line if an earlier run was cut off and nobody has taken it up."""
    from live_whisper.streaming.recording import unfinished

    with contextlib.suppress(InputError):
        others = [item.name for item in unfinished(recording.path.parent)]
        if [name for name in others if name != recording.name]:
            yield "an earlier recording is unfinished: live-whisper recover"


def _refine(captioner: "Captioner", config: Config, extras: Extras) -> int:
    """The second pass, while the audio is still there; the recording is finished whatever comes."""
    from live_whisper.cli.refine import Options, refine
    from live_whisper.cli.summary import say

    try:
        if not captioner.complete:
            say(["live-whisper: not refined: the recording is to be recovered first."])
            return 0
        say(["live-whisper: refining; Ctrl-C leaves the live captions as they are."])
        return refine(
            captioner.recording, Options(extras.refine_model, overwrite=config.output.overwrite)
        )
    finally:
        captioner.finish()


def _pulling_port(config: Config) -> "RecognizerPort":
    from live_whisper.hub.pull import PullControls, PullProgress, pull
    from live_whisper.hub.store import ModelStore
    from live_whisper.runtime.captioner import make_port
    from live_whisper.runtime.ports import FetchingPort

    model = config.recognition.model

    def fetch(tell: Callable[[str], None]) -> None:
        said = -1

        def show(now: PullProgress) -> None:
            nonlocal said
            tenth = 10 * now.done_bytes // now.total_bytes if now.total_bytes else 0
            if tenth > said:
                said = tenth
                tell(f"Pulling {model}: {10 * tenth} %; what is said meanwhile is kept.")

        pull(model, ModelStore.default(), controls=PullControls(on_progress=show))

    def make() -> "RecognizerPort":
        found = find_model(config)
        return make_port(config, found.path, found.audio_context)

    return FetchingPort(fetch, make)


def show_cursor() -> None:
    """Make a terminal's cursor visible, whatever state the display is in."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream.isatty():
                os.write(stream.fileno(), b"\x1b[?25h")


@contextmanager
def stopping_on_signals(captioner: "Captioner") -> Iterator[None]:
    """Ctrl-C once: finish what was heard. Twice: leave the rest. A third time: the system's way."""
    names = ["SIGINT", "SIGTERM", "SIGHUP"]
    previous = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        if captioner.stop() >= 2:
            show_cursor()  # the third time nothing of ours runs any more
            signal.signal(number, signal.SIG_DFL)

    for name in names:
        if hasattr(signal, name):
            number = getattr(signal, name)
            previous[number] = signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        sys.stdout.flush()
