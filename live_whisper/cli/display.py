"""Which display a run has: the terminal's, plain lines, or JSON lines."""

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from live_whisper.captions.options import cue_limits
from live_whisper.config.schema import Config
from live_whisper.errors import UsageError
from live_whisper.streaming.sinks.base import Sink


def choose_display(config: Config) -> Sink:
    """The display that the settings name; ``auto`` looks at what standard output is."""
    kind = config.display.format
    if kind == "auto":
        kind = "rich" if _can_redraw() else "plain"
    if kind == "jsonl":
        from live_whisper.streaming.sinks.jsonl import JsonLinesSink

        return JsonLinesSink(sys.stdout)
    if kind == "plain":
        from live_whisper.streaming.sinks.plain import PlainSink

        return PlainSink(sys.stdout, sys.stderr, limits=cue_limits(config.captions))
    if not _can_redraw():
        raise UsageError(
            "--format rich needs a terminal that can move its cursor.", hint="Use --format plain."
        )
    from live_whisper.streaming.sinks.terminal import TerminalSink

    return TerminalSink(
        outputs=config.output.files,
        show_suppressed=config.display.show_suppressed,
        limits=cue_limits(config.captions),
    )


@contextmanager
def web_page(config: Config) -> Iterator[tuple[Sink, ...]]:
    """The page in a browser that the settings ask for, or none. Raises ``UsageError``."""
    if not config.display.web:
        yield ()
        return
    from live_whisper.streaming.sinks.web import Address, WebSink

    page = WebSink(Address.parse(config.display.web), limits=cue_limits(config.captions))
    try:
        yield (page,)
    finally:
        page.close()


@contextmanager
def event_log(config: Config) -> Iterator[tuple[Sink, ...]]:
    """The log that the settings ask for, or none. A run that never began leaves no file behind.

    Raises ``OutputError`` where its file cannot be claimed.
    """
    if not config.output.event_log:
        yield ()
        return
    from live_whisper.streaming.sinks.event_log import EventLogSink
    from live_whisper.streaming.sinks.files import claim_output

    path = Path(config.output.event_log).expanduser()
    claim_output(path, overwrite=config.output.overwrite)
    log = EventLogSink(path)
    try:
        yield (log,)
    finally:
        with contextlib.suppress(OSError):  # a full disk or a folder that is gone was said already
            log.close()
            if not path.stat().st_size:
                path.unlink()


def _can_redraw() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
