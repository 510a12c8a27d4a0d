"""Signals that ask a run to stop, handed to a thread.

A handler runs between two instructions of the main thread, wherever that is: perhaps inside the
very lock that stopping needs. So it only counts, and puts a token where a thread waits for it.
"""

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def on_stop_signals(
    stop: Callable[[], object],
    *,
    ours: int,
    last: Callable[[], object] = lambda: None,
) -> Iterator[None]:
    """Call ``stop`` in a thread for each signal; after ``ours`` of them the next is the system's.

    ``last`` is called in the handler of the last one: from then on nothing of ours may run. Main
    thread only. A SIGHUP that ``nohup`` ignores stays ignored.
    """
    tokens: queue.SimpleQueue[bool] = queue.SimpleQueue()  # its ``put`` is fit for a handler
    received = 0

    def serve() -> None:
        while tokens.get():
            stop()

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal received
        del frame
        received += 1
        tokens.put(True)
        if received >= ours:
            signal.signal(number, signal.SIG_DFL)  # first: what follows may have to wait
            last()

    thread = threading.Thread(target=serve, name="signals", daemon=True)
    thread.start()
    previous = {}
    for number in (getattr(signal, name, None) for name in NAMES):
        if number is None:
            continue  # Windows has no SIGHUP
        if number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) == signal.SIG_IGN:
            continue
        previous[number] = signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        tokens.put(False)
        thread.join(1.0)
