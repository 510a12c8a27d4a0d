"""A live run on a virtual clock, with real audio, a real recognizer and its measured cost.

Sound arrives in blocks at the pace of real time, each decode takes effect as much later as it
really took, and what arrived meanwhile has arrived. So latency is that of a live run on this
machine, while an hour of silence costs nothing; and under a steady cost the run is repeatable.
Left out is what lies outside lane and recognizer: the device's own delay and the pipe between the
processes (about a millisecond a window).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from live_whisper.audio.ring import AudioRing
from live_whisper.audio.source import SourceChunk
from live_whisper.clock import Clock, MonotonicClock
from live_whisper.config.schema import Config
from live_whisper.runtime.captioner import make_gate
from live_whisper.runtime.lane import Accounts, Lane
from live_whisper.runtime.ports import Recognizes
from live_whisper.streaming.stream import CaptionStream
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples, Span
from live_whisper.types.events import Event
from live_whisper.types.text import Hypothesis
from live_whisper.units import ms_to_samples, samples_to_ns, seconds_to_samples

BLOCK_SAMPLES = ms_to_samples(20)
"""Sound arrives in blocks of a sound card's length."""

ClockedSink = Callable[[int, Event], None]
"""Takes the virtual time in nanoseconds and the event published then."""


class Recording(Protocol):
    """Audio of any length."""

    def __len__(self) -> int:
        """Samples."""
        ...

    def read(self, span: Span) -> Samples:
        """Shape (n,), float32, 16 kHz."""
        ...


@dataclass(frozen=True, slots=True)
class ArrayRecording:
    """Audio in memory."""

    samples: Samples

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, span: Span) -> Samples:
        """A view."""
        return self.samples[span.start : span.end]


@dataclass(slots=True)
class Rehearsed:
    """What the run took."""

    engine_ns: int = 0
    windows: int = 0
    costs_ns: list[int] = field(default_factory=list)
    """Of each window, in order."""
    final_costs_ns: list[int] = field(default_factory=list)
    accounts: Accounts | None = None
    stage_ns: dict[str, int] = field(default_factory=dict)
    """Engine time by stage."""


@dataclass(slots=True)
class _Job:
    request: WindowRequest
    hypothesis: Hypothesis
    cost_ns: int
    done_ns: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """How time is counted."""

    meter: Clock = field(default_factory=MonotonicClock)
    """Measures what a decode costs."""
    slowdown: float = 1.0
    """Multiplies it: 3.0 plays a machine a third as fast."""


class Rehearsal:
    """One run of ``recording`` through lane and ``recognizer``. Use once; one thread."""

    def __init__(
        self,
        recording: Recording,
        recognizer: Recognizes,
        config: Config,
        sink: ClockedSink,
        conditions: Conditions | None = None,
    ) -> None:
        language = config.recognition.language
        conditions = conditions or Conditions()
        self._recording = recording
        self._recognizer = recognizer
        self._sink = sink
        self._meter = conditions.meter
        self._slowdown = conditions.slowdown
        self._now_ns = 0
        self._job: _Job | None = None
        self._result = Rehearsed()
        self._lane = Lane(
            source=_NotRead(),
            spool=_Kept(recording),
            ring=AudioRing(seconds_to_samples(config.audio.ring_seconds)),
            segments=make_gate(config.vad),
            stream=CaptionStream(
                config.streaming, language=None if language == "auto" else language
            ),
        )

    def run(self) -> Rehearsed:
        """Play the recording to its end and decode all of it."""
        total = len(self._recording)
        for start in range(0, total, BLOCK_SAMPLES):
            end = min(total, start + BLOCK_SAMPLES)
            arrival_ns = samples_to_ns(end)
            while self._job is not None and self._job.done_ns <= arrival_ns:
                self._finish(self._job)
            self._now_ns = arrival_ns
            block = self._recording.read(Span(start, end))
            events, _ = self._lane.take(SourceChunk(start, block, ended=end == total))
            self._publish(events)
            self._begin()
        while self._job is not None:
            self._finish(self._job)
        self._result.accounts = self._lane.accounts()
        return self._result

    def _begin(self) -> None:
        if self._job is not None:
            return
        wanted = self._lane.next_request(self._now_ns)
        if wanted is None:
            return
        begun = self._meter.now_ns()
        hypothesis = self._recognizer.recognize(*wanted)
        cost = round((self._meter.now_ns() - begun) * self._slowdown)
        self._job = _Job(wanted[0], hypothesis, cost, self._now_ns + cost)
        self._count(hypothesis, cost, final=wanted[0].window.final)

    def _finish(self, job: _Job) -> None:
        self._now_ns, self._job = job.done_ns, None
        self._publish(self._lane.accept(job.request, job.hypothesis, job.cost_ns))
        self._begin()

    def _publish(self, events: Iterable[Event]) -> None:
        for event in events:
            self._sink(self._now_ns, event)

    def _count(self, hypothesis: Hypothesis, cost: int, *, final: bool) -> None:
        result = self._result
        result.engine_ns += cost
        result.windows += 1
        (result.final_costs_ns if final else result.costs_ns).append(cost)
        for stage, spent in hypothesis.costs_ns.items():
            result.stage_ns[stage] = result.stage_ns.get(stage, 0) + spent


class _NotRead:
    """The lane's source: blocks are handed to the lane directly."""

    name = "recording"
    live = True

    def open(self) -> None:
        """Nothing to open."""

    def stop(self) -> None:
        """Nothing to stop."""

    def close(self) -> None:
        """Nothing to close."""

    def read(self, timeout_ns: int) -> SourceChunk:
        """Never called."""
        raise NotImplementedError


class _Kept:
    """The lane's spool: it is all there already."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def append(self, samples: Samples) -> str | None:
        """Nothing to write."""
        del samples
        return None

    def read(self, span: Span) -> Samples:
        """From the recording."""
        return self._recording.read(span)

    def close(self) -> None:
        """Nothing to close."""
