"""From verdicts on frames to speech segments: a state machine without audio, clock or model.

Every sample belongs to exactly one segment or to silence. Segments come in order and never
overlap. A segment opens after ``min_speech`` of speech frames and begins ``pre_roll`` before the
first of them; it closes after ``hangover`` without speech. Speech that goes on is split before
the window limit, at the best pause of the last part.
"""

from dataclasses import dataclass, field

from live_whisper.types.audio import Span, SpeechEdge, SpeechEnded, SpeechStarted
from live_whisper.units import SAMPLE_RATE, WINDOW_SAMPLES, ms_to_samples
from live_whisper.vad.base import VoiceFrame
from live_whisper.vad.evidence import Evidence, EvidenceOptions


@dataclass(frozen=True, slots=True)
class SegmenterOptions:
    """All in samples at 16 kHz."""

    pre_roll: int = ms_to_samples(300)
    """Sound kept before the first speech frame: soft onsets are not clipped."""
    hangover: int = ms_to_samples(500)
    """Silence after which a segment closes; it belongs to the segment."""
    min_speech: int = ms_to_samples(100)
    """Speech frames needed before a segment opens: clicks are shorter."""
    max_onset_pause: int = ms_to_samples(120)
    """A longer pause before a segment has opened starts the count of ``min_speech`` again."""
    soft_limit: int = 20 * SAMPLE_RATE
    """From this length on, ``soft_pause`` stands in for ``hangover``."""
    soft_pause: int = ms_to_samples(160)
    hard_limit: int = WINDOW_SAMPLES
    """No segment is longer; without a pause it is split at the quietest place after
    ``soft_limit``."""
    max_onset: int = ms_to_samples(1000)
    """No further back than this before the decision does a segment begin, pre-roll aside."""
    evidence: EvidenceOptions = field(default_factory=EvidenceOptions)
    """What makes a voice of speech frames."""

    def __post_init__(self) -> None:
        if self.min_speech <= 0 or min(self.pre_roll, self.max_onset_pause) < 0:
            raise ValueError("segmenter times cannot be negative")
        if self.soft_pause > self.hangover:
            raise ValueError("soft_pause is meant to be shorter than hangover")
        if not 0 < self.soft_limit < self.hard_limit <= WINDOW_SAMPLES:
            raise ValueError("limits must satisfy 0 < soft_limit < hard_limit <= 30 s")


@dataclass(slots=True)
class _Open:
    """The running segment."""

    start: int
    last_speech_end: int
    quietest_db: float = float("inf")
    quietest_at: int | None = None
    """Where to split at the limit: the middle of the quietest stretch seen since soft_limit."""
    recent: list[tuple[int, float]] = field(default_factory=list)
    """(start, level) of the newest frames, for the running mean over ``_QUIET_FRAMES``."""


@dataclass(slots=True)
class _Onset:
    """Speech that is not yet enough to open a segment."""

    first: int
    speech: int
    last_speech_end: int


_QUIET_FRAMES = 5  # frames averaged when looking for the quietest place
_FLOOR_DB = -120.0  # digital silence, as a number that can be averaged


class Segmenter:
    """See the module. One thread."""

    def __init__(self, options: SegmenterOptions | None = None, *, start: int = 0) -> None:
        self._options = options or SegmenterOptions()
        self._seen = start
        self._floor = start  # no segment may begin before this: the end of the one before
        self._open: _Open | None = None
        self._onset: _Onset | None = None
        self._silent = 0
        self._evidence = Evidence(self._options.evidence)

    @property
    def speaking(self) -> bool:
        """Whether a segment is open."""
        return self._open is not None

    @property
    def segment_start(self) -> int | None:
        """First sample of the open segment."""
        return self._open.start if self._open is not None else None

    @property
    def settled(self) -> int:
        """Every sample before this one is in a closed segment or is silence for good."""
        if self._open is not None:
            return self._open.start
        first = self._seen if self._onset is None else self._onset.first
        return max(self._floor, first - self._options.pre_roll)

    @property
    def silent(self) -> int:
        """Samples before ``settled`` that are in no segment."""
        return self._silent + (0 if self._open is not None else self.settled - self._floor)

    def push(self, frame: VoiceFrame) -> list[SpeechEdge]:
        """Take the next frame; frames follow each other without a hole."""
        if frame.start != self._seen:
            raise ValueError(f"expected the frame at {self._seen}, not at {frame.start}")
        self._seen = frame.end
        self._evidence.push(frame)
        if self._open is None:
            return self._while_silent(frame)
        return self._while_open(self._open, frame)

    def flush(self) -> list[SpeechEdge]:
        """End of the stream: close what is open."""
        self._onset = None
        if self._open is None:
            self._silent += self._seen - self._floor
            self._floor = self._seen
            return []
        return [self._close(self._open, self._seen, "end")]

    def _while_silent(self, frame: VoiceFrame) -> list[SpeechEdge]:
        options, onset = self._options, self._onset
        if not frame.is_speech:
            if onset is not None and frame.end - onset.last_speech_end > options.max_onset_pause:
                self._onset = None
            return []
        if onset is None:
            onset = self._onset = _Onset(frame.start, 0, frame.end)
        onset.speech += frame.length
        onset.last_speech_end = frame.end
        # What goes on without becoming a voice is given up from behind, or silence would never
        # be settled.
        onset.first = max(onset.first, frame.end - options.max_onset)
        if onset.speech < options.min_speech or not self._evidence.voice:
            return []
        start = max(self._floor, onset.first - options.pre_roll)
        self._silent += start - self._floor
        self._onset = None
        self._open = _Open(start, frame.end)
        return [SpeechStarted(start)]

    def _while_open(self, now: _Open, frame: VoiceFrame) -> list[SpeechEdge]:
        options = self._options
        if frame.is_speech and self._evidence.lingering:
            now.last_speech_end = frame.end
        length = frame.end - now.start
        long = length >= options.soft_limit
        if frame.end - now.last_speech_end >= (options.soft_pause if long else options.hangover):
            return [self._close(now, frame.end, "pause")]
        if not long:
            return []
        self._look_for_quiet(now, frame)
        if length + frame.length > options.hard_limit:
            at = now.quietest_at if now.quietest_at is not None else frame.end
            return self._split(now, at)
        return []

    @staticmethod
    def _look_for_quiet(now: _Open, frame: VoiceFrame) -> None:
        now.recent.append((frame.start, max(frame.level_dbfs, _FLOOR_DB)))
        del now.recent[:-_QUIET_FRAMES]
        if len(now.recent) == _QUIET_FRAMES:
            mean = sum(level for _, level in now.recent) / _QUIET_FRAMES
            # "<=" prefers the later of equals: the earlier segment keeps more context.
            if mean <= now.quietest_db:
                now.quietest_db = mean
                now.quietest_at = now.recent[_QUIET_FRAMES // 2][0]

    def _split(self, now: _Open, at: int) -> list[SpeechEdge]:
        last_speech_end = now.last_speech_end
        ended = self._close(now, at, "limit")
        self._open = _Open(at, max(at, last_speech_end))
        return [ended, SpeechStarted(at)]

    def _close(self, now: _Open, end: int, reason: str) -> SpeechEnded:
        self._open = None
        self._floor = end
        return SpeechEnded(Span(now.start, end), reason)
