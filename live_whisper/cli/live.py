"""A live run from the command line: capture first, then model, display, signals, summary."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from live_whisper.cli.model_choice import find_model, may_pull
from live_whisper.cli.settings import check_distinct, recordings_root
from live_whisper.clock import MonotonicClock
from live_whisper.config.schema import Config
from live_whisper.errors import (
    InputError,
    ModelError,
    OutputError,
    UsageError,
    first_line,
    one_line,
)
from live_whisper.runtime.inputs import Input, open_input

if TYPE_CHECKING:
    from live_whisper.hub.resolve import ResolvedModel
    from live_whisper.runtime.captioner import Captioner
    from live_whisper.runtime.ports import RecognizerPort
    from live_whisper.streaming.recording import RecordingFolder
    from live_whisper.streaming.sinks.subtitle_file import Continuation
    from live_whisper.types.events import Summary


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
    if extras.devices and input_ is not None:
        raise UsageError("--input and --device exclude each other.", hint="Give one of them.")
    if len(set(extras.devices)) < len(extras.devices):
        raise UsageError("A device is named twice.", hint="Name each --device once.")
    _check_outputs(config, extras, input_)
    if extras.refine:
        _check_second_pass(config, extras)
    model = None
    try:
        model = find_model(config)
    except ModelError as error:
        if not may_pull(config.recognition.model, str(error), yes=yes):
            raise
    return caption(config, _open_inputs(config, input_, pace, extras), model, extras)


def _check_outputs(config: Config, extras: Extras, input_: str | None) -> None:
    """Raise ``UsageError`` where two files are one: outputs, kept audio, what is read."""
    output = config.output
    names = [*output.files, *filter(None, (output.keep_audio, output.event_log))]
    resumed = [] if extras.resume is None else [extras.resume]
    places = [*resumed, *map(Path, names)]
    check_distinct(places, [] if input_ is None else [input_])


def _check_second_pass(config: Config, extras: Extras) -> None:
    """Raise now what would stop ``--refine`` once everything was said."""
    from live_whisper.cli.refine import final_name

    if extras.refine_model:
        from live_whisper.hub.resolve import resolve
        from live_whisper.hub.store import ModelStore

        resolve(extras.refine_model, store=ModelStore.default())
    for name in config.output.files:
        path = final_name(Path(name).expanduser())
        if path.exists() and not config.output.overwrite:
            problem = f"{one_line(str(path))!r}, the second pass's file, already exists."
            raise OutputError(problem, hint="Add --overwrite, or move it.")


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


def check_kept_audio(config: Config, inputs: int) -> None:
    """Raise ``OutputError`` now for a name the recording could not be kept under at the end."""
    name = config.output.keep_audio
    if not name:
        return
    from live_whisper.audio.export import check_export_path
    from live_whisper.runtime.tidy import kept_names

    path = Path(name).expanduser()
    check_export_path(path)
    for one in kept_names(path, inputs):
        if one.is_dir():
            raise OutputError(f"{one_line(str(one))!r} is a folder.", hint="Name a file in it.")
        if one.exists() and not config.output.overwrite:
            problem = f"{one_line(str(one))!r} already exists."
            raise OutputError(problem, hint="Choose another name or --overwrite.")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"The folder of {name!r} does not exist.", hint="Create it first.")


def caption(
    config: Config,
    heard: list[Input],
    model: "ResolvedModel | None",
    extras: Extras | None = None,
) -> int:
    """Run on open inputs; without a model the configured one is pulled meanwhile."""
    from live_whisper.cli.display import choose_display, event_log, web_page
    from live_whisper.cli.suspend import suspendable
    from live_whisper.runtime.captioner import Captioner, Request, make_port

    check_kept_audio(config, len(heard))
    extras = extras or Extras()
    port: RecognizerPort
    if model is not None:
        port, name = make_port(config, model.path, model.audio_context), model.name
    else:
        port, name = _pulling_port(config), config.recognition.model
    with contextlib.ExitStack() as terminal:
        display = None
        try:
            display = choose_display(config)
            terminal.enter_context(suspendable(display))
            page = terminal.enter_context(web_page(config))
            log = terminal.enter_context(event_log(config))
            captioner = Captioner(
                Request(
                    config,
                    heard[0],
                    port,
                    model_name=name,
                    model_folder=model.path if model else None,
                    audio_context=model.audio_context if model else "full",
                    displays=(display, *page, *log),
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
    return (_refine(captioner, config, extras) if extras.refine else 0) or status


def _continued(config: Config, resume: Path | None) -> "Continuation | None":
    if resume is None:
        return None
    from live_whisper.captions.options import writer_options
    from live_whisper.streaming.sinks.subtitle_file import continue_output

    return continue_output(resume.expanduser(), writer_options(config.captions))


def _run(captioner: "Captioner") -> int:
    from live_whisper.cli.signals import on_stop_signals
    from live_whisper.cli.summary import say

    cleared = _clear_leftovers(captioner.recording.path.parent)
    try:
        with on_stop_signals(captioner.stop, ours=2, last=show_cursor):  # finish first, then leave
            summary = captioner.run()
            _say_how_it_went(captioner, summary, cleared)  # a late Ctrl-C must not cut it off
    finally:
        say(f"live-whisper: {notice.message}" for notice in captioner.notices)
    in_place = captioner.places() == captioner.asked
    whole = captioner.stored and in_place and not captioner.failures
    return 0 if whole else OutputError.exit_status


def _say_how_it_went(captioner: "Captioner", summary: "Summary", cleared: Sequence[str]) -> None:
    from live_whisper.cli.summary import print_summary, say

    if captioner.display_closed and captioner.complete and not captioner.asked:
        return  # as for any program in a pipe: nothing is left to be told
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    print_summary(summary, captioner.recording)
    say(f"audio kept: {one_line(str(path))}" for path in captioner.kept)
    say(f"{one_line(str(path))} is as before: nothing was said" for path in captioner.given_back)
    for error in captioner.failures:
        why = getattr(error, "strerror", None) or first_line(error)
        say([f"live-whisper: an output had to be left out: {one_line(why)}."])
    say(f"audio left behind by {name}, which had ended, was deleted" for name in cleared)
    say(_left_over(captioner.recording))


def _clear_leftovers(root: Path) -> list[str]:
    """In a thread: what is cleared is in the list by the end of the run."""
    from live_whisper.runtime.tidy import clear_leftovers

    cleared: list[str] = []
    threading.Thread(
        target=lambda: cleared.extend(clear_leftovers(root)), name="tidy", daemon=True
    ).start()
    return cleared


def _left_over(recording: "RecordingFolder") -> Iterator[str]:
    """A line if an earlier run was cut off and nobody has taken it up."""
    from live_whisper.streaming.recording import unfinished

    with contextlib.suppress(InputError):
        others = [item.name for item in unfinished(recording.path.parent)]
        if [name for name in others if name != recording.name]:
            yield "an earlier recording is unfinished: live-whisper recover"


def _refine(captioner: "Captioner", config: Config, extras: Extras) -> int:
    """The second pass; the audio is let go only after it."""
    from live_whisper.cli.refine import Options, refine
    from live_whisper.cli.summary import say

    name = captioner.recording.name
    try:
        if not captioner.complete:
            say(["live-whisper: not refined: the recording is to be recovered first."])
            return 0
        say(["live-whisper: refining; Ctrl-C leaves the live captions as they are."])
        options = Options(extras.refine_model, overwrite=config.output.overwrite)
        status = refine(captioner.recording, options)
        captioner.finish()
    except BaseException:
        ways = f"live-whisper refine {name}, and live-whisper recover {name} to let it go"
        say([f"live-whisper: not refined; the audio stays: {ways}."])
        raise
    finally:
        captioner.recording.release()
    return status


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
