"""Subtitle files beside a live run.

SubRip, WebVTT and plain text grow by one write and one sync per finished cue and are valid at any
moment. The other formats are written from the journal when the run ends, in one step.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from live_whisper import units
from live_whisper.captions.cues import Cue
from live_whisper.captions.formats import format_for
from live_whisper.captions.srt import SrtTail, read_tail
from live_whisper.captions.writer import CaptionWriter, WriterOptions
from live_whisper.errors import InputError, LiveWhisperError, OutputError, UsageError
from live_whisper.streaming.rebuild import rebuild_file, rebuild_text
from live_whisper.streaming.sinks.base import Sink
from live_whisper.streaming.sinks.captioning import CueFeed, DocumentFacts, OutputSpec
from live_whisper.streaming.sinks.files import (
    AppendFile,
    Place,
    ResilientFile,
    free_name,
    reason,
    shown,
    write_atomically,
)
from live_whisper.types.events import Event, SessionStarted

_REMEDY = "Nothing is lost: `live-whisper recover` writes it again from the journal."
_MAX_RESUMED_BYTES = 64 << 20


def open_output(output: OutputSpec, *, journal: Path) -> Sink:
    """The sink that writes an output, whose file was claimed or is continued.

    Raises ``UsageError`` for an unknown suffix, ``OutputError`` where it cannot be opened.
    """
    rolling = output.kept_bytes or format_for(output.path).rolling
    return RollingFile(output, journal) if rolling else WholeFile(output, journal)


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where a continued SRT file goes on."""

    output: OutputSpec
    context: str
    """The last captions' text: a prompt for the recognizer."""


def continue_output(path: Path, options: WriterOptions | None = None) -> Continuation:
    """Prepare ``--resume``: the next number, the clock after the last cue, a torn tail cut off.

    Raises ``UsageError`` for a format that cannot be continued, ``InputError`` for a file that
    cannot be read or holds no cue, ``OutputError`` where it cannot be written.
    """
    if format_for(path).name != "srt":
        raise UsageError(f"{shown(path.name)!r} cannot be continued.", hint="Only .srt files can.")
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_RESUMED_BYTES + 1)
    except OSError as error:
        raise InputError(f"{shown(path)!r} cannot be read: {reason(error)}.") from None
    if len(data) > _MAX_RESUMED_BYTES:
        raise InputError(f"{shown(path)!r} is larger than any subtitle file.")
    tail: SrtTail = read_tail(data)
    if not tail.cues:
        raise InputError(f"{shown(path)!r} holds no SRT caption.", hint="Start a new file instead.")
    _mend(path, tail)
    kept = tail.valid_bytes + len(tail.glue)
    options = replace(
        options or WriterOptions(),
        first_number=tail.last_number + 1,
        offset=units.ms_to_samples(tail.last_end_ms),
    )
    return Continuation(OutputSpec(path, options, kept), " ".join(tail.last_lines))


def _mend(path: Path, tail: SrtTail) -> None:
    """Cut a torn tail off and end the last block with an empty line."""
    try:
        file = AppendFile(path, keep_bytes=tail.valid_bytes)
        try:
            file.append(tail.glue.encode())
        finally:
            file.close()
    except OSError as error:
        raise OutputError(f"{shown(path)!r} cannot be written: {reason(error)}.") from None


