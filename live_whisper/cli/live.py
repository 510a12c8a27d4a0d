"""A live run from the command line: model, display, signals, summary."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from live_whisper.cli.display import choose_display
from live_whisper.cli.summary import print_summary
from live_whisper.clock import MonotonicClock
from live_whisper.config.schema import Config
from live_whisper.errors import ModelError
from live_whisper.hub.resolve import ResolvedModel, default_model, resolve
from live_whisper.hub.store import ModelStore
from live_whisper.runtime.captioner import Captioner, Request, open_input
from live_whisper.runtime.load import RecognizerSpec


def run_live(config: Config, *, input_: str | None, pace: str, yes: bool) -> int:
    """Caption an input until it ends or the user stops. Returns the exit status."""
    del yes
    return caption(config, find_model(config), input_=input_, pace=pace)


def find_model(config: Config) -> ResolvedModel:
    """The checkpoint to use. Raises ``ModelError`` with what to do where there is none."""
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


def caption(config: Config, model: ResolvedModel, *, input_: str | None, pace: str) -> int:
    """Run with a model that is on disk."""
    clock = MonotonicClock()
    spec = RecognizerSpec(model.path, model.audio_context, config)
    heard = open_input(config, input_, pace, clock)
    display = choose_display(config)
    try:
        captioner = Captioner(
            Request(config, heard, spec, model_name=model.name, displays=(display,), clock=clock)
        )
    except BaseException:
        display.close()  # before the error is printed, or the terminal would paint over it
        raise
    with stopping_on_signals(captioner):
        summary = captioner.run()
    for notice in captioner.notices:
        typer.echo(f"live-whisper: {notice.message}", err=True)
    if not captioner.display_closed:
        print_summary(summary, captioner.recording)
    return 0


@contextmanager
def stopping_on_signals(captioner: Captioner) -> Iterator[None]:
    """Ctrl-C once: finish what was heard. Twice: leave the rest. A third time: the system's way."""
    names = ["SIGINT", "SIGTERM", "SIGHUP"]
    previous = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        if captioner.stop() >= 2:
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
