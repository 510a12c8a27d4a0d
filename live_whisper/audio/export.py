"""The spool as one audio file that any program plays: WAV or FLAC, sample for sample the same."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from live_whisper.audio.pcm import to_s16
from live_whisper.audio.spool import SpoolReader, wav_header
from live_whisper.audio.text import printable
from live_whisper.errors import InputError, OutputError, UsageError
from live_whisper.types.audio import Samples, Span
from live_whisper.units import SAMPLE_RATE

_BLOCK_SAMPLES = 10 * SAMPLE_RATE
_FLAC_FRAME_SAMPLES = 4096
_WAV_LIMIT_SAMPLES = (1 << 31) - 64  # 4 GiB of 16-bit samples, the most a WAV header can say


def check_audio_name(path: Path) -> None:
    """Raise ``UsageError`` for a suffix that is neither ``.wav`` nor ``.flac``."""
    if path.suffix.lower() not in _WRITERS:
        raise UsageError(
            f"Audio cannot be kept as {printable(path.name)!r}.", hint="Use .wav or .flac."
        )


def export_spool(folder: Path, path: Path) -> int:
    """Write everything a spool holds to ``path``, in one step; returns the samples written.

    What the disk lacked is silence, so times hold. Mode 0600. Raises ``UsageError`` for an unknown
    suffix, ``InputError`` for an empty spool, ``OutputError`` where the file cannot be written.
    """
    check_audio_name(path)
    reader = SpoolReader(folder)
    end = reader.end
    if not end:
        raise InputError("The recording holds no audio.")
    try:
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=".part", dir=path.parent
        )
    except OSError as error:
        raise _refused(path, error) from None
    temporary = Path(name)
    try:
        os.close(descriptor)
        _WRITERS[path.suffix.lower()](temporary, _blocks(reader, end), end)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, av.FFmpegError) as error:
        raise _refused(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return end


def _blocks(reader: SpoolReader, end: int) -> Iterator[Samples]:
    for at in range(0, end, _BLOCK_SAMPLES):
        yield reader.read(Span(at, min(end, at + _BLOCK_SAMPLES)), fill=True)


def _write_wav(path: Path, blocks: Iterator[Samples], samples: int) -> None:
    if samples > _WAV_LIMIT_SAMPLES:
        raise OutputError("The recording is too long for a WAV file.", hint="Use .flac.")
    with path.open("wb") as file:
        file.write(wav_header(samples))
        for block in blocks:
            file.write(to_s16(block).astype("<i2").tobytes())


def _write_flac(path: Path, blocks: Iterator[Samples], samples: int) -> None:
    del samples
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
        for block in blocks:
            for at in range(0, len(block), _FLAC_FRAME_SAMPLES):
                part = to_s16(block[at : at + _FLAC_FRAME_SAMPLES])
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(part, dtype=np.int16)[None, :], format="s16", layout="mono"
                )
                frame.sample_rate = SAMPLE_RATE
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _refused(path: Path, error: OSError | av.FFmpegError) -> OutputError:
    why = error.strerror or type(error).__name__
    return OutputError(f"{printable(str(path))!r} cannot be written: {why}.")


_WRITERS: dict[str, Callable[[Path, Iterator[Samples], int], None]] = {
    ".wav": _write_wav,
    ".flac": _write_flac,
}
