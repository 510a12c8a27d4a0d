"""The recognizer in a process of its own.

Core ML holds the interpreter's lock while it predicts and may crash; here that costs a restart and
nothing else. Processes are spawned, on every platform, so that all behave alike. Audio crosses the
pipe as 16-bit integers, the grid it was captured on: half the bytes and not one bit different.
"""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

from live_whisper.audio.pcm import from_s16, to_s16
from live_whisper.clock import Clock, MonotonicClock
from live_whisper.runtime.ports import Answer, Died, Recognizes, answer_loop
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples

KILL_WAIT_SECONDS = 2.0


class ProcessPort:
    """Spawns ``load(spec)`` in a child and talks to it over a pipe. One thread.

    ``load`` is a module-level function and ``spec`` picklable. A request that takes longer than
    ``hang_ns`` counts as hung: the child is killed and ``Died`` is the answer.
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
        self._asked_ns: int | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Spawn a child that begins to load the model."""
        ours, theirs = self._context.Pipe()
        self._process = self._context.Process(
            target=_serve, args=(theirs, self._load, self._spec), name="recognizer", daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe = ours
        self._asked_ns = None

    def ask(self, request: WindowRequest, samples: Samples) -> None:
        """Send the request; a child that is already gone shows in the next ``wait``."""
        self._asked_ns = self._clock.now_ns()
        assert self._pipe is not None
        try:
            self._pipe.send((request, to_s16(samples)))
        except (BrokenPipeError, ConnectionError):
            return

    def wait(self, timeout_ns: int) -> Answer | None:
        """The child's answer, its death, or ``None``."""
        assert self._pipe is not None
        left_ns = timeout_ns
        if self._asked_ns is not None:
            left_ns = min(left_ns, self._asked_ns + self._hang_ns - self._clock.now_ns())
        ready = wait([self._pipe, self._process.sentinel], max(0, left_ns) / 1e9)
        if self._pipe in ready:
            try:
                answer: Answer = self._pipe.recv()
            except (EOFError, ConnectionError):
                return self._buried()
            self._asked_ns = None
            return answer
        if ready:
            return self._buried()
        if self._asked_ns is not None and self._clock.now_ns() - self._asked_ns >= self._hang_ns:
            self._process.kill()
            self._buried()
            return Died(f"no answer within {self._hang_ns / 1e9:.0f} s")
        return None

    def close(self, deadline_ns: int) -> None:
        """Hang up, wait, then kill."""
        if self._process is None:
            return
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        self._process.join(max(0, deadline_ns) / 1e9)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(KILL_WAIT_SECONDS)
        self._process = None

    def _buried(self) -> Died:
        self._process.join(KILL_WAIT_SECONDS)
        code = self._process.exitcode
        if self._pipe is not None:
            self._pipe.close()
        if code is not None and code < 0:
            try:
                return Died(f"ended by {signal.Signals(-code).name}")
            except ValueError:
                return Died(f"ended by signal {-code}")
        return Died(f"ended with exit status {code}")


def _serve(pipe: Connection, load: Callable[[Any], Recognizes], spec: object) -> None:
    """The child: loads, answers, and ends when the parent hangs up or dies."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent decides

    def receive() -> tuple[WindowRequest, Samples] | None:
        try:
            request, integers = pipe.recv()
        except (EOFError, ConnectionError):
            return None
        return request, from_s16(integers)

    def send(answer: Answer) -> None:
        try:
            pipe.send(answer)
        except (BrokenPipeError, ConnectionError):
            raise SystemExit(0) from None

    answer_loop(lambda: load(spec), receive, send, MonotonicClock())
