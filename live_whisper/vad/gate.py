"""Detector and segmenter as one object: samples in, edges of speech out."""

from live_whisper.types.audio import Samples, SpeechEdge
from live_whisper.vad.base import VoiceActivity
from live_whisper.vad.segmenter import Segmenter


class SpeechGate:
    """Tells where somebody speaks. One thread."""

    def __init__(self, detector: VoiceActivity, segmenter: Segmenter) -> None:
        self._detector = detector
        self.segmenter = segmenter
        """What is decided so far."""

    def push(self, samples: Samples) -> list[SpeechEdge]:
        """Take the next samples, shape (n,), float32, 16 kHz; return what they decide, in order."""
        return [
            edge for frame in self._detector.push(samples) for edge in self.segmenter.push(frame)
        ]

    def flush(self) -> list[SpeechEdge]:
        """End of the stream. Afterwards every sample pushed is in a segment or silent."""
        edges = [edge for frame in self._detector.flush() for edge in self.segmenter.push(frame)]
        return edges + self.segmenter.flush()
