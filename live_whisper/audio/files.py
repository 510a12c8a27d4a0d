"""Any media file or network stream as 16 kHz mono blocks, through PyAV (FFmpeg)."""

import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import av
import av.error
import av.logging
import numpy as np

from live_whisper.audio.pcm import mix_down
from live_whisper.audio.resample import MAX_RATE, MIN_RATE, Resampler, usable_rate
from live_whisper.errors import InputError, one_line
from live_whisper.types.audio import Samples
from live_whisper.units import SAMPLE_RATE, seconds_to_samples

URL_SCHEMES: Final = ("http://", "https://", "rtsp://", "rtsps://", "rtmp://", "rtmps://", "srt://")
_URL_TIMEOUT_SECONDS: Final = (15.0, 15.0)  # to open, to read
_MAX_BLOCK: Final = 10 * SAMPLE_RATE  # longer pieces are cut, so that memory stays bounded
_MIN_HOLE_SECONDS: Final = 0.1  # smaller steps of the timestamps are rounding or encoder delay
_MAX_HOLE_SECONDS: Final = 1800.0  # larger ones are a damaged timestamp
_DECODE_ERRORS: Final = (av.error.FFmpegError, OSError, ValueError, EOFError)

av.logging.set_level(None)  # FFmpeg would write to the terminal; what matters is reported here


def is_url(path: str) -> bool:
    """Whether an input is a network address and not a file."""
    return path.casefold().startswith(URL_SCHEMES)


def open_media(path: str | Path) -> "MediaReader":
    """Open a media file or URL. Raises ``InputError`` unless it has sound to decode."""
    text = str(path)
    if is_url(text):
        return MediaReader(_open_container(text, one_line(text), url=True), one_line(text))
    name = one_line(Path(text).name) or one_line(text)
    _check_file(Path(text), name)
    # "file:" keeps a name such as "concat:a|b" from being taken for one of FFmpeg's protocols.
    return MediaReader(_open_container(f"file:{text}", name, url=False), name)


class MediaReader:
    """The audio of one media file, block by block, decoded as it is asked for. One thread.

    Blocks are 16 kHz mono float32 on the 16-bit grid, at most 10 s each. Holes in the file's
    timestamps are filled with silence, so positions are times of the file. ``notices`` says
    what was wrong with a file that could still be read in part.
    """

    def __init__(self, container: Any, name: str) -> None:  # noqa: ANN401 (PyAV is untyped)
        self.name = name
        self.notices: list[str] = []
        self._container = container
        self._stream = _audio_stream(container, name)
        if self._stream is None:
            container.close()
            raise InputError(
                f"{name} has no audio stream.", hint="Is it the right file?" if name else ""
            )

    @property
    def duration_samples(self) -> int | None:
        """The length the file claims, 16 kHz samples, or ``None``; an estimate."""
        stream, container = self._stream, self._container
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            seconds = container.duration / av.time_base
        else:
            return None
        return seconds_to_samples(seconds) if 0 < seconds < 10_000_000 else None

    def blocks(self) -> Iterator[Samples]:
        """The audio, once. Raises ``InputError`` where nothing at all can be decoded."""
        state = _Decoding(self)
        heard = False
        failure: Exception | None = None
        try:
            for frame in self._container.decode(self._stream):
                for block in state.push(frame):
                    heard = True
                    yield block
        except _DECODE_ERRORS as error:
            failure = error
        for block in state.finish():
            heard = True
            yield block
        if failure is not None and heard:
            self.notices.append(f"{self.name} is damaged or cut off: {_reason(failure)}.")
        elif failure is not None:
            raise InputError(f"{self.name} cannot be decoded: {_reason(failure)}.") from None
        elif not heard:
            raise InputError(f"{self.name} holds no sound.", hint="Is the file complete?")

    def close(self) -> None:
        """Release the file."""
        with contextlib.suppress(*_DECODE_ERRORS):
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Decoding:
    """Frames of any format to blocks; the format may change within a file."""

    def __init__(self, reader: MediaReader) -> None:
        self._reader = reader
        self._resampler: Resampler | None = None
        self._given = 0  # 16 kHz samples so far, those in the filter included
        self._origin: float | None = None

    def push(self, frame: Any) -> Iterator[Samples]:  # noqa: ANN401
        rate = int(frame.sample_rate)
        if not usable_rate(rate):
            raise ValueError(f"a sample rate of {rate} Hz is outside {MIN_RATE}-{MAX_RATE} Hz")
        hole = self._hole_before(frame)
        if self._resampler is None or self._resampler.rate != rate or hole:
            yield from self._flush()
            yield from _silence(hole)
            self._given += hole
            self._resampler = Resampler(rate)
        mono = mix_down(_frames_of(frame))
        step = rate * _MAX_BLOCK // SAMPLE_RATE
        for at in range(0, len(mono), step):
            piece = mono[at : at + step]
            before = self._resampler.pending
            block = self._resampler.push(piece)
            self._given += len(block) + self._resampler.pending - before
            if len(block):
                yield block

    def finish(self) -> Iterator[Samples]:
        yield from self._flush()

    def _flush(self) -> Iterator[Samples]:
        if self._resampler is not None:
            block = self._resampler.flush()
            self._resampler = None
            if len(block):
                yield block

    def _hole_before(self, frame: Any) -> int:  # noqa: ANN401
        """Samples of silence that the timestamps ask for before this frame."""
        if frame.time is None:
            return 0
        if self._origin is None:
            self._origin = self._container_start(frame.time)
        expected = self._origin + self._given / SAMPLE_RATE
        hole = frame.time - expected
        if hole > _MAX_HOLE_SECONDS or hole < -_MIN_HOLE_SECONDS:
            # A jump back or far ahead is a new count, not missing sound.
            self._origin = frame.time - self._given / SAMPLE_RATE
            return 0
        return seconds_to_samples(hole) if hole > _MIN_HOLE_SECONDS else 0

    def _container_start(self, first: float) -> float:
        """Where the file's own time begins: sound that starts late in a video is not moved."""
        start = self._reader._container.start_time  # noqa: SLF001 (one unit, two classes)
        if start is None:
            return first
        start_seconds = float(start / av.time_base)
        late = first - start_seconds
        return start_seconds if 0 <= late <= _MAX_HOLE_SECONDS else first


