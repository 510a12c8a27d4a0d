"""The report: every figure of ``docs/benchmarks.md``, defined where it is computed."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from live_whisper.types.audio import Span


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of a delay, in seconds; ``None`` without any word."""

    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    largest: float | None = None


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Edits ÷ length of the reference."""

    errors: int
    length: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def percent(self) -> float:
        """0 for an empty reference without insertions."""
        return 100.0 * self.errors / max(1, self.length)


@dataclass(frozen=True, slots=True)
class Text:
    """How right the text is."""

    words: ErrorRate
    characters: ErrorRate
    by_language: dict[str, float]
    """Percent: word errors in languages with spaces between short words, character errors in
    Korean, Japanese and Chinese."""
    hallucinated_words: int
    """Committed words more than half a second away from all speech."""
    hallucinated_per_minute: float
    """Of the time in which nobody spoke, the half seconds around speech left out."""
    missed_speech_percent: float
    """Share of the speech (by time) in words that are not written and where nothing is."""


@dataclass(frozen=True, slots=True)
class Delay:
    """How late the text is, over correctly aligned words, from the end of each word's sound."""

    commit: Quantiles
    """Until the commit was published, computing included."""
    commit_unaware: Quantiles
    """Until the end of the audio that the commit was decoded from."""
    first_seen: Quantiles
    """Until the word first stood on the screen, computing included."""
    first_seen_unaware: Quantiles
    matched_percent: float
    """Share of the words said that these figures are of."""


@dataclass(frozen=True, slots=True)
class Stability:
    """What was taken back."""

    normalized_erasure: float
    """Tentative words withdrawn ÷ words committed."""
    committed_erasure: int
    """Committed words that the final subtitles lack or have elsewhere."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How well times fit; seconds."""

    word_start_error: float | None
    """Mean absolute, over correctly aligned words."""
    word_end_error: float | None
    cue_boundary_error: float | None
    """Mean absolute: where a cue begins, and where its last word ends. A cue that stands longer so
    that it can be read is not an error."""
    cue_count: int
    drift_per_hour: float | None
    """Slope of the words' start errors; ``None`` for runs shorter than ten minutes."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the run took."""

    audio_seconds: float
    engine_seconds: float = 0.0
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    memory_growth_bytes: int | None = None
    """From minute five to the end."""
    samples_lost: int = 0
    cold_start_seconds: float | None = None
    """From the start to the recognizer's readiness."""

    @property
    def real_time_factor(self) -> float:
        """Engine time ÷ audio time."""
        return self.engine_seconds / max(1e-9, self.audio_seconds)

    @property
    def cpu_per_audio_second(self) -> float | None:
        """Processor time of all processes ÷ audio time."""
        return (
            None if self.cpu_seconds is None else self.cpu_seconds / max(1e-9, self.audio_seconds)
        )


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    text: Text
    delay: Delay
    stability: Stability
    timing: Timing
    cost: Cost
    offline_by_language: dict[str, float] | None = None
    """The same checkpoint's offline error rates, percent."""

    @property
    def gap_points(self) -> float | None:
        """Streaming minus offline error rate, points; the worst of the languages."""
        if self.offline_by_language is None:
            return None
        streaming = self.text.by_language
        return max(
            (streaming.get(code, 0.0) - rate for code, rate in self.offline_by_language.items()),
            default=None,
        )

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        fields = dataclasses.asdict(self)
        fields["text"]["words"]["percent"] = self.text.words.percent
        fields["text"]["characters"]["percent"] = self.text.characters.percent
        fields["cost"]["real_time_factor"] = self.cost.real_time_factor
        fields["cost"]["cpu_per_audio_second"] = self.cost.cpu_per_audio_second
        fields["gap_points"] = self.gap_points
        return fields


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure and what it must not exceed."""

    name: str
    value: float | None
    limit: float
    unit: str = ""

    @property
    def met(self) -> bool | None:
        """``None`` where there is no figure."""
        return None if self.value is None else self.value <= self.limit + 1e-9


def bars(report: Report) -> tuple[Bar, ...]:
    """The project's own bars."""
    delay, text = report.delay, report.text
    return (
        Bar("streaming minus offline", report.gap_points, 0.5, "points"),
        Bar("commit latency p50", delay.commit.p50, 0.9, "s"),
        Bar("commit latency p95", delay.commit.p95, 2.0, "s"),
        Bar("first seen p50", delay.first_seen.p50, 0.6, "s"),
        Bar("committed erasure", report.stability.committed_erasure, 0, "words"),
        Bar("normalized erasure", report.stability.normalized_erasure, 0.15),
        Bar("hallucinated words per minute", text.hallucinated_per_minute, 0.0),
        Bar("missed speech", text.missed_speech_percent, 0.5, "%"),
        Bar("cue boundary error", report.timing.cue_boundary_error, 0.15, "s"),
        Bar("real-time factor", report.cost.real_time_factor, 0.3),
        Bar("samples lost", report.cost.samples_lost, 0),
    )


def total_length(spans: Sequence[Span]) -> int:
    """Samples in spans that do not overlap."""
    return sum(span.length for span in spans)
