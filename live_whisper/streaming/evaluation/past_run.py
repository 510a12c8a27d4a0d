"""What a run that really happened was like, from its journal or its event log.

Nobody wrote down what was said, so delays count from where the program itself heard each word end.
A journal holds no guesses and no load: what needs them is ``None`` and named in ``missing``.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from live_whisper.streaming.evaluation.history import History, read_history
from live_whisper.streaming.evaluation.judge import Said, erased, judge, quantiles
from live_whisper.streaming.evaluation.report import Cost, Quantiles, Text, Timing
from live_whisper.streaming.evaluation.units import ReferenceWord
from live_whisper.streaming.rebuild import cues_of
from live_whisper.types.events import (
    AudioLost,
    Committed,
    Event,
    ModelReady,
    Progress,
    SegmentClosed,
    SessionEnded,
    SessionStarted,
    Tentative,
    TextSuppressed,
    WindowDone,
)
from live_whisper.units import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class AgainstTruth:
    """What only those can tell who know what was said."""

    text: Text
    timing: Timing
    commit: Quantiles
    """From the true end of a word, over correctly recognised words."""
    matched_percent: float
    """Share of the words said that ``commit`` is of."""


@dataclass(frozen=True, slots=True)
class InputReport:
    """One input of a run."""

    label: str
    words: int
    cues: int
    decodes: int
    """That committed something or finished a phrase."""
    commit: Quantiles
    """From a word's end until it was final."""
    commit_unaware: Quantiles
    """Until the end of the audio that it was decoded from: waiting only, without computing."""
    decode: Quantiles
    """From the end of a window's audio until its text was there."""
    first_seen: Quantiles | None
    """From a word's end until it stood on the screen as a guess."""
    normalized_erasure: float | None
    """Words of guesses withdrawn ÷ words committed."""
    words_withdrawn: int | None
    committed_erasure: int
    """Committed words that the subtitles lack."""
    truth: AgainstTruth | None = None


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as far as its events tell."""

    recording: str
    model: str
    language: str
    engine: str
    audio_seconds: float
    speech_seconds: float | None
    """Decoded; ``None`` for a run without an end."""
    undecoded_seconds: float | None
    samples_lost: int
    inputs: tuple[InputReport, ...]
    real_time_factor: float | None
    """Engine time ÷ audio time."""
    backlog_seconds: float | None
    """Age of the oldest speech not yet written, at its largest."""
    load_seconds: float | None
    """Until the recognizer was ready."""
    restarts: int
    """Times that the recognizer was started again."""
    suppressed_words: dict[str, int]
    """Kept out by the guards, by reason."""
    ended: str | None
    """Why; ``None`` where the run was cut off or still goes on."""
    missing: tuple[str, ...]
    """What these events cannot tell, and why."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return dataclasses.asdict(self)


GUESSES = (
    "first-seen latency and erasure: a journal holds no guesses (next time: --set"
    " output.event_log=FILE)"
)
BACKLOG = "backlog: a journal holds no load (next time: --set output.event_log=FILE)"
FACTOR = "real-time factor: the run did not come to its end"
MEMORY = "memory: not recorded (benchmarks/soak.py measures it)"


@dataclass(slots=True)
class _Reader:
    kept: list[Event] = field(default_factory=list)
    """What words, guesses and cues come from."""
    waits: dict[str, list[int]] = field(default_factory=dict)
    """Samples from the end of a window's audio until it took effect, by input."""
    started: SessionStarted | None = None
    ended: SessionEnded | None = None
    loads: list[ModelReady] = field(default_factory=list)
    lost: int = 0
    suppressed: Counter[str] = field(default_factory=Counter)
    logged: bool = False
    """Whether this is a log, with what a journal leaves out."""
    lag_seconds: float | None = None
    at: int = 0

    def handle(self, event: Event) -> None:
        self.at = max(self.at, event.at)
        match event:
            case Committed() | SegmentClosed() | Tentative():
                self.kept.append(event)
                self.logged = self.logged or isinstance(event, Tentative)
            case WindowDone():
                self.waits.setdefault(event.source, []).append(event.at - event.span.end)
            case Progress():
                self.logged = True
                self.lag_seconds = max(self.lag_seconds or 0.0, event.lag_seconds)
            case SessionStarted() if self.started is None:
                self.started = event
            case SessionEnded():
                self.ended = event
                self.kept.append(event)
            case ModelReady():
                self.loads.append(event)
            case AudioLost():
                self.lost += event.span.length
            case TextSuppressed():
                self.suppressed[event.suppressed.reason] += len(event.suppressed.words)
            case _:
                pass


