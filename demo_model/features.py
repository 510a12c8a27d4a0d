"""The official log-mel spectrogram, in torch, for batches of equally long windows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from demo_model.synth import SAMPLE_RATE

N_FFT = 400
HOP_SAMPLES = 160
N_MELS = 80


def mel_filters() -> Tensor:
    """Slaney-scale, area-normalised triangular filters, (80, 201), as librosa makes them."""
    hz_per_mel, knee_hz, log_step = 200.0 / 3, 1000.0, np.log(6.4) / 27
    knee_mel = knee_hz / hz_per_mel

    def to_hz(mel: np.ndarray) -> np.ndarray:
        above = knee_hz * np.exp(log_step * (mel - knee_mel))
        return np.where(mel < knee_mel, hz_per_mel * mel, above)

    top = knee_mel + np.log(SAMPLE_RATE / 2 / knee_hz) / log_step
    edges = to_hz(np.linspace(0.0, top, N_MELS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    ramps = edges[:, None] - bins[None]
    widths = np.diff(edges)
    lower = -ramps[:-2] / widths[:-1, None]
    upper = ramps[2:] / widths[1:, None]
    filters = np.maximum(0, np.minimum(lower, upper))
    filters *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return torch.from_numpy(filters.astype(np.float32))


_FILTERS = mel_filters()
_WINDOW = torch.hann_window(N_FFT)


def log_mel(samples: Tensor) -> Tensor:
    """(batch, samples) at 16 kHz -> (batch, 80, samples / 160), normalised per window."""
    spectrum = torch.stft(samples, N_FFT, HOP_SAMPLES, window=_WINDOW, return_complex=True)
    power = spectrum[..., :-1].abs() ** 2
    log = torch.clamp(_FILTERS @ power, min=1e-10).log10()
    log = torch.maximum(log, log.amax(dim=(-2, -1), keepdim=True) - 8.0)
    return (log + 4.0) / 4.0
