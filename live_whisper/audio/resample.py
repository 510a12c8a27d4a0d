"""Any rate to 16 kHz, piece by piece, without losing or inventing a sample."""

from typing import Any

import numpy as np
import soxr

from live_whisper.audio.pcm import quantise, tame
from live_whisper.types.audio import Samples
from live_whisper.units import SAMPLE_RATE

MIN_RATE = 1_000  # below this a single damaged header would turn kilobytes into gigabytes
MAX_RATE = 768_000  # the fastest converters sold
_HEADROOM = 4.0  # float files may exceed full scale a little; clipping comes after the filter
_EMPTY = np.zeros(0, dtype=np.float32)


def usable_rate(rate: int) -> bool:
    """Whether ``Resampler`` takes a sample rate in hertz."""
    return MIN_RATE <= rate <= MAX_RATE


class Resampler:
    """Mono audio at ``rate`` to 16 kHz on the 16-bit grid. One thread.

    The output is the same bit for bit however the input is cut into blocks, it is aligned with
    the input (the filter's delay is taken out), and after ``flush`` its length is exactly
    ``round(n * 16000 / rate)`` for ``n`` samples in. At 16 kHz samples pass through at once;
    otherwise the filter (libsoxr, HQ) holds back some 40 ms until more arrives.
    """

    def __init__(self, rate: int) -> None:
        if not usable_rate(rate):
            raise ValueError(f"{rate} Hz is outside {MIN_RATE}-{MAX_RATE} Hz")
        self.rate = rate
        self._taken = 0
        self._given = 0
        self._flushed = False
        self._stream: Any = None
        if rate != SAMPLE_RATE:
            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")

    def push(self, samples: Samples) -> Samples:
        """Take samples, shape (n,), float32, at ``rate``; return what is ready at 16 kHz."""
        if self._flushed:
            raise ValueError("a flushed resampler takes no more samples")
        if not len(samples):
            return _EMPTY
        self._taken += len(samples)
        # One infinite or huge sample would drown everything within the filter's reach.
        clean = tame(samples, _HEADROOM)
        return self._count(clean if self._stream is None else self._stream.resample_chunk(clean))

    def flush(self) -> Samples:
        """The samples the filter held back. Ends the stream; later calls return nothing."""
        if self._flushed:
            return _EMPTY
        self._flushed = True
        if self._stream is None:
            return _EMPTY
        tail = self._stream.resample_chunk(_EMPTY, last=True)
        missing = self.expected(self._taken) - self._given
        # libsoxr's own count is the same to within its rounding of the last half sample.
        exact = np.zeros(max(0, missing), dtype=np.float32)
        exact[: len(tail)] = tail[: len(exact)]
        return self._count(exact)

    def expected(self, taken: int) -> int:
        """Samples at 16 kHz that ``taken`` samples at ``rate`` make (rounded half up)."""
        return (2 * taken * SAMPLE_RATE + self.rate) // (2 * self.rate)

    @property
    def pending(self) -> int:
        """Samples at 16 kHz still held back by the filter."""
        return self.expected(self._taken) - self._given

    def _count(self, samples: Samples) -> Samples:
        self._given += len(samples)
        return quantise(samples)
