"""What sinks receive. One event at a time, in order, from one thread.

``at`` is always the stream position (absolute sample) that had been captured when the event was
made, so every event carries its own lag.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from live_whisper.types.audio import Span
from live_whisper.types.text import Suppressed, Word


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """Capture runs. The model may still be loading."""

    at: int
    recording: str
    """Name of the recording folder."""
    source: str
    """What is heard: the device's or the file's name."""
    model: str
    language: str
    """Whisper's code, or ``auto``."""
    task: str
    started_wall_ns: int
    """Wall-clock time of sample 0, nanoseconds since 1970."""


@dataclass(frozen=True, slots=True)
class ModelReady:
    """The recognizer can decode; what was captured until now will be caught up."""

    at: int
    load_seconds: float
    description: str
    """Engine, precision and context in words."""


@dataclass(frozen=True, slots=True)
class LanguageChosen:
    """``auto`` settled on a language."""

    at: int
    language: str
    probability: float


@dataclass(frozen=True, slots=True)
class SpeechChanged:
    """The voice-activity gate opened or closed."""

    at: int
    speaking: bool
    sample: int
    """Where the segment began (pre-roll included) or ended."""


@dataclass(frozen=True, slots=True)
class Committed:
    """Words that will never change. Append-only: each ends at or after the one before."""

    at: int
    words: tuple[Word, ...]
    source: str = ""
    """Label of the input the words came from, where there are several."""
    heard: int = 0
    """Sample where the decoded audio ended: what of the delay is waiting, and what computing."""


@dataclass(frozen=True, slots=True)
class Tentative:
    """The current guess at what follows the committed words. Replaces the previous guess."""

    at: int
    words: tuple[Word, ...]
    source: str = ""
    heard: int = 0
    """Sample where the decoded audio ended."""


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """All words of a speech segment are committed: a natural place to end a cue."""

    at: int
    span: Span
    source: str = ""


@dataclass(frozen=True, slots=True)
class WindowDone:
    """A decode took effect. For the journal only, which has it *before* what the decode gave.

    It is all of a stream's memory that the words themselves do not show, so a run that ended
    anywhere is taken up exactly where it was: where ``words`` is not 0 and no ``Committed`` with so
    many words follows, the decode counts as not done and is done again.
    """

    at: int
    span: Span
    closes: tuple[Span, ...] = ()
    """Speech segments it finished."""
    words: int = 0
    """Words in the ``Committed`` that follows; 0: none follows."""
    boundary: int = 0
    """No later window begins before this sample."""
    prompt_from: int = 0
    """Words that begin before this sample are not carried into prompts."""
    language: str | None = None
    """The language in use; ``None`` while it is being detected."""
    language_heard: int = 0
    """Samples of speech that the detection has heard so far."""
    language_from: int = 0
    """Decoded samples before the speech that it listens to."""
    language_evidence: tuple["Evidence", ...] = ()
    hypotheses: tuple["Guess", ...] = ()
    """Earlier guesses at what follows, where the policy compares them; oldest first."""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a language: a weighted sum of log-probabilities."""

    language: str
    weight: float


@dataclass(frozen=True, slots=True)
class Guess:
    """The words of an earlier hypothesis, normalised, that are not committed."""

    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioLost:
    """The device failed, or a file was damaged: silence stands for the sound of ``span``."""

    at: int
    span: Span
    source: str = ""


@dataclass(frozen=True, slots=True)
class TextSuppressed:
    """A guard kept text out of the captions."""

    at: int
    suppressed: Suppressed


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the stream stands; sent a few times a second for displays, never stored."""

    at: int
    decoded: int
    """Every sample before this one has been decoded or judged silent."""
    level_dbfs: float
    """Peak level of the last 100 ms, dB relative to full scale; -inf for digital silence."""
    speaking: bool
    compute_ratio: float
    """Engine time ÷ audio time over the last 10 s."""
    lag_seconds: float
    """Age of the oldest speech not yet committed."""
    state: str
    """``"loading"``, ``"listening"``, ``"behind"``, ``"finishing"``."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for the user: a device reopened, a disk nearly full, a worker restarted."""

    at: int
    message: str
    level: str = "info"
    """``"info"``, ``"warning"`` or ``"error"``."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The accounting at the end of a run."""

    captured_samples: int
    decoded_samples: int
    silent_samples: int
    lost_samples: int
    """``captured = decoded + silent + lost + undecoded``; 0 unless the device itself failed."""
    undecoded_samples: int
    """Speech left for ``live-whisper recover`` because the user would not wait for it."""
    words: int
    cues: int
    commit_latency_p50_seconds: float | None
    commit_latency_p95_seconds: float | None
    compute_ratio: float
    """Engine time ÷ captured time."""
    language: str
    files: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The last event of a run."""

    at: int
    summary: Summary
    reason: str
    """``"end of input"``, ``"stopped"`` or the message of the error that ended it."""


Event: TypeAlias = (
    SessionStarted
    | ModelReady
    | LanguageChosen
    | SpeechChanged
    | Committed
    | Tentative
    | SegmentClosed
    | WindowDone
    | AudioLost
    | TextSuppressed
    | Progress
    | Notice
    | SessionEnded
)