def read_past_run(events: Iterable[Event], spoken: Sequence[ReferenceWord] = ()) -> PastRun:
    """Read a journal's or a log's events once; memory grows with the words, not with the audio.

    ``spoken``: what was said on every input, if anybody knows.
    """
    reader = _Reader()
    for event in events:
        reader.handle(event)
    started, ended, loads = reader.started, reader.ended, reader.loads
    summary = ended.summary if ended else None
    samples = summary.captured_samples if summary else reader.at
    said = Said(tuple(spoken), samples) if spoken else None
    factor = summary.compute_ratio if summary else None
    missing = [] if reader.logged else [GUESSES]
    missing += [] if reader.lag_seconds is not None else [BACKLOG]
    missing += [] if factor is not None else [FACTOR]
    return PastRun(
        recording=started.recording if started else "",
        model=started.model if started else "",
        language=summary.language if summary else started.language if started else "",
        engine=loads[-1].description if loads else "",
        audio_seconds=samples / SAMPLE_RATE,
        speech_seconds=summary.decoded_samples / SAMPLE_RATE if summary else None,
        undecoded_seconds=summary.undecoded_samples / SAMPLE_RATE if summary else None,
        samples_lost=summary.lost_samples if summary else reader.lost,
        inputs=tuple(_input(reader, label, said) for label in _labels(reader)),
        real_time_factor=factor,
        backlog_seconds=reader.lag_seconds,
        load_seconds=loads[0].load_seconds if loads else None,
        restarts=max(0, len(loads) - 1),
        suppressed_words=dict(reader.suppressed),
        ended=ended.reason if ended else None,
        missing=(*missing, MEMORY),
    )


def _labels(reader: _Reader) -> list[str]:
    """Of all inputs of which anything was heard, in order of their first event."""
    told = (Committed, SegmentClosed, Tentative)
    named = [event.source for event in reader.kept if isinstance(event, told)]
    return list(dict.fromkeys([*named, *reader.waits])) or [""]


def _input(reader: _Reader, label: str, said: Said | None) -> InputReport:
    history: History = read_history(reader.kept, source=label)
    cues = [cue for cue in cues_of(reader.kept) if cue.source == label]
    seen = [
        first.at - unit.end for first, unit in zip(history.first_seen, history.units, strict=True)
    ]
    waits = reader.waits.get(label, [])
    guesses = reader.logged
    return InputReport(
        label=label,
        words=len(history.words),
        cues=len(cues),
        decodes=len(waits),
        commit=quantiles([unit.at - unit.end for unit in history.units]),
        commit_unaware=quantiles([unit.heard - unit.end for unit in history.units]),
        decode=quantiles(waits),
        first_seen=quantiles(seen) if guesses else None,
        normalized_erasure=history.withdrawn / max(1, len(history.words)) if guesses else None,
        words_withdrawn=history.withdrawn if guesses else None,
        committed_erasure=erased(history.words, cues),
        truth=_against(said, reader.kept, label) if said else None,
    )


def _against(said: Said, events: Sequence[Event], label: str) -> AgainstTruth:
    report = judge(said, events, Cost(said.samples / SAMPLE_RATE), source=label)
    delay = report.delay
    return AgainstTruth(report.text, report.timing, delay.commit, delay.matched_percent)
