"""The recognizer in a process of its own.

Core ML holds the interpreter's lock while it predicts and may crash; here that costs a restart and
nothing else. Processes are spawned, on every platform, so that all behave alike. Audio crosses the
pipe as 16-bit integers, the grid it was captured on: half the bytes and not one bit different.
"""

import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import Any

from live_whisper.audio.pcm import from_s16, to_s16
from live_whisper.clock import Clock, MonotonicClock
from live_whisper.runtime.patience import Patience
from live_whisper.runtime.ports import Answer, Died, Recognizes, Result, answer_loop
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples

KILL_WAIT_SECONDS = 2.0


class ProcessPort:
    """Spawns ``load(spec)`` in a child and talks to it over a pipe. One thread.

    ``load`` is a module-level function and ``spec`` picklable. A request that takes longer than
    ``hang_ns`` counts as hung: the child is killed and ``Died`` is the answer. Time in which this
    process was stopped or the computer slept does not count.
    """

    def __init__(
        self,
        load: Callable[[Any], Recognizes],
        spec: object,
        *,
        hang_ns: int,
        clock: Clock | None = None,
    ) -> None:
        self._load = load
        self._spec = spec
        self._hang_ns = hang_ns
        self._clock = clock or MonotonicClock()
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._pipe: Connection | None = None
        self._asked: Patience | None = None
        self._sender: threading.Thread | None = None
        self._unborn = ""

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Spawn a child that begins to load the model; one that cannot be is dead at once."""
        self._asked, self._unborn = None, ""
        try:
            ours, theirs = self._context.Pipe()
            process = self._context.Process(
                target=_serve, args=(theirs, self._load, self._spec), name="recognizer", daemon=True
            )
            with theirs, _deaf_to_ctrl_z():
                _ensure_tracker()
                with _sheltered():
                    process.start()
        except OSError as error:  # no memory, no process, no descriptor left
            self._unborn = f"no process can be started: {error.strerror or error}"
            return
        self._process, self._pipe = process, ours

    def ask(self, request: WindowRequest, samples: Samples) -> None:
        """Send the request; a child that is already gone shows in the next ``wait``."""
        assert self._pipe is not None
        self._asked = Patience(self._clock)
        # In a thread: a window is more than a pipe holds, and a child that was stopped does not
        # read; the deadline must hold all the same.
        message = request, to_s16(samples)
        sender = threading.Thread(target=_send, args=(self._pipe, message), name="ask", daemon=True)
        try:
            sender.start()
            self._sender = sender
        except RuntimeError:  # no more threads: then without a deadline
            _send(self._pipe, message)

    def wait(self, timeout_ns: int) -> Answer | None:
        """The child's answer, its death, or ``None``."""
        if self._unborn:
            self._clock.wait(threading.Event(), timeout_ns)  # the next attempt is not at once
            return Died(self._unborn)
        assert self._pipe is not None
        asked, left_ns = self._asked, timeout_ns
        if asked is not None:
            left_ns = min(left_ns, self._hang_ns - asked.waited_ns())
            asked.look(left_ns)
        ready = wait([self._pipe, self._process.sentinel], max(0, left_ns) / 1e9)
        if asked is not None:
            asked.looked()
        if self._pipe in ready:
            return self._received(self._pipe)
        if ready:
            return self._buried()
        if asked is not None and asked.waited_ns() >= self._hang_ns:
            self._process.kill()
            self._buried()
            return Died(f"no answer within {self._hang_ns / 1e9:.0f} s")
        return None

    def _received(self, pipe: Connection) -> Answer:
        try:
            answer: Answer = pipe.recv()
        except (EOFError, OSError):  # gone, perhaps in the middle of an answer
            return self._buried()
        asked, self._asked = self._asked, None
        if isinstance(answer, Result) and asked is not None:
            # a child that was stopped with us counted the pause as work
            return replace(answer, cost_ns=min(answer.cost_ns, asked.waited_ns()))
        return answer

    def close(self, deadline_ns: int) -> None:
        """Hang up, wait, then kill."""
        if self._process is None:
            return
        if self._sender is not None and self._sender.is_alive():
            self._process.kill()  # it does not even read
        self._hang_up()
        self._process.join(max(0, deadline_ns) / 1e9)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(KILL_WAIT_SECONDS)
        self._process = None

    def _hang_up(self) -> None:
        if self._sender is not None:  # it must not find another file under the pipe's number
            self._sender.join(KILL_WAIT_SECONDS)
            self._sender = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _buried(self) -> Died:
        self._process.join(KILL_WAIT_SECONDS)
        code = self._process.exitcode
        self._hang_up()
        if code is not None and code < 0:
            try:
                return Died(f"ended by {signal.Signals(-code).name}")
            except ValueError:
                return Died(f"ended by signal {-code}")
        return Died(f"ended with exit status {code}")


def _send(pipe: Connection, message: object) -> None:
    with suppress(OSError, ValueError):
        pipe.send(message)


@contextmanager
def _deaf_to_ctrl_z() -> Iterator[None]:
    """Children started here are not stopped from the keyboard: the parent decides for them.

    A child that went on being stopped when the parent is continued alone would look like one that
    hangs, and the parent would wait for it for ever when it ends. What a child was told to ignore
    it keeps ignoring, and it does nothing while it is not asked.
    """
    number = getattr(signal, "SIGTSTP", None)
    if number is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before if before is not None else signal.SIG_DFL)


def _parents_signals() -> list[signal.Signals]:
    """Those that reach the whole group, from the keyboard or a closed terminal."""
    names = ("SIGINT", "SIGHUP")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _ensure_tracker() -> None:
    """Start multiprocessing's own helper, which undoes a mask of signals when it starts."""
    if sys.platform != "win32":
        from multiprocessing import resource_tracker  # noqa: PLC0415 - Unix only

        resource_tracker.ensure_running()


@contextmanager
def _sheltered() -> Iterator[None]:
    """A child started here hears of these signals only when it has said what to do with them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _parents_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, load: Callable[[Any], Recognizes], spec: object) -> None:
    """The child: loads, answers, and ends when the parent hangs up or dies."""
    for number in _parents_signals():
        signal.signal(number, signal.SIG_IGN)  # the parent decides
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _parents_signals())

    def receive() -> tuple[WindowRequest, Samples] | None:
        try:
            request, integers = pipe.recv()
        except (EOFError, OSError):
            return None
        return request, from_s16(integers)

    def send(answer: Answer) -> None:
        try:
            pipe.send(answer)
        except OSError:
            raise SystemExit(0) from None

    answer_loop(lambda: load(spec), receive, send, MonotonicClock())
