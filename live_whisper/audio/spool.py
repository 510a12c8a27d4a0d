"""The whole recording on disk while it runs, readable wherever it is cut off.

A folder holds WAV parts named after their first sample, ``audio-000000000000.wav``: a part per
12 hours (WAV ends at 4 GiB), and a new one after a resume or after the disk was full. Samples
are 16-bit, and everything after the resampler lies on that grid, so reading back gives exactly
what the engine heard. The header is brought up to date at every sync; our own reader goes by the
file's size and needs no header.
"""

import contextlib
import os
import struct
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from live_whisper.audio.pcm import from_s16, to_s16
from live_whisper.errors import InputError
from live_whisper.types.audio import Samples, Span
from live_whisper.units import SAMPLE_RATE

BYTES_PER_SAMPLE: Final = 2
BYTES_PER_SECOND: Final = BYTES_PER_SAMPLE * SAMPLE_RATE
_HEADER_BYTES: Final = 44
_PART_SAMPLES: Final = 12 * 3600 * SAMPLE_RATE  # 1.4 GB: below the 2 GiB some readers stop at
_SYNC_SAMPLES: Final = SAMPLE_RATE  # a power cut costs about a second; a kill costs nothing
_RETRY_SAMPLES: Final = 10 * SAMPLE_RATE
_PREFIX: Final = "audio-"
_PATCH_SAMPLES: Final = SAMPLE_RATE
_MOST_UNREADABLE: Final = 4096


class SpoolGapError(InputError):
    """Part of a span is not in the spool: not written yet, or the disk was full then."""


@dataclass(frozen=True, slots=True)
class _Part:
    path: Path
    span: Span


def part_name(start: int) -> str:
    """File name of the part whose first sample is ``start``."""
    return f"{_PREFIX}{start:012d}.wav"


def wav_header(samples: int) -> bytes:
    """The 44 bytes before ``samples`` 16-bit mono samples at 16 kHz."""
    size = min(2 * samples, 0xFFFFFFFF - 36)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + size, b"WAVE",
        b"fmt ", 16, 1, 1, SAMPLE_RATE, BYTES_PER_SECOND, 2, 16,
        b"data", size,
    )  # fmt: skip


