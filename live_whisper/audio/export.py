"""The recording as one ordinary file: FLAC or WAV."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
import av.error

from live_whisper.audio.pcm import to_s16
from live_whisper.audio.spool import SpoolReader, wav_header
from live_whisper.errors import OutputError, one_line
from live_whisper.types.audio import Samples, Span
from live_whisper.units import SAMPLE_RATE

FORMATS: Final = (".flac", ".wav")
_STEP: Final = 60 * SAMPLE_RATE  # a minute in memory
_MAX_WAV_SAMPLES: Final = (0xFFFFFFFF - 36) // 2


def export_recording(reader: SpoolReader, path: Path, *, overwrite: bool = False) -> Span:
    """Write the spool from sample 0 to its end to ``path`` (``.flac`` or ``.wav``, mode 0600).

    What the spool lacks becomes silence, so times hold. The file appears whole or not at all.
    Returns what was written. Raises ``OutputError``, and ``InputError`` where the spool fails.
    """
    check_export_path(path)
    if path.exists() and not overwrite:
        raise OutputError(f"{one_line(str(path))} exists already.", hint="Choose another name.")
    whole = Span(0, reader.end)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if path.suffix.casefold() == ".flac":
            _write_flac(_pieces(reader, whole), part)
        else:
            _write_wav(_pieces(reader, whole), part, whole.length)
        part.replace(path)
    except (OSError, av.error.FFmpegError) as error:
        reason = one_line(getattr(error, "strerror", None) or str(error))
        raise OutputError(f"{one_line(str(path))} cannot be written: {reason}.") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return whole


def check_export_path(path: Path) -> None:
    """Raise ``OutputError`` unless the name ends in a format that can be written."""
    if path.suffix.casefold() not in FORMATS:
        raise OutputError(
            f"Audio cannot be kept as {one_line(path.name)!r}.",
            hint=f"Names end in {' or '.join(FORMATS)}.",
        )


def _pieces(reader: SpoolReader, whole: Span) -> Iterator[Samples]:
    for start in range(whole.start, whole.end, _STEP):
        yield reader.read(Span(start, min(start + _STEP, whole.end)), fill=True)


def _write_wav(pieces: Iterator[Samples], path: Path, length: int) -> None:
    if length > _MAX_WAV_SAMPLES:
        raise OutputError("The recording is too long for a WAV file.", hint="Use .flac.")
    with path.open("r+b") as file:
        file.write(wav_header(length))
        for piece in pieces:
            file.write(to_s16(piece).astype("<i2").tobytes())
        file.flush()
        os.fsync(file.fileno())


def _write_flac(pieces: Iterator[Samples], path: Path) -> None:
    # Without ``file:`` FFmpeg takes what stands before a colon for a protocol.
    with av.open(f"file:{path}", "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
        at = 0
        fifo = av.AudioFifo()
        for piece in pieces:
            frame = av.AudioFrame.from_ndarray(to_s16(piece)[None, :], format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, at
            at += len(piece)
            fifo.write(frame)
            for block in fifo.read_many(4096):
                container.mux(stream.encode(block))
        rest = fifo.read(0, partial=True)
        if rest is not None:
            container.mux(stream.encode(rest))
        container.mux(stream.encode(None))
