"""Detector and segmenter as one object: samples in, edges of speech out."""

from live_whisper.types.audio import Samples, SpeechEdge
from live_whisper.vad.base import VoiceActivity
from live_whisper.vad.segmenter import Segmenter


class SpeechGate:
    """Tells where somebody speaks. One thread.

    ``settled``, ``silent`` and ``speaking`` are the segmenter's: see there.
    """

    def __init__(self, detector: VoiceActivity, segmenter: Segmenter) -> None:
        self._detector = detector
        self._segmenter = segmenter

    @property
    def speaking(self) -> bool:
        """Whether a segment is open."""
        return self._segmenter.speaking

    @property
    def segment_start(self) -> int | None:
        """First sample of the open segment."""
        return self._segmenter.segment_start

    @property
    def settled(self) -> int:
        """Every sample before this one is in a closed segment or is silence for good."""
        return self._segmenter.settled

    @property
    def silent(self) -> int:
        """Samples before ``settled`` that are in no segment."""
        return self._segmenter.silent

    def push(self, samples: Samples) -> list[SpeechEdge]:
        """Take the next samples, shape (n,), float32, 16 kHz; return what they decide, in order."""
        return [
            edge for frame in self._detector.push(samples) for edge in self._segmenter.push(frame)
        ]

    def flush(self) -> list[SpeechEdge]:
        """End of the stream. Afterwards every sample pushed is in a segment or silent."""
        edges = [edge for frame in self._detector.flush() for edge in self._segmenter.push(frame)]
        return edges + self._segmenter.flush()
