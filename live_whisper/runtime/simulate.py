"""Runs on the virtual clock: the real session, lanes and streams, no threads, no waiting.

A simulation is exact and repeatable. Sound arrives when the clock says that it was spoken, a
decode takes as long as is declared, and what happens in between happens in order. ``simulate``
runs lanes to their end and gives every event with the moment at which it was published::

    clock = SimulatedClock()
    microphone = SimulatedMicrophone(clock, samples)
    port = SimulatedPort(clock, recognizer, cost_ns=lambda request, hypothesis: 400_000_000)
    result = simulate([make_lane(microphone)], port, clock)

``recognizer`` is a scripted one or a real ``streaming.recognizer.Recognizer``, whose measured
``hypothesis.costs_ns`` may be what ``cost_ns`` returns.
"""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from live_whisper.audio.source import SourceChunk
from live_whisper.clock import VirtualClock
from live_whisper.runtime.lane import Lane
from live_whisper.runtime.ports import Answer, Died, Ready, RecognizerPort, Recognizes, Result
from live_whisper.runtime.publisher import Handles, Publisher
from live_whisper.runtime.session import Outcome, Session
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples, Span
from live_whisper.types.events import Event, Notice
from live_whisper.types.text import Hypothesis
from live_whisper.units import NS_PER_SECOND, ms_to_samples, ns_to_samples, samples_to_ns

Sound = Callable[[Span], Samples]
"""The samples of a span, shape (span.length,), float32, on the 16-bit grid."""

Cost = Callable[[WindowRequest, Hypothesis], int]
"""Nanoseconds that a decode takes."""

CHUNK_SAMPLES = ms_to_samples(30)


class SimulatedClock(VirtualClock):
    """A virtual clock with appointments; they are kept, in order, as waiting lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self._appointments: list[tuple[int, int, Callable[[], object]]] = []
        self._number = itertools.count()

    def at(self, ns: int, action: Callable[[], object]) -> None:
        """Call ``action`` at a moment; one that has passed means as soon as time passes."""
        heapq.heappush(self._appointments, (ns, next(self._number), action))

    def wait(self, event: threading.Event, timeout_ns: int) -> bool:
        """Let time pass until ``event`` is set or the time-out is over."""
        until = self.now_ns() + max(0, timeout_ns)
        while timeout_ns > 0 and not event.is_set():
            if not self._appointments or self._appointments[0][0] > until:
                self.advance(until - self.now_ns())
                break
            moment, _, action = heapq.heappop(self._appointments)
            self.advance(max(0, moment - self.now_ns()))
            action()
        return event.is_set()


class SimulatedMicrophone:
    """A live input whose sound is known. ``stop`` ends it with what was spoken until then."""

    def __init__(
        self,
        clock: SimulatedClock,
        sound: Samples | Sound,
        *,
        length: int | None = None,
        gaps: Sequence[Span] = (),
        notices: Iterable[tuple[int, str]] = (),
    ) -> None:
        """``length``: samples of a ``sound`` that is a function.

        ``gaps``: where the device failed. ``notices``: what the device says, and at which sample.
        """
        self._clock = clock
        if isinstance(sound, np.ndarray):
            length, sound = len(sound), _from_array(sound)
        assert length is not None
        self._sound, self._length = sound, length
        self._gaps = tuple(gaps)
        self._notices = sorted(notices)
        self._position = 0
        self._opened_ns = 0
        self._end: int | None = None

    @property
    def name(self) -> str:
        """Says what it is."""
        return "simulated microphone"

    @property
    def live(self) -> bool:
        """Always."""
        return True

    def open(self) -> None:
        """Sample 0 is spoken now."""
        self._opened_ns = self._clock.now_ns()

    def read(self, timeout_ns: int) -> SourceChunk:
        """All that was spoken since the last time."""
        del timeout_ns
        end = self._length if self._end is None else self._end
        span = Span(self._position, max(self._position, min(end, self._spoken())))
        self._position = span.end
        told = [text for at, text in self._notices if span.start <= at < span.end]
        return SourceChunk(
            span.start,
            self._sound(span),
            gaps=_within(self._gaps, span),
            notices=tuple(told),
            ended=span.end >= end,
        )

    def stop(self) -> None:
        """Nothing that is spoken from now on is heard."""
        if self._end is None:
            self._end = min(self._length, self._spoken())

    def close(self) -> None:
        """Nothing is held."""

    def _spoken(self) -> int:
        return ns_to_samples(self._clock.now_ns() - self._opened_ns)


def _from_array(samples: Samples) -> Sound:
    return lambda span: samples[span.start : span.end]


def _within(gaps: Iterable[Span], span: Span) -> tuple[Span, ...]:
    parts = ((max(gap.start, span.start), min(gap.end, span.end)) for gap in gaps)
    return tuple(Span(start, end) for start, end in parts if start < end)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What becomes of one request."""

    kind: str
    """``"die"``: the worker dies with it; ``"hang"``: it is never answered."""
    after_ns: int = 0
    """When a worker that dies does so, counted from the request."""