class RollingFile:
    """A subtitle file that grows with the captions. One thread.

    Deleted or moved away, it is made again from the journal; where that cannot be, it is written
    beside the journal in the end. Close the journal before this.
    """

    def __init__(self, output: OutputSpec, journal: Path) -> None:
        """Open a claimed or continued file. Raises ``OutputError``."""
        self.output, self._journal = output, journal
        self.elsewhere: Path | None = None
        """Where the captions are instead, after ``close``."""
        self._file = ResilientFile(
            output.path,
            keep_bytes=output.kept_bytes or None,
            remedy=_REMEDY,
            restore=self._document,
        )
        self._notices: list[tuple[str, str]] = []
        self._feed = CueFeed(output.options.limits)
        self._facts = DocumentFacts(output.path.stem)
        self._writer: CaptionWriter | None = None
        self._closed = False

    def handle(self, event: Event) -> None:
        """Write the cues that an event finishes."""
        self._facts.handle(event)
        if isinstance(event, SessionStarted):
            self._begin()
        for cue in self._feed.handle(event):
            self._write(cue)

    def _begin(self) -> CaptionWriter:
        if self._writer is None:
            self._writer = format_for(self.output.path).writer(
                self._facts.info, self.output.options
            )
            header = self._writer.header()
            if header and not self.output.kept_bytes:
                self._file.append(header.encode())
        return self._writer

    def _write(self, cue: Cue) -> None:
        self._file.append(self._begin().cue(cue).encode("utf-8", errors="replace"))

    def _document(self, length: int) -> bytes | None:
        """The first ``length`` bytes as the journal has them."""
        if self.output.kept_bytes:
            return None  # nobody else has what stood in the file before
        document = bytearray()
        try:
            for piece in rebuild_text(self._journal, self.output) if length else ():
                document += piece.encode("utf-8", errors="replace")
                if len(document) >= length:
                    break
        except LiveWhisperError:
            return None
        return bytes(document[:length]) if len(document) >= length else None

    @property
    def complete(self) -> bool:
        """Whether every finished cue is in the file, or in the one written elsewhere."""
        return self._file.complete or self.elsewhere is not None

    def take_notices(self) -> list[tuple[str, str]]:
        """Write failures and recoveries."""
        notices, self._notices = self._notices, []
        return self._file.take_notices() + notices

    def close(self) -> None:
        """Write the open cue and close. Never raises."""
        if self._closed:
            return
        self._closed = True
        self._begin()
        for cue in self._feed.finish():
            self._write(cue)
        self._file.close()
        if not self._file.complete or not self.output.path.exists():
            self.elsewhere = _write_beside(self._journal, self.output, self._notices)


class WholeFile:
    """A subtitle file that is written from the journal at the end. One thread.

    Until then it is a valid document without captions; ``live-whisper recover`` fills it after a
    crash. Close the journal before this.
    """

    def __init__(self, output: OutputSpec, journal: Path) -> None:
        """Write the empty document. Raises ``OutputError``."""
        self.output, self._journal = output, journal
        self._facts = DocumentFacts(output.path.stem)
        self.elsewhere: Path | None = None
        """Where the captions are instead, after ``close``."""
        self._notices: list[tuple[str, str]] = []
        self._place = Place(output.path)
        self._closed, self._complete = False, True
        writer = format_for(output.path).writer(self._facts.info, output.options)
        try:
            write_atomically(output.path, [(writer.header() + writer.footer()).encode()])
        except OSError as error:
            raise OutputError(
                f"{shown(output.path)!r} cannot be written: {reason(error)}."
            ) from None

    def handle(self, event: Event) -> None:
        """Nothing yet: the journal has the event."""

    @property
    def complete(self) -> bool:
        """Whether the file was written; before the end it has nothing to write."""
        return self._complete

    def take_notices(self) -> list[tuple[str, str]]:
        """What went wrong when the file was written."""
        notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Write the document. Never raises; a failure becomes a notice."""
        if self._closed:
            return
        self._closed = True
        try:
            if not self._place.there:
                raise OutputError(f"The disk of {shown(self.output.path)!r} is not there.")
            rebuild_file(self._journal, self.output)
        except LiveWhisperError as error:
            self._notices.append((str(error), "error"))
            self.elsewhere = _write_beside(self._journal, self.output, self._notices)
            self._complete = self.elsewhere is not None


def _write_beside(journal: Path, output: OutputSpec, notices: list[tuple[str, str]]) -> Path | None:
    """Write captions that have no place of their own into the recording's folder."""
    path = journal.parent / output.path.name
    path = free_name(path) if path.exists() else path
    try:
        rebuild_file(journal, replace(output, path=path, kept_bytes=0))
    except LiveWhisperError as error:
        notices.append((f"{error} {_REMEDY}", "error"))
        return None
    notices.append((f"The captions of {shown(output.path)} are in {shown(path)}.", "warning"))
    return path
