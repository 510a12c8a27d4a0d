"""Log-mel spectrograms in numpy, equal to openai/whisper ``audio.log_mel_spectrogram``.

Filter banks are computed (Slaney's scale and normalisation, as librosa's default), not shipped.
"""

import numpy as np
import numpy.typing as npt

from live_whisper.types.audio import Mel, Samples
from live_whisper.units import HOP_SAMPLES, N_FFT, SAMPLE_RATE

Frames = npt.NDArray[np.float32]
"""Un-normalised log10 power, shape (frames, n_mels)."""

_HALF = N_FFT // 2
_FLOOR = 1e-10  # power
_SILENCE = -10.0  # log10 of the floor
_DYNAMIC_RANGE = 8.0  # log10 units below the loudest value of the window


def mel_filters(n_mels: int) -> npt.NDArray[np.float32]:
    """Triangular filters of equal area, shape (n_mels, 201), 0 to 8000 Hz."""
    bins = np.linspace(0, SAMPLE_RATE / 2, _HALF + 1)
    edges = _mel_to_hz(np.linspace(0, _hz_to_mel(SAMPLE_RATE / 2), n_mels + 2))
    widths = np.diff(edges)
    rising = (bins[None, :] - edges[:-2, None]) / widths[:-1, None]
    falling = (edges[2:, None] - bins[None, :]) / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None], dtype=np.float32)


# Slaney's scale: linear to 1000 Hz (15 mel), then 27 steps for each factor of 6.4.
_LINEAR_HZ = 200.0 / 3.0
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    return float(_KNEE_MEL + np.log(hz / _KNEE_HZ) / _LOG_STEP)  # only used above the knee


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _KNEE_HZ * np.exp(_LOG_STEP * (mel - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _LINEAR_HZ, above)


class LogMel:
    """Log-mel spectrograms of one number of bins. Stateless after construction; any thread."""

    def __init__(self, n_mels: int) -> None:
        self.n_mels = n_mels
        self._filters = np.ascontiguousarray(mel_filters(n_mels).T)
        # A periodic Hann window, as torch.hann_window gives.
        turn = 2 * np.pi * np.arange(N_FFT) / N_FFT
        self._window = (0.5 - 0.5 * np.cos(turn)).astype(np.float32)

    def compute(self, samples: Samples, frames: int | None = None) -> Mel:
        """Spectrogram of a window, shape (n_mels, frames), float32.

        ``samples``: (n,) float32, 16 kHz. ``frames`` (10 ms each): the window's length, silence is
        added to fill it; by default the whole hops in ``samples``. Raises ``ValueError`` for an
        empty window or one shorter than its samples.
        """
        padded, count = pad_to_frames(samples, frames)
        heard = audible_frames(len(samples), count)
        return normalise(self.log_frames(padded, 0, heard), count)

    def log_frames(self, padded: Samples, first: int, last: int) -> Frames:
        """Frames ``[first, last)`` of what ``pad_to_frames`` gave, shape (last - first, n_mels)."""
        if first >= last:
            return np.empty((0, self.n_mels), dtype=np.float32)
        piece = padded[first * HOP_SAMPLES : (last - 1) * HOP_SAMPLES + N_FFT]
        framed = np.lib.stride_tricks.sliding_window_view(piece, N_FFT)[::HOP_SAMPLES]
        spectrum = np.fft.rfft(framed * self._window, axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        mel = power.astype(np.float32, copy=False) @ self._filters
        return np.asarray(np.log10(np.maximum(mel, _FLOOR, out=mel), out=mel), dtype=np.float32)


def pad_to_frames(samples: Samples, frames: int | None) -> tuple[Samples, int]:
    """A window with silence to its end and half a transform mirrored at both ends."""
    count = len(samples) // HOP_SAMPLES if frames is None else frames
    length = max(count * HOP_SAMPLES, len(samples))
    if count < 1:
        raise ValueError("a window needs at least one frame of 160 samples")
    if length > count * HOP_SAMPLES and frames is not None:
        raise ValueError(f"{len(samples)} samples do not fit into {frames} frames")
    padded = np.zeros(length + N_FFT, dtype=np.float32)
    padded[_HALF : _HALF + len(samples)] = samples
    window = padded[_HALF : _HALF + length]
    if length > _HALF:
        padded[:_HALF] = window[_HALF:0:-1]
        padded[_HALF + length :] = window[-2 : -_HALF - 2 : -1]
    else:
        padded[:] = np.pad(window, _HALF, mode="reflect" if length > 1 else "edge")
    return padded, count


def audible_frames(n_samples: int, count: int) -> int:
    """Frames of a window that hear anything of its samples; those after it are digital silence."""
    return min(count, -(-(n_samples + _HALF) // HOP_SAMPLES))


def normalise(log_power: Frames, count: int) -> Mel:
    """Limit the dynamic range of one window and scale it, shape (n_mels, count).

    Frames beyond ``log_power`` are digital silence.
    """
    loudest = np.float32(log_power.max()) if len(log_power) else np.float32(_SILENCE)
    if len(log_power) < count:
        loudest = max(loudest, np.float32(_SILENCE))
    lowest = np.float32(loudest - _DYNAMIC_RANGE)
    mel = np.empty((log_power.shape[1], count), dtype=np.float32)
    mel[:, : len(log_power)] = np.maximum(log_power, lowest).T
    mel[:, len(log_power) :] = max(np.float32(_SILENCE), lowest)
    mel += np.float32(4.0)
    mel /= np.float32(4.0)
    return mel