class SimulatedPort:
    """A recognizer in a worker that takes its time, and dies or hangs when it is told to."""

    def __init__(
        self,
        clock: SimulatedClock,
        recognizer: Recognizes,
        cost_ns: Cost,
        *,
        load_ns: int = 0,
        hang_ns: int = 60 * NS_PER_SECOND,
        trouble: Callable[[int], Trouble | None] = lambda _: None,
    ) -> None:
        """``trouble`` is asked with the number of each request, from 0."""
        self._clock = clock
        self._recognizer = recognizer
        self._cost_ns = cost_ns
        self._load_ns = load_ns
        self._hang_ns = hang_ns
        self._trouble = trouble
        self._life = 0
        self._answer: Answer | None = None
        self._arrived = threading.Event()
        self.requests = 0
        """Requests so far."""
        self.starts = 0
        """How often a worker was started."""
        self.busy_ns = 0
        """Declared cost of all answers."""

    def start(self) -> None:
        """Load the model."""
        self.starts += 1
        self._life += 1
        self._promise(self._load_ns, Ready(self._recognizer.description, self._load_ns / 1e9))

    def ask(self, request: WindowRequest, samples: Samples) -> None:
        """Decode, in the declared time."""
        trouble = self._trouble(self.requests)
        self.requests += 1
        if trouble is None:
            hypothesis = self._recognizer.recognize(request, samples)
            cost_ns = self._cost_ns(request, hypothesis)
            self.busy_ns += cost_ns
            self._promise(cost_ns, Result(hypothesis, cost_ns))
        elif trouble.kind == "die":
            self._promise(trouble.after_ns, Died("ended by SIGKILL"))
        else:
            self._promise(self._hang_ns, Died(f"no answer within {self._hang_ns / 1e9:.0f} s"))

    def wait(self, timeout_ns: int) -> Answer | None:
        """The answer, if it comes in time."""
        if not self._clock.wait(self._arrived, timeout_ns):
            return None
        self._arrived.clear()
        answer, self._answer = self._answer, None
        return answer

    def close(self, deadline_ns: int) -> None:
        """Whatever it was doing is forgotten."""
        del deadline_ns
        self._life += 1
        self._arrived.clear()

    def _promise(self, after_ns: int, answer: Answer) -> None:
        life = self._life

        def arrive() -> None:
            if life == self._life:
                self._answer = answer
                self._arrived.set()

        self._clock.at(self._clock.now_ns() + after_ns, arrive)


class SimulatedSession(Session):
    """The session, with inputs that are read as time passes instead of by threads."""

    _clock: SimulatedClock
    chunk_samples = CHUNK_SAMPLES
    """How often live inputs are read."""

    def capture(self) -> None:
        """Open every input; live ones are read every ``chunk_samples`` from now on."""
        for lane in self._lanes:
            lane.source.open()
            if lane.source.live:
                self._listen_later(lane)

    def _listen_later(self, lane: Lane) -> None:
        def listen() -> None:
            if not lane.ended:
                self._take(lane, 0)
                self._listen_later(lane)
            else:
                self._wake.set()

        self._clock.at(self._clock.now_ns() + samples_to_ns(self.chunk_samples), listen)

    def _stop_inputs(self) -> None:
        for lane in self._lanes:
            lane.source.stop()
            lane.source.close()


class DirectPublisher(Publisher):
    """Delivers at once, in the thread that publishes."""

    def start(self) -> None:
        """Nothing to start."""

    def publish(self, events: Iterable[Event]) -> None:
        """Deliver in order."""
        for event in events:
            if self.failure is None:
                self._handle(event)

    def drain(self, timeout_seconds: float) -> bool:
        """Nothing waits."""
        del timeout_seconds
        return True

    def close(self, timeout_seconds: float) -> bool:
        """Close the sinks."""
        del timeout_seconds
        self.last_words = self._sink.close()
        return True


@dataclass(slots=True)
class Simulated:
    """A run that was simulated."""

    outcome: Outcome
    ended_ns: int
    """Virtual time at which everything was decoded."""
    events: list[tuple[int, Event]] = field(default_factory=list)
    """Every event and the virtual time at which it was published."""


class _Recorder:
    def __init__(self, clock: SimulatedClock, sink: Handles | None) -> None:
        self._clock, self._sink = clock, sink
        self.events: list[tuple[int, Event]] = []

    def handle(self, event: Event) -> None:
        self.events.append((self._clock.now_ns(), event))
        if self._sink is not None:
            self._sink.handle(event)

    def close(self) -> Sequence[Notice]:
        return self._sink.close() if self._sink is not None else ()


def simulate(
    lanes: Sequence[Lane],
    port: RecognizerPort,
    clock: SimulatedClock,
    *,
    sink: Handles | None = None,
    stops_ns: Sequence[int] = (),
    chunk_samples: int = CHUNK_SAMPLES,
) -> Simulated:
    """Run lanes to their end. ``stops_ns``: when the user presses Ctrl-C.

    ``chunk_samples``: how often microphones are read, which is how exact everything is.

    ``sink`` gets every event too, a ``FanOut`` of real sinks for example, and is closed at the
    end. Raises what the session raises.
    """
    recorder = _Recorder(clock, sink)
    publisher = DirectPublisher(recorder)
    session = SimulatedSession(lanes, port, publisher, clock)
    session.chunk_samples = chunk_samples
    for moment in stops_ns:
        clock.at(moment, session.stop)
    session.capture()
    try:
        outcome = session.run()
    finally:
        publisher.close(0)
    return Simulated(outcome, clock.now_ns(), recorder.events)
