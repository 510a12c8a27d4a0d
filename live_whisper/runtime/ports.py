"""The recognizer as the session sees it: something to ask, that answers or dies.

``ThreadPort`` runs it beside the session, ``ProcessPort`` (in ``worker``) in a process of its own.
Both answer the same way, so the session does not know which it has.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from live_whisper.clock import Clock, MonotonicClock
from live_whisper.errors import LiveWhisperError
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples
from live_whisper.types.text import Hypothesis


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded and has run once."""

    description: str
    load_seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to the request asked last."""

    hypothesis: Hypothesis
    cost_ns: int
    """How long the recognizer worked on it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The model cannot be loaded: the user's problem, trying again is of no use."""

    error: LiveWhisperError


@dataclass(frozen=True, slots=True)
class Died:
    """The recognizer is gone, and with it the request it had."""

    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """A line for the user while the model is on its way."""

    message: str


Answer: TypeAlias = Ready | Result | Refused | Died | Told


class RecognizerPort(Protocol):
    """Asked and read by one thread; at most one request at a time."""

    def start(self) -> None:
        """Begin to load the model, and return at once. Again after ``Died``."""
        ...

    def ask(self, request: WindowRequest, samples: Samples) -> None:
        """Hand over a window. ``samples``: the audio of ``request.window.span``."""
        ...

    def wait(self, timeout_ns: int) -> Answer | None:
        """The next answer, or ``None`` when there is none within the time."""
        ...

    def close(self, deadline_ns: int) -> None:
        """End it, by force where it does not end by itself in time."""
        ...


class Recognizes(Protocol):
    """``streaming.recognizer.Recognizer`` or a scripted one."""

    @property
    def description(self) -> str:
        """Engine, precision and context in words."""
        ...

    def recognize(self, request: WindowRequest, samples: Samples) -> Hypothesis:
        """Decode one window."""
        ...


@runtime_checkable
class Warns(Protocol):
    """A recognizer that has something to tell the user once it is loaded."""

    @property
    def notices(self) -> tuple[str, ...]:
        """One line each."""
        ...


class ThreadPort:
    """The recognizer in a thread of this process: nothing to start up, nothing to survive."""

    def __init__(self, load: Callable[[], Recognizes], clock: Clock | None = None) -> None:
        self._load = load
        self._clock = clock or MonotonicClock()
        self._requests: queue.SimpleQueue[tuple[WindowRequest, Samples] | None] = (
            queue.SimpleQueue()
        )
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; after a death, a new one."""
        self._requests = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recognizer", daemon=True)
        self._thread.start()

    def ask(self, request: WindowRequest, samples: Samples) -> None:
        """Queue the request for the thread."""
        self._requests.put((request, samples))

    def wait(self, timeout_ns: int) -> Answer | None:
        """Block on the answers."""
        try:
            return self._answers.get(timeout=max(0, timeout_ns) / 1e9)
        except queue.Empty:
            return None

    def close(self, deadline_ns: int) -> None:
        """Ask the thread to end; a daemon that hangs is left to the end of the process."""
        self._requests.put(None)
        if self._thread is not None:
            self._thread.join(max(0, deadline_ns) / 1e9)

    def _run(self) -> None:
        answer_loop(self._load, self._requests.get, self._answers.put, self._clock)


class FetchingPort:
    """A recognizer whose model must be fetched first; capture goes on meanwhile.

    ``fetch`` runs in a thread of its own and may tell the user how far it is.
    """

    def __init__(
        self, fetch: Callable[[Callable[[str], None]], None], make: Callable[[], RecognizerPort]
    ) -> None:
        self._fetch = fetch
        self._make = make
        self._port: RecognizerPort | None = None
        self._answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()

    def start(self) -> None:
        """Fetch, or after a death start the recognizer again."""
        if self._port is not None:
            self._port.start()
        else:
            threading.Thread(target=self._run, name="fetch", daemon=True).start()

    def ask(self, request: WindowRequest, samples: Samples) -> None:
        """Pass on."""
        assert self._port is not None
        self._port.ask(request, samples)

    def wait(self, timeout_ns: int) -> Answer | None:
        """What the fetching tells; once it is done, the recognizer's answers."""
        if self._port is not None:
            return self._port.wait(timeout_ns)
        try:
            answer = self._answers.get(timeout=max(0, timeout_ns) / 1e9)
        except queue.Empty:
            return None
        if answer is None:
            try:
                self._port = self._make()
            except LiveWhisperError as error:
                return Refused(error)
            self._port.start()
        return answer

    def close(self, deadline_ns: int) -> None:
        """End the recognizer; a fetch that still runs is resumable and ends with the process."""
        if self._port is not None:
            self._port.close(deadline_ns)

    def _run(self) -> None:
        try:
            self._fetch(lambda message: self._answers.put(Told(message)))
        except LiveWhisperError as error:
            self._answers.put(Refused(error))
        except Exception as error:  # noqa: BLE001 - the session must hear of it
            self._answers.put(Died(f"{type(error).__name__}: {error}"))
        else:
            self._answers.put(None)


def answer_loop(
    load: Callable[[], Recognizes],
    receive: Callable[[], tuple[WindowRequest, Samples] | None],
    send: Callable[[Answer], None],
    clock: Clock,
) -> None:
    """Load, say so, then answer requests until ``receive`` gives ``None``.

    The same loop serves a thread and a process. A user's error while loading is ``Refused``; any
    other exception, and any while decoding, is a death, with its kind and text as the reason.
    """
    began = clock.now_ns()
    ready = False
    try:
        recognizer = load()
        ready = True
        for line in recognizer.notices if isinstance(recognizer, Warns) else ():
            send(Told(line))
        send(Ready(recognizer.description, (clock.now_ns() - began) / 1e9))
        while (job := receive()) is not None:
            asked = clock.now_ns()
            hypothesis = recognizer.recognize(*job)
            send(Result(hypothesis, clock.now_ns() - asked))
    except LiveWhisperError as error:
        send(Died(str(error)) if ready else Refused(error))
    except Exception as error:  # noqa: BLE001 - whatever it was, the session must hear of it
        send(Died(f"{type(error).__name__}: {error}"))
