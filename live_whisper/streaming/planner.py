"""Which window to decode next: pulled whenever the recognizer is free, never queued.

A microphone cannot be slowed down, so stale windows are never kept: the newest state of the stream
decides. Closed speech comes first and in order; when several closed segments wait, they share a
window, which is how a slow machine catches up.
"""

from collections import deque
from dataclasses import dataclass

from live_whisper.config.schema import StreamingConfig
from live_whisper.streaming.window import Window
from live_whisper.types.audio import Span, SpeechEdge, SpeechEnded
from live_whisper.units import (
    WINDOW_SAMPLES,
    align_to_position,
    ms_to_samples,
    samples_to_ns,
    seconds_to_samples,
)

COST_SMOOTHING = 0.3
"""Weight of the newest decode in the running mean of what a decode costs."""


@dataclass(frozen=True, slots=True)
class PlannerState:
    """What displays and tests want to know."""

    step_ns: int
    catching_up: bool
    waiting_segments: int


class Planner:
    """Pure state: fed with speech edges, the captured position and decode costs; asked for windows.

    One thread at a time. ``decodes_open_speech`` is the policy's: false means closed segments only.
    Segments that are ``longest_gap`` samples or more apart never share a window: after such a
    silence another language may begin.
    """

    def __init__(
        self,
        settings: StreamingConfig,
        *,
        decodes_open_speech: bool,
        longest_gap: int | None = None,
    ) -> None:
        self._settings = settings
        self._open_allowed = decodes_open_speech
        self._longest_gap = longest_gap or WINDOW_SAMPLES
        self._limit = min(WINDOW_SAMPLES, seconds_to_samples(settings.window_seconds))
        self._new_audio = ms_to_samples(settings.minimum_new_audio_ms)
        self._catch_up = seconds_to_samples(settings.catch_up_after_seconds)
        self._closed: deque[Span] = deque()
        self._open_start: int | None = None
        self._captured = 0
        self._boundary = 0
        self._decoded_to = 0
        self._last_start_ns: int | None = None
        self._mean_cost_ns = 0.0
        self._in_flight: Window | None = None

    # --- what happens ---------------------------------------------------------------------------

    def edge(self, edge: SpeechEdge) -> None:
        """Speech began or a segment closed."""
        if isinstance(edge, SpeechEnded):
            self._open_start = None
            if edge.span.length:
                self._closed.append(edge.span)
        else:
            self._open_start = edge.at

    def captured(self, sample: int) -> None:
        """The stream reaches up to ``sample``."""
        self._captured = max(self._captured, sample)

    def move_boundary(self, sample: int) -> None:
        """Everything before ``sample`` is committed; no window reaches back behind it."""
        self._boundary = max(self._boundary, align_to_position(sample))

    def finished(self, window: Window, cost_ns: int) -> None:
        """The window was decoded; ``cost_ns`` is the time the recognizer was busy with it."""
        self._require_in_flight(window)
        self._in_flight = None
        self._mean_cost_ns = (
            cost_ns
            if self._mean_cost_ns == 0.0
            else (1 - COST_SMOOTHING) * self._mean_cost_ns + COST_SMOOTHING * cost_ns
        )
        self._decoded_to = max(self._decoded_to, window.span.end)
        for _ in window.closes:
            self._closed.popleft()
        if window.final:
            self.move_boundary(window.span.end)

    def failed(self, window: Window) -> None:
        """The decode was lost with its worker: the same audio will be planned again."""
        self._require_in_flight(window)
        self._in_flight = None
        self._last_start_ns = None

    def resume(self, *, closed_to: int, boundary: int, decoded_to: int, started_ns: int) -> None:
        """Go on after windows that another run decoded; call once all edges up to now are known.

        Segments that end by ``closed_to`` are finished; ``started_ns``: when the last one began.
        """
        while self._closed and self._closed[0].end <= closed_to:
            self._closed.popleft()
        self._boundary = max(boundary, align_to_position(closed_to))
        self._decoded_to = decoded_to
        self._last_start_ns = started_ns

    @property
    def boundary(self) -> int:
        """No later window begins before this sample."""
        return self._boundary

    # --- what to do -----------------------------------------------------------------------------

    def poll(self, now_ns: int) -> Window | None:
        """The next window, or ``None``. A window handed out must be ``finished`` or ``failed``."""
        if self._in_flight is not None:
            return None
        window = self._closed_window() or self._open_window(now_ns)
        if window is not None:
            self._in_flight = window
            self._last_start_ns = now_ns
        return window

    @property
    def oldest_pending(self) -> int:
        """Everything before this sample is decoded to the end or was silent."""
        if self._closed:
            return max(self._closed[0].start, min(self._boundary, self._closed[0].end))
        if self._open_start is not None:
            return max(self._open_start, self._boundary)
        return self._captured

    @property
    def idle(self) -> bool:
        """No speech waits and none is being decoded."""
        return not self._closed and self._open_start is None and self._in_flight is None

    @property
    def state(self) -> PlannerState:
        """A snapshot for displays."""
        return PlannerState(self._step_ns(), self._behind(), len(self._closed))

    def _step_ns(self) -> int:
        """Time between starts so that the recognizer stays under its share of real time."""
        shortest = self._settings.step_ms * 1_000_000
        return max(shortest, round(self._mean_cost_ns / self._settings.compute_share))

    def _behind(self) -> bool:
        needed_ns = self._mean_cost_ns / self._settings.compute_share
        too_slow = needed_ns > self._settings.maximum_step_ms * 1_000_000
        return (
            too_slow
            or self._captured - self.oldest_pending > self._limit + self._catch_up
            or (len(self._closed) > 1 and self._captured - self._closed[0].end > self._catch_up)
        )

    def _closed_window(self) -> Window | None:
        if not self._closed:
            return None
        first = self._closed[0]
        start = align_to_position(min(max(first.start, self._boundary), first.end))
        closes = [first]
        for span in list(self._closed)[1:]:
            if span.end - start > self._limit or span.start - closes[-1].end >= self._longest_gap:
                break
            closes.append(span)
        if first.end - start > self._limit:  # a segment longer than a window may be: its next part
            return Window(Span(start, start + self._limit), final=True)
        return Window(Span(start, closes[-1].end), final=True, closes=tuple(closes))

    def _open_window(self, now_ns: int) -> Window | None:
        if self._open_start is None or not self._open_allowed or self._behind():
            return None
        if self._last_start_ns is not None and now_ns - self._last_start_ns < self._step_ns():
            return None
        start = align_to_position(max(self._open_start, self._boundary))
        seen = max(start, self._decoded_to)
        if self._captured - seen < self._new_audio:
            return None
        start = max(start, align_to_position(self._captured - self._limit + 319))
        return Window(Span(start, self._captured), final=False)

    def next_poll_ns(self, now_ns: int) -> int | None:
        """How long from now until ``poll`` can answer something new without any event."""
        if self._open_start is None or self._in_flight is not None or self._last_start_ns is None:
            return None
        if not self._open_allowed or self._behind():
            return None
        step_left = self._last_start_ns + self._step_ns() - now_ns
        missing = max(self._open_start, self._decoded_to) + self._new_audio - self._captured
        return max(0, step_left, samples_to_ns(max(0, missing)))

    def _require_in_flight(self, window: Window) -> None:
        if window is not self._in_flight:
            raise ValueError(f"not the window being decoded: {window.span}")
