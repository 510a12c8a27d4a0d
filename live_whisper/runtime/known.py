"""Speech that is known before it is played: how a recording is taken up where it stopped."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from live_whisper.audio.spool import SpoolReader
from live_whisper.runtime.lane import Segments
from live_whisper.types.audio import Samples, Span, SpeechEdge, SpeechEnded, SpeechStarted
from live_whisper.units import SAMPLE_RATE, ms_to_samples

STEP_SAMPLES = ms_to_samples(20)
"""A frame of the detector: edges are dated to the frame that decided them."""
BLOCK_SAMPLES = 10 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class KnownEdge:
    """An edge of speech and the stream position at which it was decided."""

    at: int
    edge: SpeechEdge


def find_edges(
    folder: Path, end: int, gate: Segments, progress: Callable[[int], None] = lambda _: None
) -> list[KnownEdge]:
    """Run a gate over a spool from its first sample, as the live run did.

    A detector learns from everything it heard, so only the whole way gives the same edges.
    """
    reader = SpoolReader(folder)
    edges: list[KnownEdge] = []
    for start in range(0, end, BLOCK_SAMPLES):
        block = reader.read(Span(start, min(end, start + BLOCK_SAMPLES)), fill=True)
        for at in range(0, len(block), STEP_SAMPLES):
            part = block[at : at + STEP_SAMPLES]
            edges += [KnownEdge(start + at + len(part), edge) for edge in gate.push(part)]
        progress(start + len(block))
    edges += [KnownEdge(end + 1, edge) for edge in gate.flush()]  # not before the end is known
    return edges


def after(closed: Sequence[Span], edges: Iterable[KnownEdge]) -> list[KnownEdge]:
    """The segments that a run finished, then those of the gate that end later.

    They differ only where audio the run heard did not reach the disk.
    """
    floor = max((span.end for span in closed), default=0)
    known: list[KnownEdge] = []
    for span in closed:
        known.append(KnownEdge(span.end, SpeechStarted(span.start)))
        known.append(KnownEdge(span.end, SpeechEnded(span, "pause")))
    started: KnownEdge | None = None
    for item in edges:
        if isinstance(item.edge, SpeechStarted):
            started = item
            continue
        span = item.edge.span
        if span.end > floor:
            start = max(span.start, floor)
            begun = item.at if started is None else started.at
            known.append(KnownEdge(begun, SpeechStarted(start)))
            known.append(KnownEdge(item.at, SpeechEnded(Span(start, span.end), item.edge.reason)))
        started = None
    return known


class KnownSegments:
    """``Segments`` found before; the audio pushed only tells how far it is. One thread."""

    def __init__(self, edges: Sequence[KnownEdge], *, start: int = 0) -> None:
        self._edges = [item for item in edges if item.at > start]
        self._position = start
        self._next = 0

    def push(self, samples: Samples) -> list[SpeechEdge]:
        """The edges decided within these samples."""
        self._position += len(samples)
        return self._take(self._position)

    def flush(self) -> list[SpeechEdge]:
        """All that is left."""
        return self._take(None)

    def _take(self, position: int | None) -> list[SpeechEdge]:
        first = self._next
        while self._next < len(self._edges) and (
            position is None or self._edges[self._next].at <= position
        ):
            self._next += 1
        return [item.edge for item in self._edges[first : self._next]]
