"""One input from its source to its caption stream, and the accounting of its samples."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from live_whisper.audio.pcm import peak_dbfs
from live_whisper.audio.ring import AudioRing, SpanNotHeldError
from live_whisper.audio.source import AudioSource, SourceChunk
from live_whisper.audio.spool import holes
from live_whisper.errors import one_line
from live_whisper.streaming.past import StreamPast
from live_whisper.streaming.stream import CaptionStream, StreamState
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples, Span, SpeechEdge, SpeechEnded
from live_whisper.types.events import AudioLost, Event, Notice
from live_whisper.types.text import Hypothesis
from live_whisper.units import SAMPLE_RATE

GAPS_REMEMBERED = 1000
RING_MARGIN = SAMPLE_RATE
"""The ring moves on while it is read: this close to its old end the spool is asked instead."""


class Segments(Protocol):
    """Turns samples into speech edges; ``vad.segmenter`` with a detector in front."""

    def push(self, samples: Samples) -> Sequence[SpeechEdge]:
        """Take the next samples and return the edges they decide."""
        ...

    def flush(self) -> Sequence[SpeechEdge]:
        """End of the stream."""
        ...


class Spools(Protocol):
    """Keeps the whole recording on disk; ``audio.spool``."""

    def append(self, samples: Samples) -> str | None:
        """Write samples; a line for the user when something went wrong, said once."""
        ...

    def read(self, span: Span) -> Samples:
        """Audio from disk; silence where the disk has none."""
        ...

    def missing(self, span: Span) -> Sequence[Span]:
        """The parts of a span that the disk does not have."""
        ...

    def close(self) -> None:
        """Bring everything to the disk."""
        ...


@dataclass(frozen=True, slots=True)
class Accounts:
    """Where every captured sample went; ``captured = decoded + silent + lost + undecoded``."""

    captured: int
    decoded: int
    silent: int
    lost: int
    undecoded: int
    """Speech not decoded when the run ended: only after a second Ctrl-C, and recoverable."""


@dataclass
class Lane:
    """Source, spool, ring, gate and stream of one input.

    ``take`` belongs to the audio thread, the rest to the decoding thread; ``lock`` guards the
    stream between them and is never held during I/O.
    """

    source: AudioSource
    spool: Spools
    ring: AudioRing
    segments: Segments
    stream: CaptionStream
    label: str = ""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.ended = False
        self.level_dbfs = float("-inf")
        self._gaps: deque[Span] = deque(maxlen=GAPS_REMEMBERED)
        self._lost = 0
        self._lost_in_speech = 0
        self._unsaid: list[Event] = []
        self._speech = 0
        self._closed: deque[Span] = deque(maxlen=GAPS_REMEMBERED)

    def take(self, chunk: SourceChunk) -> tuple[list[Event], bool]:
        """Store and judge a chunk. Gives the events, and whether the decoder may want to look."""
        events: list[Event] = []
        if len(chunk.samples):
            self.level_dbfs = peak_dbfs(chunk.samples[-1600:])
            self.ring.append(chunk.samples)
            trouble = self.spool.append(chunk.samples)
            if trouble:
                events.append(Notice(chunk.end, trouble, "warning"))
        edges = [*self.segments.push(chunk.samples)] if len(chunk.samples) else []
        if chunk.ended:
            edges += self.segments.flush()
        events += [Notice(chunk.end, text, "warning") for text in chunk.notices]
        events += [AudioLost(chunk.end, gap, self.label) for gap in chunk.gaps]
        with self.lock:
            self._gaps.extend(chunk.gaps)
            self._lost += chunk.lost
            self.stream.captured(chunk.end)
            for edge in edges:
                self._count(edge)
                events += self.stream.edge(edge)
            self.ended = chunk.ended
            wanted = bool(edges) or chunk.ended or self.stream.state.speaking
        return events, wanted

    def abandon(self, error: BaseException) -> list[Event]:
        """The input failed in a way nobody foresaw: end it here, and decode what was heard."""
        with self.lock:
            events: list[Event] = []
            if not self.ended and self.stream.state.speaking:
                heard = Span(self.stream.open_from, self.stream.state.captured)
                edge = SpeechEnded(heard, "end")
                self._count(edge)
                events += self.stream.edge(edge)
            self.ended = True
            name, why = one_line(self.source.name, 80), one_line(str(error) or type(error).__name__)
            message = f"{name} failed ({why}): nothing more is heard from it."
            return [*events, Notice(self.stream.state.captured, message, "error")]

    @property
    def state(self) -> StreamState:
        """Where the input stands. Any thread."""
        with self.lock:
            return self.stream.state

    @property
    def lag_samples(self) -> int:
        """How far decoding is behind. Any thread."""
        with self.lock:
            return self.stream.lag_samples

    def resume(self, past: StreamPast, edges: Sequence[SpeechEdge], lost: Sequence[Span]) -> None:
        """Go on at ``past.at``, where another run stopped. Before the first ``take``.

        ``edges``: all that were decided before; ``lost``: gaps of the device before.
        """
        self._gaps.extend(lost)
        self._lost = sum(gap.length for gap in lost)
        with self.lock:
            self.stream.captured(past.at)
            for edge in edges:
                self._count(edge)
                self.stream.edge(edge)
            self.stream.resume(past)

    def next_request(self, now_ns: int) -> tuple[WindowRequest, Samples] | None:
        """The next window to decode with its audio, from memory or from disk."""
        with self.lock:
            request = self.stream.next_request(now_ns)
        if request is None:
            return None
        return request, self.audio(request.window.span)

    def audio(self, span: Span) -> Samples:
        """Samples of a span, wherever they still are; what is nowhere counts as lost."""
        try:
            return self.ring.read(span)
        except SpanNotHeldError as error:
            newer = min(max(span.start, error.held.start + RING_MARGIN), span.end)
        old, new = Span(span.start, newer), Span(newer, span.end)
        samples = self.spool.read(old)
        missing = self.spool.missing(old)
        if missing:
            with self.lock:
                self._lose(missing)
        if not new.length:
            return samples
        try:  # what the disk may not have, because it is full, memory has
            return np.concatenate((samples, self.ring.read(new)))
        except SpanNotHeldError:
            return np.concatenate((samples, self.spool.read(new)))

    def _lose(self, missing: Sequence[Span]) -> None:
        """Sound that was heard and is neither in memory nor on disk: counted once."""
        for span in missing:
            for gap in holes(span, tuple(sorted(self._gaps))):
                self._gaps.append(gap)
                self._lost += gap.length
                self._lost_in_speech += sum(gap.overlap(closed) for closed in self._closed)
                self._unsaid.append(AudioLost(self.stream.state.captured, gap, self.label))

    def accept(self, request: WindowRequest, hypothesis: Hypothesis, cost_ns: int) -> list[Event]:
        """Pass the recognizer's answer to the stream."""
        with self.lock:
            unsaid, self._unsaid = self._unsaid, []
            return [*unsaid, *self.stream.accept(request, hypothesis, cost_ns)]

    def failed(self, request: WindowRequest) -> None:
        """The request died with its worker."""
        with self.lock:
            self.stream.failed(request)

    @property
    def drained(self) -> bool:
        """Nothing more will come and nothing waits."""
        with self.lock:
            return self.ended and self.stream.idle

    def accounts(self) -> Accounts:
        """The balance so far; open speech counts as undecoded."""
        with self.lock:
            state = self.stream.state
            decoded = self.stream.decoded_samples
            open_speech = max(0, state.captured - self._judged(state.captured))
            waiting = max(0, self._speech - decoded)
            lost_waiting = self._lost_in_last(waiting)
            silent = (
                state.captured - self._speech - open_speech - (self._lost - self._lost_in_speech)
            )
            return Accounts(
                captured=state.captured,
                decoded=decoded - (self._lost_in_speech - lost_waiting),
                silent=silent,
                lost=self._lost,
                undecoded=waiting - lost_waiting + open_speech,
            )

    def _lost_in_last(self, speech: int) -> int:
        """Samples lost in so much of the newest closed speech."""
        lost = 0
        for span in reversed(self._closed):
            if speech <= 0:
                break
            speech -= span.length
            lost += sum(span.overlap(gap) for gap in self._gaps)
        return lost

    def _judged(self, captured: int) -> int:
        """Samples before open speech; all of them once the input has ended."""
        return captured if self.ended or not self.stream.state.speaking else self.stream.open_from

    def _count(self, edge: SpeechEdge) -> None:
        if isinstance(edge, SpeechEnded):
            self._speech += edge.span.length
            self._lost_in_speech += sum(edge.span.overlap(gap) for gap in self._gaps)
            self._closed.append(edge.span)
