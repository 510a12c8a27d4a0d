"""A live run on the virtual clock, with real audio, a real recognizer and its measured cost.

Each decode takes effect as much later as it really took, so latency is that of a live run on this
machine while an hour of silence costs nothing. Left out is what lies outside session and
recognizer: the device's own delay, and the pipe between the processes (about a millisecond).
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from live_whisper.audio.ring import AudioRing
from live_whisper.clock import Clock, MonotonicClock
from live_whisper.config.schema import Config
from live_whisper.runtime.captioner import make_gate
from live_whisper.runtime.lane import Lane
from live_whisper.runtime.ports import Recognizes
from live_whisper.runtime.session import Outcome
from live_whisper.runtime.simulate import (
    SimulatedClock,
    SimulatedMicrophone,
    SimulatedPort,
    Sound,
    simulate,
)
from live_whisper.streaming.stream import CaptionStream
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples, Span
from live_whisper.types.events import Event
from live_whisper.types.text import Hypothesis
from live_whisper.units import NS_PER_SECOND, seconds_to_samples

LONGEST_STEP_NS = 5 * NS_PER_SECOND
"""What is longer has a pause of the speaker in it."""

CostModel = Callable[[WindowRequest, Hypothesis, int], int]
"""Request, answer and measured nanoseconds to the nanoseconds a decode is said to have taken."""


def measured(request: WindowRequest, hypothesis: Hypothesis, cost_ns: int) -> int:
    """What the decode really took."""
    del request, hypothesis
    return cost_ns


@dataclass(frozen=True, slots=True)
class Conditions:
    """How time is counted."""

    meter: Clock = field(default_factory=MonotonicClock)
    """Measures what a decode costs."""
    cost: CostModel = measured
    """What is charged for it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Audio of any length."""

    sound: Sound
    samples: int
    """Length."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A run and what it took."""

    events: tuple[Event, ...]
    published_ns: tuple[int, ...]
    """Virtual time of each event."""
    outcome: Outcome
    engine_ns: int
    """Charged for all decodes."""
    costs_ns: tuple[int, ...]
    """Charged for each decode."""
    growing_ns: tuple[int, ...] = ()
    """Virtual time at which each decode of speech that went on was begun."""

    @property
    def step_ns(self) -> int | None:
        """Median time between decodes of speech that went on; ``None`` where there were none."""
        steps = [b - a for a, b in pairwise(self.growing_ns) if b - a < LONGEST_STEP_NS]
        return round(statistics.median(steps)) if steps else None


@dataclass(slots=True)
class _Metered:
    """The recognizer, and what its last answer took."""

    recognizer: Recognizes
    meter: Clock
    last_ns: int = 0
    costs_ns: list[int] = field(default_factory=list)

    @property
    def description(self) -> str:
        return self.recognizer.description

    def recognize(self, request: WindowRequest, samples: Samples) -> Hypothesis:
        begun = self.meter.now_ns()
        hypothesis = self.recognizer.recognize(request, samples)
        self.last_ns = self.meter.now_ns() - begun
        return hypothesis


class _Kept:
    """The lane's spool: the recording has it all."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound

    def append(self, samples: Samples) -> str | None:
        del samples
        return None

    def read(self, span: Span) -> Samples:
        return self._sound(span)

    def missing(self, span: Span) -> tuple[Span, ...]:
        del span
        return ()

    def close(self) -> None:
        """Nothing is held."""


def rehearse(
    recorded: Recorded,
    recognizer: Recognizes,
    config: Config,
    conditions: Conditions | None = None,
) -> Rehearsed:
    """Play a recording through session and recognizer to its end. One thread.

    Raises what the session raises.
    """
    conditions = conditions or Conditions()
    clock = SimulatedClock()
    metered = _Metered(recognizer, conditions.meter)

    growing: list[int] = []

    def cost_ns(request: WindowRequest, hypothesis: Hypothesis) -> int:
        if not request.window.final:
            growing.append(clock.now_ns())
        charged = conditions.cost(request, hypothesis, metered.last_ns)
        metered.costs_ns.append(charged)
        return charged

    port = SimulatedPort(clock, metered, cost_ns)
    language = config.recognition.language
    lane = Lane(
        source=SimulatedMicrophone(clock, recorded.sound, length=recorded.samples),
        spool=_Kept(recorded.sound),
        ring=AudioRing(seconds_to_samples(config.audio.ring_seconds)),
        segments=make_gate(config.vad, config.streaming.window_seconds),
        stream=CaptionStream(
            config.streaming,
            language=None if language == "auto" else language,
            recognition=config.recognition,
        ),
    )
    run = simulate([lane], port, clock)
    return Rehearsed(
        events=tuple(event for _, event in run.events),
        published_ns=tuple(moment for moment, _ in run.events),
        outcome=run.outcome,
        engine_ns=port.busy_ns,
        costs_ns=tuple(metered.costs_ns),
        growing_ns=tuple(growing),
    )
