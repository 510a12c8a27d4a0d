"""Log-mel of overlapping windows without computing again what the last window had."""

import numpy as np

from live_whisper.types.audio import Mel, Samples
from live_whisper.units import HOP_SAMPLES, N_FFT
from live_whisper.whisper.mel import Frames, LogMel, audible_frames, normalise, pad_to_frames

_EDGE = -(-(N_FFT // 2) // HOP_SAMPLES)  # frames at each end that reach over the window's edge


class MelCache:
    """Keeps the un-normalised frames of the last window: at most 30 s, about 1 MB. One thread.

    Frames are kept by their absolute place, and only those that lie wholly inside the window's
    samples: frames that reach over an edge, where audio is mirrored or replaced by silence, are
    computed each time, so the result equals ``LogMel.compute``. A window whose start is not a
    whole number of hops from the last one's finds nothing to reuse.
    """

    def __init__(self, log_mel: LogMel) -> None:
        self._log_mel = log_mel
        self._start = 0  # absolute sample of frame 0 of the kept frames
        self._kept: Frames = np.empty((0, log_mel.n_mels), dtype=np.float32)
        self.computed_frames = 0
        """Frames computed so far, for tests and statistics."""

    def clear(self) -> None:
        """Forget everything: the stream behind the sample numbers changed."""
        self._kept = self._kept[:0]

    def compute(self, start: int, samples: Samples, frames: int | None = None) -> Mel:
        """Like ``LogMel.compute`` for the window that begins at absolute sample ``start``.

        The same absolute sample must hold the same value in every window; ``clear`` otherwise.
        """
        padded, count = pad_to_frames(samples, frames)
        heard = audible_frames(len(samples), count)
        inner_end = min(heard, (len(samples) - N_FFT // 2) // HOP_SAMPLES + 1)
        log_power = self._assemble(start, padded, heard, inner_end)
        if inner_end > _EDGE:
            self._start = start + _EDGE * HOP_SAMPLES
            self._kept = log_power[_EDGE:inner_end].copy()
        return normalise(log_power, count)

    def _assemble(self, start: int, padded: Samples, heard: int, inner_end: int) -> Frames:
        """Frames ``[0, heard)``: kept ones in the middle, the others computed."""
        offset, phase = divmod(self._start - start, HOP_SAMPLES)
        begin = max(_EDGE, offset)
        end = min(inner_end, offset + len(self._kept))
        if phase or begin >= end:
            self.computed_frames += heard
            return self._log_mel.log_frames(padded, 0, heard)
        self.computed_frames += heard - (end - begin)
        return np.concatenate(
            [
                self._log_mel.log_frames(padded, 0, begin),
                self._kept[begin - offset : end - offset],
                self._log_mel.log_frames(padded, end, heard),
            ]
        )
