"""``live-whisper bench``: what this machine makes of the bundled clip, and of larger models.

The clip goes through the whole live path on the virtual clock (``rehearsal``): latency includes
the measured computing, nobody waits for real time to pass, and every word's true time is known.
"""

import statistics
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from live_whisper.audio.files import open_media
from live_whisper.clock import MonotonicClock, ProcessorClock
from live_whisper.config.schema import Config
from live_whisper.decoding.file_mel import FileMel
from live_whisper.decoding.longform import LongForm, LongFormSettings
from live_whisper.decoding.prompt import carries_text
from live_whisper.decoding.window import NO_GUARDS, WindowDecoder
from live_whisper.engines.base import Engine
from live_whisper.errors import InputError, one_line
from live_whisper.runtime.captioner import summary_of
from live_whisper.runtime.engine_speed import SIZES, EngineSpeed, measure_size, measure_speed
from live_whisper.runtime.estimates import Estimate, is_live, next_size, verdict
from live_whisper.runtime.load import fits_context, load_engine
from live_whisper.runtime.rehearsal import Conditions, Recorded, Rehearsed, rehearse
from live_whisper.streaming.evaluation.judge import Said, judge, offline_rates
from live_whisper.streaming.evaluation.report import Cost, Report
from live_whisper.streaming.evaluation.units import ReferenceWord, load_reference
from live_whisper.streaming.recognizer import Recognizer, RecognizerSettings
from live_whisper.types.audio import Samples, Span
from live_whisper.types.events import Event, SessionEnded, SessionStarted
from live_whisper.types.text import Word
from live_whisper.units import NS_PER_SECOND, SAMPLE_RATE, samples_to_seconds
from live_whisper.whisper.checkpoint import Checkpoint, load_checkpoint
from live_whisper.whisper.mel import LogMel

ESTIMATE_SECONDS = 30
"""Of the clip, for what a larger model would make of it."""
SILENCE = SAMPLE_RATE
"""Added after a clip, so that its last words are not hurried by the end of the input."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Clip:
    """Audio and what is said in it, in stretches of one language each."""

    samples: Samples
    words: tuple[ReferenceWord, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes in order of their first word."""
        return tuple(dict.fromkeys(word.language for word in self.words))

    def part(self, language: str) -> "Clip":
        """The stretch of one language, a second of silence after it."""
        words = [word for word in self.words if word.language == language]
        others = [word for word in self.words if word.language != language]
        first, last = words[0].start, words[-1].end
        start = max((word.end for word in others if word.end <= first), default=0)
        end = min((word.start for word in others if word.start >= last), default=len(self.samples))
        return self.cut(Span(start, end), words)

    def cut(self, span: Span, words: Sequence[ReferenceWord]) -> "Clip":
        """A span as a clip of its own."""
        moved = tuple(
            ReferenceWord(word.text, word.start - span.start, word.end - span.start, word.language)
            for word in words
        )
        silence = np.zeros(SILENCE, np.float32)
        return Clip(np.concatenate((self.samples[span.start : span.end], silence)), moved)

    def first(self, seconds: float) -> "Clip":
        """The words that end within the first seconds."""
        words = [word for word in self.words if word.end <= seconds * SAMPLE_RATE]
        return self.cut(Span(0, words[-1].end), words) if words else self

    @property
    def recorded(self) -> Recorded:
        """For a rehearsal."""
        return Recorded(self._read, len(self.samples))

    @property
    def said(self) -> Said:
        """For the judgement."""
        return Said(self.words, len(self.samples))

    def _read(self, span: Span) -> Samples:
        return self.samples[span.start : span.end]


def load_clip(audio: Path, words: Path | None = None) -> Clip:
    """A media file and its word times (by default the JSON file beside it).

    Raises ``InputError``.
    """
    with open_media(str(audio)) as media:
        blocks = list(media.blocks())
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    table = words or audio.with_suffix(".json")
    said = load_reference(table)
    if not said or max(word.end for word in said) > len(samples):
        raise InputError(
            f"{one_line(table.name)!r} has no words, or words after the end of the sound.",
            hint="It must say when each word of the media file is spoken.",
        )
    return Clip(samples, said)


@dataclass(frozen=True, slots=True)
class LiveResult:
    """One language of the clip through the live path."""

    language: str
    report: Report
    run: Rehearsed


