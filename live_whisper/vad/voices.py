"""Where a recording holds a voice, frame by frame, to be asked afterwards."""

from live_whisper.types.audio import Samples, Span
from live_whisper.units import ms_to_samples
from live_whisper.vad.base import VoiceActivity
from live_whisper.vad.webrtc import WebRtcVoiceActivity

EDGE_SAMPLES = ms_to_samples(100)
"""Times from attention are no better than this: a word's sound may go on so far behind its end."""
VOICED_SHARE = 0.35
"""Of speech, the least that has a pitch."""

_SPEECH, _VOICED = 1, 2


class VoiceMap:
    """A byte for each 20 ms: an hour takes 180 kB. One thread."""

    def __init__(self, detector: VoiceActivity | None = None, *, start: int = 0) -> None:
        """``start``: absolute sample of the first one pushed, as the detector counts."""
        self._detector = detector or WebRtcVoiceActivity(start=start)
        self._start = start
        self._frames = bytearray()

    def push(self, samples: Samples) -> None:
        """The next audio, shape (n,), float32, 16 kHz. What fills no frame yet waits."""
        for frame in self._detector.push(samples):
            self._frames.append(
                frame.is_speech * _SPEECH + (frame.is_speech and frame.voiced) * _VOICED
            )

    def speaks(self, gap: Span, least: int) -> bool:
        """Whether somebody speaks for ``least`` samples between the words around a gap."""
        size = self._detector.frame_samples
        first = max(0, -(-(gap.start + EDGE_SAMPLES - self._start) // size))
        heard = self._frames[first : max(first, (gap.end - self._start) // size)]
        speech = size * sum(1 for frame in heard if frame & _SPEECH)
        voiced = size * sum(1 for frame in heard if frame & _VOICED)
        return speech >= least and voiced >= VOICED_SHARE * least