def _silence(count: int) -> Iterator[Samples]:
    while count > 0:
        now = min(count, _MAX_BLOCK)
        yield np.zeros(now, dtype=np.float32)
        count -= now


def _frames_of(frame: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401
    """A PyAV frame as shape (n, channels)."""
    values: np.ndarray[Any, Any] = frame.to_ndarray()
    if frame.format.is_planar:
        return values.T
    channels = max(1, frame.layout.nb_channels)
    return values.reshape(-1, channels)


def _audio_stream(container: Any, name: str) -> Any:  # noqa: ANN401
    try:
        streams = container.streams.audio
        return (container.streams.best("audio") or streams[0]) if len(streams) else None
    except _DECODE_ERRORS as error:
        container.close()
        raise InputError(f"{name} cannot be decoded: {_reason(error)}.") from None


def _check_file(path: Path, name: str) -> None:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise InputError(f"There is no file {one_line(str(path))!r}.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{name} cannot be read: {_reason(error)}.") from None
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{name} is a folder.", hint="Give a media file.")
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
        raise InputError(f"{name} is neither a file nor a pipe.")
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        raise InputError(f"{name} is empty (0 bytes).")


def _open_container(target: str, name: str, *, url: bool) -> Any:  # noqa: ANN401
    # A playlist on disk must not make us read other places than the disk.
    options = {} if url else {"protocol_whitelist": "file,crypto,data"}
    timeout = _URL_TIMEOUT_SECONDS if url else None
    try:
        return av.open(target, options=options, timeout=timeout, metadata_errors="replace")
    except PermissionError:
        raise InputError(
            f"There is no permission to read {name}.", hint="Check the file's mode."
        ) from None
    except av.error.InvalidDataError:
        raise InputError(
            f"{name} is not a media file that can be read.",
            hint="Raw PCM goes in through standard input: --input -",
        ) from None
    except _DECODE_ERRORS as error:
        raise InputError(f"{name} cannot be opened: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return one_line(str(text)).removesuffix(".")