@dataclass(frozen=True, slots=True)
class BenchResult:
    """All that ``live-whisper bench`` found."""

    engine: str
    speed: EngineSpeed
    live: tuple[LiveResult, ...]
    estimates: tuple[Estimate, ...]
    seconds: float
    """How long the bench took."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One checkpoint on this machine. One thread."""

    checkpoint: Checkpoint
    engine: Engine
    config: Config
    fit: bool
    load_seconds: float

    @classmethod
    def load(cls, folder: Path, config: Config, *, short_context: bool) -> "Bench":
        """Load a checkpoint; ``short_context`` as in ``load_checkpoint``, and raises the same."""
        clock = MonotonicClock()
        begun = clock.now_ns()
        checkpoint = load_checkpoint(folder, short_context=short_context)
        engine = load_engine(checkpoint, config.engine)
        fit = fits_context(config.engine, checkpoint)
        return cls(checkpoint, engine, config, fit, (clock.now_ns() - begun) / NS_PER_SECOND)

    def run(self, clip: Clip, sizes: Sequence[str] | None, tell: Tell) -> BenchResult:
        """Measure everything. ``tell``: what is being done, for people who wait.

        ``sizes``: to estimate; ``None``: base, and then what is worth knowing.
        """
        clock = MonotonicClock()
        begun = clock.now_ns()
        tell("timing the engine")
        speed = measure_speed(self.engine, self.checkpoint)
        live = []
        for language in clip.languages:
            tell(f"captioning the clip live ({language})")
            live.append(self.live(clip.part(language), language))
        estimates: list[Estimate] = []
        shorter = clip.part(clip.languages[0]).first(ESTIMATE_SECONDS)
        wanted = deque(("base",) if sizes is None else sizes)
        while wanted:
            name = wanted.popleft()
            tell(f"building and timing an engine of the size of {name}")
            estimates += self.estimates(name, shorter)
            if sizes is None and name == "base":
                wanted.append(next_size(estimates))
        seconds = (clock.now_ns() - begun) / NS_PER_SECOND
        return BenchResult(self.engine.description, speed, tuple(live), tuple(estimates), seconds)

    def live(self, clip: Clip, language: str) -> LiveResult:
        """The live path and the offline transcript of one language."""
        used = ProcessorClock()
        begun = used.now_ns()
        run = self._rehearse(clip, language, self.config, Conditions())
        cost = Cost(
            audio_seconds=samples_to_seconds(len(clip.samples)),
            engine_seconds=run.engine_ns / NS_PER_SECOND,
            cpu_seconds=(used.now_ns() - begun) / NS_PER_SECOND,
            peak_memory_bytes=peak_memory(),
            samples_lost=run.outcome.accounts.lost,
            cold_start_seconds=self.load_seconds,
        )
        offline = offline_rates(clip.said, self._offline(clip, language))
        report = judge(clip.said, run.events, cost, offline=offline)
        return LiveResult(language, report, run)

    def estimates(self, name: str, clip: Clip) -> list[Estimate]:
        """Full and fitted context of one published size."""
        size = SIZES[name]
        speed = measure_size(
            size, self.checkpoint, threads=self.config.engine.threads or None, rounds=2
        )
        return [self._estimate(name, speed, clip, fit=fit) for fit in (False, True)]

    def _estimate(self, name: str, speed: EngineSpeed, clip: Clip, *, fit: bool) -> Estimate:
        conditions = Conditions(cost=speed.cost(fit=fit))
        length = samples_to_seconds(len(clip.samples))
        for policy in dict.fromkeys((self.config.streaming.policy, "phrase")):
            streaming = self.config.streaming.model_copy(update={"policy": policy})
            config = self.config.model_copy(update={"streaming": streaming})
            run = self._rehearse(clip, clip.languages[0], config, conditions)
            report = judge(clip.said, run.events, Cost(length, run.engine_ns / NS_PER_SECOND))
            if is_live(report):
                break
        step = run.step_ns
        return Estimate(
            size=name,
            context="fit" if fit else "full",
            speed=speed,
            decode_seconds=statistics.median(run.costs_ns or (0,)) / NS_PER_SECOND,
            step_seconds=None if step is None else step / NS_PER_SECOND,
            compute_ratio=report.cost.real_time_factor,
            commit_p50=report.delay.commit.p50,
            commit_p95=report.delay.commit.p95,
            policy=policy,
            verdict=verdict(report, policy),
        )

    def _rehearse(
        self, clip: Clip, language: str, config: Config, conditions: Conditions
    ) -> Rehearsed:
        recognition = config.recognition.model_copy(update={"language": language})
        config = config.model_copy(update={"recognition": recognition})
        settings = RecognizerSettings(recognition, config.streaming, config.decoding, self.fit)
        recognizer = Recognizer(self.engine, self.checkpoint, settings)
        recognizer.warm_up(clip.samples[:SAMPLE_RATE])
        return rehearse(clip.recorded, recognizer, config, conditions)

    def _offline(self, clip: Clip, language: str) -> list[Word]:
        decoder = WindowDecoder(
            self.engine, self.checkpoint.tokenizer, self.checkpoint.generation, guards=NO_GUARDS
        )
        settings = LongFormSettings(
            language=language,
            context="fit" if self.fit else "full",
            condition_on_previous_text=carries_text(
                self.config.streaming.carry_prompt, short_context=self.fit
            ),
        )
        with FileMel(LogMel(self.checkpoint.dims.n_mels)) as mel:
            mel.push(clip.samples)
            mel.finish()
            return [word for part in LongForm(decoder, mel, settings).run() for word in part.words]


def timed_events(live: LiveResult, config: Config) -> Iterator[tuple[int, Event]]:
    """Virtual time and event of a run, with the beginning and the end that a live one has."""
    source = f"the clip, {live.language}"
    recognition = config.recognition
    model = recognition.model or "demo"
    yield 0, SessionStarted(0, "", source, model, live.language, recognition.task, 0)
    yield from zip(live.run.published_ns, live.run.events, strict=True)
    outcome = live.run.outcome
    summary = summary_of(outcome, config, live.report.timing.cue_count, ())
    last = live.run.published_ns[-1] if live.run.published_ns else 0
    yield last, SessionEnded(outcome.accounts.captured, summary, outcome.reason)


def peak_memory() -> int:
    """Largest resident size of this process so far, bytes; 0 where the system does not say."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
