"""Ctrl-Z, ``fg`` and ``bg``: the terminal is given back before the process stops.

A process that is continued in the background goes on captioning. Only files and a plain display
write then; the live view waits until it has the terminal again.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from live_whisper.streaming.sinks.base import Sink, Suspendable


@contextmanager
def suspendable(display: Sink) -> Iterator[None]:
    """While it lasts, Ctrl-Z stops the process with its terminal in order. Main thread only."""
    if not hasattr(signal, "SIGTSTP"):
        yield
        return
    view = display if isinstance(display, Suspendable) else None
    stopping = False

    def on_stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        del frame
        stopping = True
        if view is not None:
            view.suspend()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)  # here the process stands still; alone, without a shell, not
        signal.signal(number, on_stop)
        if view is not None:
            view.resume()
        stopping = False

    def on_continue(number: int, frame: FrameType | None) -> None:
        del number, frame
        if view is not None and not stopping:
            view.resume()  # SIGSTOP announces itself to nobody

    handlers: dict[signal.Signals, Callable[[int, FrameType | None], None] | signal.Handlers] = {
        signal.SIGTSTP: on_stop,
        signal.SIGCONT: on_continue,
        # ``stty tostop`` would stop a recording in the background at its first line of output
        signal.SIGTTOU: signal.SIG_IGN,
    }
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    if previous[signal.SIGTSTP] is signal.SIG_IGN:
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # whoever started us wants it so
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)