class SpoolWriter:
    """Appends to the spool. Never raises for the disk: a recording goes on without it.

    One thread, which waits for the disk about once in a second of audio: the device's buffer
    holds a minute. After a failure a new part is tried every ten seconds of audio.
    """

    def __init__(
        self,
        folder: Path,
        *,
        start: int = 0,
        part_samples: int = _PART_SAMPLES,
        sync_samples: int | None = _SYNC_SAMPLES,
    ) -> None:
        self._folder = folder
        self._part_samples = part_samples
        self._sync_samples = sync_samples
        self._end = start
        self._file: int | None = None
        self._part_start = start
        self._part_bytes = 0
        self._tried_bytes = 0  # of this part when it was last synced, or that was tried
        self._counts_links = True
        self._retry_at = start
        self._failure: str | None = None
        self._sync_failure: str | None = None
        self._closed = False
        self._begun = False

    @property
    def end(self) -> int:
        """Absolute index just after the last sample given to ``append``, kept or not."""
        return self._end

    @property
    def failure(self) -> str | None:
        """Why nothing is being written at the moment, or ``None``. One line."""
        return self._failure or self._sync_failure

    def append(self, samples: Samples) -> bool:
        """Write samples, shape (n,), float32, at ``end``; returns whether the disk takes them."""
        if self._closed:
            raise ValueError("the spool is closed")
        ok = True
        rest = samples
        while len(rest):
            part_end = self._part_start + self._part_samples
            if self._file is not None and self._end >= part_end:
                self._close_part()
            if self._file is None and not self._open_part():
                self._end += len(rest)
                return False
            now = rest[: self._part_start + self._part_samples - self._end]
            ok = self._write(now) and ok
            rest = rest[len(now) :]
        waiting = self._part_bytes - self._tried_bytes
        if self._sync_samples is not None and waiting >= BYTES_PER_SAMPLE * self._sync_samples:
            self.sync()
        return ok and self.failure is None

    def skip(self, samples: Samples) -> bool:
        """Let samples pass without keeping them; what follows begins a new part. ``False``."""
        self._close_part()
        self._end += len(samples)
        return False

    def sync(self) -> bool:
        """Bring header and data to the disk; returns whether that succeeded."""
        if self._file is None:
            return self.failure is None
        self._tried_bytes = self._part_bytes
        try:
            os.lseek(self._file, 0, os.SEEK_SET)
            try:
                _write_all(self._file, wav_header(self._part_bytes // BYTES_PER_SAMPLE))
            finally:
                os.lseek(self._file, _HEADER_BYTES + self._part_bytes, os.SEEK_SET)
            os.fsync(self._file)
            if self._counts_links and os.fstat(self._file).st_nlink == 0:
                file, self._file = self._file, None
                os.close(file)
                self._fail("it was deleted")
                return False
        except (OSError, _PartialWriteError) as error:
            self._sync_failure = _why(error)
            return False
        self._sync_failure = None
        return True

    def close(self) -> None:
        """Sync and close. Safe to repeat."""
        if not self._closed:
            self._closed = True
            self._close_part()

    def _open_part(self) -> bool:
        if self._failure is not None and self._end < self._retry_at:
            return False
        path = self._folder / part_name(self._end)
        file = None
        try:
            if not self._begun:  # a folder that is gone later is not made again
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
            file = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)
            _write_all(file, wav_header(0))
            self._counts_links = os.fstat(file).st_nlink > 0  # not every network disk does
        except (OSError, _PartialWriteError) as error:
            if file is not None:
                os.close(file)
                with contextlib.suppress(OSError):
                    path.unlink()
            self._fail(_why(error))
            return False
        self._file, self._failure, self._sync_failure, self._begun = file, None, None, True
        self._part_start, self._part_bytes, self._tried_bytes = self._end, 0, 0
        return True

    def _write(self, samples: Samples) -> bool:
        assert self._file is not None
        data = to_s16(samples).astype("<i2").tobytes()
        failure: OSError | None = None
        try:
            written = _write_all(self._file, data)
        except _PartialWriteError as error:
            written, failure = error.written, error.cause
        whole = written // 2
        self._part_bytes += 2 * whole
        self._end += len(samples)
        if failure is None:
            return True
        self._fail(_why(failure))
        self._close_part(cut_odd_byte=True)
        return False

    def _close_part(self, *, cut_odd_byte: bool = False) -> None:
        self.sync()
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                if cut_odd_byte:
                    os.ftruncate(file, _HEADER_BYTES + self._part_bytes)
            with contextlib.suppress(OSError):
                os.close(file)

    def _fail(self, why: str) -> None:
        self._failure = why
        self._retry_at = self._end + _RETRY_SAMPLES


class SpoolReader:
    """Reads a spool, also while another process writes it. Any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.unreadable: deque[Span] = deque(maxlen=_MOST_UNREADABLE)
        """What ``read`` replaced by silence because the disk failed to give it; the last of it."""

    def coverage(self) -> tuple[Span, ...]:
        """What is on disk: spans in order that neither touch nor overlap."""
        spans: list[Span] = []
        for part in self._parts():
            if part.span.length and spans and part.span.start <= spans[-1].end:
                spans[-1] = Span(spans[-1].start, max(spans[-1].end, part.span.end))
            elif part.span.length:
                spans.append(part.span)
        return tuple(spans)

    @property
    def end(self) -> int:
        """Absolute index just after the last sample on disk; 0 for an empty spool."""
        return max((part.span.end for part in self._parts()), default=0)

    def read(self, span: Span, *, fill: bool = False) -> Samples:
        """The samples of ``span``, float32.

        Raises ``SpoolGapError`` where some are missing and ``InputError`` where the disk fails,
        unless ``fill`` puts silence there.
        """
        out = np.zeros(span.length, dtype=np.float32)
        have = 0
        at = span.start
        for part in self._parts():
            piece = Span(max(at, part.span.start), max(at, part.span.start, part.span.end))
            piece = Span(min(piece.start, span.end), min(piece.end, span.end))
            if piece.length:
                values = self._read_patched(part, piece) if fill else self._read_part(part, piece)
                out[piece.start - span.start :][: len(values)] = values
                have += len(values)
                at = piece.start + len(values)
        if have < span.length and not fill:
            raise SpoolGapError(
                f"The spool lacks {span.length - have} samples of [{span.start}, {span.end})."
            )
        return out

    def _parts(self) -> list[_Part]:
        found = []
        try:
            entries = sorted(self._folder.glob(f"{_PREFIX}*.wav"))
        except OSError:
            return []
        for path in entries:
            digits = path.stem.removeprefix(_PREFIX)
            if not (digits.isascii() and digits.isdecimal()):
                continue
            try:
                size = path.stat().st_size
            except OSError:
                continue
            start = int(digits)
            found.append(_Part(path, Span(start, start + max(0, size - _HEADER_BYTES) // 2)))
        return sorted(found, key=lambda part: part.span.start)

    def _read_patched(self, part: _Part, span: Span) -> Samples:
        """Second by second where the whole cannot be read: a bad place costs no more than that."""
        try:
            return self._read_part(part, span)
        except InputError:
            if span.length <= _PATCH_SAMPLES:
                self.unreadable.append(span)
                return np.zeros(span.length, dtype=np.float32)
        starts = range(span.start, span.end, _PATCH_SAMPLES)
        seconds = (Span(at, min(at + _PATCH_SAMPLES, span.end)) for at in starts)
        values = [self._read_patched(part, second) for second in seconds]
        whole = np.zeros(span.length, dtype=np.float32)  # a second may come short at the part's end
        for at, piece in zip(starts, values, strict=True):
            whole[at - span.start :][: len(piece)] = piece
        return whole

    def _read_part(self, part: _Part, span: Span) -> Samples:
        try:
            with part.path.open("rb", buffering=0) as file:
                file.seek(_HEADER_BYTES + 2 * (span.start - part.span.start))
                data = bytearray()
                while len(data) < 2 * span.length:
                    more = file.read(2 * span.length - len(data))
                    if not more:
                        break
                    data += more
        except OSError as error:
            raise InputError(f"The recording cannot be read: {_why(error)}.") from None
        return from_s16(np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2"))


def repair(folder: Path) -> tuple[Span, ...]:
    """Bring every part's header in line with its size, after a crash; returns the coverage."""
    for path in sorted(folder.glob(f"{_PREFIX}*.wav")):
        with contextlib.suppress(OSError):
            samples = max(0, path.stat().st_size - _HEADER_BYTES) // 2
            with path.open("r+b") as file:
                file.write(wav_header(samples))
                file.truncate(_HEADER_BYTES + 2 * samples)
    return SpoolReader(folder).coverage()


def holes(span: Span, held: tuple[Span, ...]) -> tuple[Span, ...]:
    """The parts of ``span`` that no span of ``held`` (in order, apart) covers."""
    found: list[Span] = []
    at = span.start
    for piece in held:
        if piece.end <= at or piece.start >= span.end:
            continue
        if piece.start > at:
            found.append(Span(at, piece.start))
        at = piece.end
    if at < span.end:
        found.append(Span(at, span.end))
    return tuple(found)


class _PartialWriteError(Exception):
    def __init__(self, written: int, cause: OSError) -> None:
        super().__init__(str(cause))
        self.written = written
        self.cause = cause


def _write_all(file: int, data: bytes) -> int:
    """Write everything; raises ``_PartialWriteError`` with what got through before an error."""
    view = memoryview(data)
    done = 0
    while done < len(data):
        try:
            done += os.write(file, view[done:])
        except OSError as error:
            raise _PartialWriteError(done, error) from error
    return done


def _why(error: OSError | _PartialWriteError) -> str:
    cause = error.cause if isinstance(error, _PartialWriteError) else error
    return cause.strerror or type(cause).__name__
