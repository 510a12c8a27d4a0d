"""The log-mel spectrogram of a whole recording, on disk instead of in memory.

The reference limits the dynamic range by the loudest frame of the whole file, so nothing can be
decoded before everything was heard. The un-normalised frames (32 kB per second at 80 bins) wait in
an unnamed temporary file, which the system removes with the process.
"""

import tempfile
from types import TracebackType
from typing import Literal, Self

import numpy as np

from live_whisper.errors import OutputError, one_line
from live_whisper.types.audio import Mel, Samples
from live_whisper.units import HOP_SAMPLES, N_FFT
from live_whisper.whisper.mel import Frames, LogMel, normalise

Padding = Literal["zero", "silence"]
"""What follows the audio in a window: zeros in the finished spectrogram, as the reference fills up
a cut window, or the value of digital silence."""

_HALF = N_FFT // 2


class FileMel:
    """Push samples, finish, then ask for windows. A context manager; one thread."""

    def __init__(self, log_mel: LogMel) -> None:
        self._log_mel = log_mel
        self._file = tempfile.TemporaryFile(prefix="live-whisper-")  # noqa: SIM115 - closed by close
        self._pending: Samples = np.empty(0, dtype=np.float32)
        self._begun = False
        self._stored_frames = 0
        self._loudest = np.float32(-np.inf)
        self.samples = 0
        """Samples pushed so far."""

    @property
    def frames(self) -> int:
        """Whole mel frames of audio, 10 ms each."""
        return self.samples // HOP_SAMPLES

    def push(self, samples: Samples) -> None:
        """Add audio, shape (n,), float32, 16 kHz mono."""
        self.samples += len(samples)
        self._pending = np.concatenate([self._pending, samples])
        if not self._begun and len(self._pending) > _HALF:
            self._begin()
        if self._begun:
            self._store()

    def finish(self) -> None:
        """No more audio comes; call once, before any window."""
        self._pending = np.concatenate([self._pending, np.zeros(N_FFT, dtype=np.float32)])
        if not self._begun:
            self._begin()
        self._store()
        self._pending = self._pending[:0]

    def window(self, first: int, count: int, padded: int, padding: Padding = "zero") -> Mel:
        """Frames ``[first, first + count)`` and padding, shape (n_mels, padded), float32.

        Beyond the end of the audio is silence, like in the reference, which adds 30 s of it.
        """
        stored = max(0, min(count, self._stored_frames - first))
        frames = self._read(first, stored)
        # One frame as loud as the loudest of the file makes the window's limit the file's.
        reference = np.full((1, self._log_mel.n_mels), self._loudest, dtype=np.float32)
        mel = normalise(np.concatenate([reference, frames]), 1 + padded)[:, 1:]
        if padding == "zero":
            mel[:, count:] = 0.0
        return np.ascontiguousarray(mel)

    def close(self) -> None:
        """Remove the temporary file. Idempotent."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _begin(self) -> None:
        """Mirror the beginning, as a centred transform does."""
        self._pending = np.concatenate([self._pending[_HALF:0:-1], self._pending])
        self._begun = True

    def _store(self) -> None:
        count = (len(self._pending) - N_FFT) // HOP_SAMPLES + 1
        if count < 1:
            return
        frames = self._log_mel.log_frames(self._pending, 0, count)
        self._pending = self._pending[count * HOP_SAMPLES :]
        self._loudest = np.maximum(self._loudest, frames.max())
        try:
            self._file.write(frames.tobytes())
        except OSError as error:
            raise OutputError(
                f"The temporary folder {one_line(tempfile.gettempdir())} cannot be written: "
                f"{one_line(error.strerror or error)}.",
                hint="Free some space, or name another folder in TMPDIR.",
            ) from None
        self._stored_frames += count

    def _read(self, first: int, count: int) -> Frames:
        n_mels = self._log_mel.n_mels
        self._file.seek(first * n_mels * 4)
        data = self._file.read(count * n_mels * 4)
        return np.frombuffer(data, dtype=np.float32).reshape(count, n_mels)
