"""One input's way from speech edges to caption events. No threads, no clock, no audio.

The runtime (or a simulation) tells it what happened and asks what to decode; what it returns are
the events to publish. Everything it remembers is bounded.
"""

from dataclasses import dataclass

from live_whisper.config.schema import RecognitionConfig, StreamingConfig
from live_whisper.decoding.language import LanguageLock, LanguageLockLimits
from live_whisper.streaming.past import StreamPast
from live_whisper.streaming.planner import Planner, PlannerState
from live_whisper.streaming.policies.base import Policy
from live_whisper.streaming.policies.choose import make_policy
from live_whisper.streaming.stats import Histogram
from live_whisper.streaming.steady import SteadyTail
from live_whisper.streaming.stitcher import Stitcher
from live_whisper.streaming.window import Window, WindowRequest
from live_whisper.types.audio import SpeechEdge, SpeechEnded
from live_whisper.types.events import (
    Committed,
    Event,
    Evidence,
    Guess,
    LanguageChosen,
    SegmentClosed,
    SpeechChanged,
    Tentative,
    TextSuppressed,
    WindowDone,
)
from live_whisper.types.text import Hypothesis, Word
from live_whisper.units import SAMPLE_RATE, samples_to_ns, seconds_to_samples

MAX_CARRIED_TOKENS = 223
"""Half of Whisper's text context, less the token that introduces it."""
KEEP_WHEN_TRIMMING = 3 * SAMPLE_RATE
"""Audio left in a window that is cut at a committed boundary."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """Where an input stands, for displays."""

    captured: int
    decoded: int
    speaking: bool
    planner: PlannerState
    words: int


def lock_limits(recognition: RecognitionConfig) -> LanguageLockLimits:
    """When ``auto`` settles on a language, and when it may choose again."""
    return LanguageLockLimits(
        speech_samples=seconds_to_samples(recognition.detect_seconds),
        reset_silence_samples=seconds_to_samples(recognition.redetect_after_seconds),
    )


class CaptionStream:
    """Planner, policy, stitcher, language and prompt of one input. One thread at a time."""

    def __init__(
        self,
        streaming: StreamingConfig,
        *,
        language: str | None,
        source: str = "",
        context: str = "",
        recognition: RecognitionConfig | None = None,
    ) -> None:
        """``context``: text that stood before the stream began; a prompt until there are words."""
        self._settings = streaming
        self._source = source
        self._context = context
        self._policy: Policy = make_policy(streaming)
        limits = lock_limits(recognition or RecognitionConfig())
        self._lock = LanguageLock(limits) if language is None else None
        self._planner = Planner(
            streaming,
            decodes_open_speech=self._policy.decodes_open_speech,
            longest_gap=limits.reset_silence_samples if language is None else None,
        )
        self._stitcher = Stitcher()
        self._language = language
        self._language_from = 0
        self._announced = language
        self._captured = 0
        self._speaking = False
        self._open_from = 0
        self._window_from = -1
        self._prompt_from = 0
        self._tentative: tuple[Word, ...] = ()
        self._steady = SteadyTail(streaming.show_probability)
        self.latency = Histogram()
        self.decoded_samples = 0

    # --- what happens ---------------------------------------------------------------------------

    def captured(self, sample: int) -> None:
        """The stream reaches up to ``sample``."""
        self._captured = max(self._captured, sample)
        self._planner.captured(sample)

    def edge(self, edge: SpeechEdge) -> list[Event]:
        """Speech began or a segment closed."""
        self._planner.edge(edge)
        if isinstance(edge, SpeechEnded):
            self._speaking = edge.reason == "limit"
            self._open_from = edge.span.end
            return [SpeechChanged(self._captured, speaking=self._speaking, sample=edge.span.end)]
        self._speaking = True
        self._open_from = edge.at
        return [SpeechChanged(self._captured, speaking=True, sample=edge.at)]

    def accept(self, request: WindowRequest, hypothesis: Hypothesis, cost_ns: int) -> list[Event]:
        """The recognizer's answer to ``request``."""
        window = request.window
        self._planner.finished(window, cost_ns)
        chosen = self._settle_language(request, hypothesis)
        undecided = self._language is None and not window.final
        commit = 0 if undecided else self._policy.commit(hypothesis, final=window.final)
        stitched = self._stitcher.accept(hypothesis.words, commit, seam=not request.committed)
        for word in stitched.committed:
            self.latency.add(self._captured - word.end)
        at, heard = self._captured, window.span.end
        dropped = (*hypothesis.suppressed, *stitched.suppressed)
        events: list[Event] = [*chosen, *(TextSuppressed(at, item) for item in dropped)]
        if stitched.committed:
            events.append(Committed(at, stitched.committed, self._source, heard))
        tentative = self._steady.show(stitched.tentative, committed=len(stitched.committed))
        if tentative != self._tentative or stitched.committed:
            self._tentative = tentative
            events.append(Tentative(at, tentative, self._source, heard))
        if window.final:
            events += self._close(window, hypothesis)
        else:
            self._trim(window)
        if stitched.committed or window.final or chosen:
            events.insert(0, self._done(window, len(stitched.committed)))
        return events

    def failed(self, request: WindowRequest) -> None:
        """The decode was lost with its worker; the same audio will be asked for again."""
        self._planner.failed(request.window)

    def resume(self, past: StreamPast) -> None:
        """Go on where another run stopped.

        Call it once every edge that was decided up to ``past.at`` has been told again.
        """
        self._stitcher.resume(past.words, past.count)
        self.decoded_samples = past.decoded_samples
        self._announced = past.language or self._announced
        done = past.done
        self._planner.resume(
            closed_to=past.closed_to,
            boundary=done.boundary if done else 0,
            decoded_to=done.span.end if done else 0,
            started_ns=samples_to_ns(past.at),
        )
        if done is None:
            return
        self._window_from = done.span.start
        self._prompt_from = done.prompt_from
        self._policy.resume(tuple(guess.words for guess in done.hypotheses))
        if self._lock is not None:
            self._language = done.language
            self._language_from = done.language_from
            evidence = ((item.language, item.weight) for item in done.language_evidence)
            self._lock.resume(done.language, done.language_heard, evidence)

    # --- what to do -----------------------------------------------------------------------------

    def next_request(self, now_ns: int) -> WindowRequest | None:
        """The next decode, or ``None`` while there is nothing new to decode."""
        window = self._planner.poll(now_ns)
        if window is None:
            return None
        if window.span.start > self._window_from:
            self._window_from = window.span.start
            self._after_silence(window.span.start)
        committed = self._stitcher.since(window.span.start)
        return WindowRequest(
            window=window,
            committed=committed,
            carried=self._carried(window.span.start),
            context=self._context if not (self._stitcher.count or self._prompt_from) else "",
            not_before=max(window.span.start, self._stitcher.end),
            language=self._language,
        )

    def next_poll_ns(self, now_ns: int) -> int | None:
        """Time until ``next_request`` may answer differently without any event."""
        return self._planner.next_poll_ns(now_ns)

    @property
    def idle(self) -> bool:
        """Nothing waits to be decoded."""
        return self._planner.idle

    @property
    def lag_samples(self) -> int:
        """Age of the oldest sound, judged to be speech, that is not committed."""
        if self._planner.idle:
            return 0
        return max(0, self._captured - max(self._planner.oldest_pending, self._stitcher.end))

    @property
    def open_from(self) -> int:
        """Where the open speech segment begins, or the last one ended."""
        return self._open_from

    @property
    def language(self) -> str | None:
        """The language in use; ``None`` while it is being detected."""
        return self._language

    @property
    def state(self) -> StreamState:
        """A snapshot for displays."""
        return StreamState(
            captured=self._captured,
            decoded=self._planner.oldest_pending,
            speaking=self._speaking,
            planner=self._planner.state,
            words=self._stitcher.count,
        )

    # --- inside ---------------------------------------------------------------------------------

    def _after_silence(self, start: int) -> None:
        """Forget what a silence before ``start`` ends.

        In the order of decoding: on a slow machine speech is heard long before its turn comes.
        """
        silence = start - self._stitcher.end
        if silence > seconds_to_samples(self._settings.prompt_reset_silence_seconds):
            self._prompt_from = start
        if self._lock is not None and self._lock.silence(silence):
            self._language = None
            self._language_from = self.decoded_samples

    def _settle_language(self, request: WindowRequest, hypothesis: Hypothesis) -> list[Event]:
        if self._lock is None or self._language is not None:
            return []
        heard = self.decoded_samples - self._language_from + request.window.span.length
        chosen = self._lock.observe(dict(hypothesis.language_probabilities), heard)
        if chosen is None:
            return []
        self._language = chosen
        if chosen == self._announced:  # the same again after a silence is no news
            return []
        self._announced = chosen
        return [LanguageChosen(self._captured, chosen, self._lock.probability)]

    def _close(self, window: Window, hypothesis: Hypothesis) -> list[Event]:
        self._policy.reset()
        self.decoded_samples += sum(span.length for span in window.closes)
        repeated = any(item.reason == "repetition" for item in hypothesis.suppressed)
        if hypothesis.temperature > 0.5 or hypothesis.average_log_probability < -1.0 or repeated:
            self._prompt_from = window.span.end  # a doubtful text must not steer the next one
        return [SegmentClosed(self._captured, span, self._source) for span in window.closes]

    def _done(self, window: Window, words: int) -> WindowDone:
        """All that is remembered now, for the journal."""
        heard, evidence = self._lock.memory if self._lock is not None else (0, ())
        return WindowDone(
            at=self._captured,
            span=window.span,
            closes=window.closes,
            words=words,
            boundary=self._planner.boundary,
            prompt_from=self._prompt_from,
            language=self._language,
            language_heard=heard,
            language_from=self._language_from,
            language_evidence=tuple(Evidence(*item) for item in evidence),
            hypotheses=tuple(map(Guess, self._policy.memory)),
            source=self._source,
        )

    def _trim(self, window: Window) -> None:
        if window.span.length <= seconds_to_samples(self._settings.trim_after_seconds):
            return
        boundary = self._stitcher.boundary(window.span, KEEP_WHEN_TRIMMING)
        if boundary is not None:
            self._planner.move_boundary(boundary)

    def _carried(self, start: int) -> tuple[int, ...]:
        if self._settings.carry_prompt == "never":
            return ()
        tokens: list[int] = []
        for word in reversed(self._stitcher.before(start)):
            if (
                word.start < self._prompt_from
                or len(tokens) + len(word.tokens) > MAX_CARRIED_TOKENS
            ):
                break
            tokens[:0] = word.tokens
        return tuple(tokens)
