"""Raw PCM from a pipe as an ``AudioSource``."""

import contextlib
import os
import queue
import sys
import threading
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from live_whisper.audio.outbox import Outbox
from live_whisper.audio.pcm import mix_down
from live_whisper.audio.resample import Resampler, usable_rate
from live_whisper.audio.source import SourceChunk
from live_whisper.errors import InputError, UsageError
from live_whisper.units import NS_PER_SECOND, SAMPLE_RATE

PcmFormat = Literal["s16le", "f32le"]

_READ_BYTES: Final = 1 << 15
_QUEUED_READS: Final = 64  # 2 MiB: a minute at 16 kHz; beyond it the writer of the pipe waits
_MAX_CHUNK_SAMPLES: Final = 5 * SAMPLE_RATE
_DTYPES: Final[dict[str, np.dtype[Any]]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}


@dataclass(frozen=True, slots=True)
class PcmLayout:
    """What the bytes are: interleaved, little-endian."""

    rate: int = SAMPLE_RATE
    channels: int = 1
    format: PcmFormat = "s16le"

    def __post_init__(self) -> None:
        if not usable_rate(self.rate):
            raise UsageError(f"{self.rate} Hz is not a usable sample rate for standard input.")
        if not 1 <= self.channels <= 64:
            raise UsageError(f"{self.channels} channels on standard input cannot be right.")
        if self.format not in _DTYPES:
            raise UsageError(
                f"Unknown PCM format {self.format!r}.", hint=f"Known: {', '.join(_DTYPES)}."
            )

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return _DTYPES[self.format].itemsize * self.channels


class StdinPcmSource:
    """See the module. Whole bytes are kept across reads however the pipe cuts them.

    A thread reads the pipe, since a blocked read cannot be given up on every platform; it holds
    a bounded number of blocks and then lets the writer wait.
    """

    live = True

    def __init__(self, layout: PcmLayout | None = None, *, file: int | None = None) -> None:
        self._layout = layout or PcmLayout()
        self._file = file
        self._queue: queue.Queue[bytes | OSError | None] = queue.Queue(maxsize=_QUEUED_READS)
        self._thread: threading.Thread | None = None
        self._resampler = Resampler(self._layout.rate)
        self._rest = b""
        self._heard = False
        self._ended = False
        self._out = Outbox(_MAX_CHUNK_SAMPLES)
        self._stopping = threading.Event()

    @property
    def name(self) -> str:
        """Always ``standard input``."""
        return "standard input"

    def open(self) -> None:
        """Begin to read. Raises ``InputError`` for a terminal or a closed standard input."""
        if self._thread is not None:
            return
        if self._file is None:
            self._file = _stdin_file()
        if os.isatty(self._file):
            raise InputError(
                "Standard input is a terminal, not a stream of audio.",
                hint="Pipe raw PCM in: ffmpeg -i talk.mp4 -f s16le -ac 1 -ar 16000 - | "
                "live-whisper --input -",
            )
        self._thread = threading.Thread(target=self._pump, name="stdin", daemon=True)
        self._thread.start()

    def read(self, timeout_ns: int) -> SourceChunk:
        """What has arrived. Raises ``InputError`` where the stream ends without a sample."""
        if self._thread is None:
            raise ValueError("standard input must be opened before it is read")
        wait_s = 0.0 if self._out.waiting else max(0, timeout_ns) / NS_PER_SECOND
        while not self._ended and self._out.waiting < _MAX_CHUNK_SAMPLES:
            try:
                item = self._queue.get(timeout=wait_s) if wait_s else self._queue.get_nowait()
            except queue.Empty:
                if self._stopping.is_set():
                    self._finish(None)
                break
            wait_s = 0.0
            self._accept(item)
        return self._out.take(ended=self._ended)

    def stop(self) -> None:
        """End with what has been read so far. Any thread."""
        self._stopping.set()
        with contextlib.suppress(queue.Full):  # then the reader meets the flag behind the rest
            self._queue.put_nowait(None)

    def close(self) -> None:
        """Stop reading. The thread may stay in its last read; it holds nothing."""
        self.stop()

    def _accept(self, item: bytes | OSError | None) -> None:
        if isinstance(item, bytes):
            self._take_bytes(item)
        else:
            self._finish(item)

    def _take_bytes(self, data: bytes) -> None:
        data = self._rest + data
        whole = len(data) // self._layout.frame_bytes * self._layout.frame_bytes
        self._rest = data[whole:]
        values = np.frombuffer(data[:whole], dtype=_DTYPES[self._layout.format])
        self._heard = self._heard or bool(whole)
        mono = mix_down(values.reshape(-1, self._layout.channels))
        self._out.add(self._resampler.push(mono))

    def _finish(self, failure: OSError | None) -> None:
        self._ended = True
        if not self._heard and not self._stopping.is_set():
            raise InputError(
                "Standard input ended without a single sample.",
                hint="Is the program before the pipe running?",
            )
        self._out.add(self._resampler.flush())
        if failure is not None:
            self._out.tell(f"Standard input failed: {failure.strerror or failure}.")
        if self._rest:
            self._out.tell("Standard input ended in the middle of a sample.")

    def _pump(self) -> None:
        assert self._file is not None
        end: OSError | None = None
        while not self._stopping.is_set():
            try:
                data = os.read(self._file, _READ_BYTES)
            except OSError as error:
                end = error
                break
            if not data:
                break
            self._put(data)
        self._put(end)

    def _put(self, item: bytes | OSError | None) -> None:
        while not (self._stopping.is_set() and item is not None):
            try:
                self._queue.put(item, timeout=0.5)
            except queue.Full:
                continue
            return


def _stdin_file() -> int:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        raise InputError("Standard input is closed.") from None
