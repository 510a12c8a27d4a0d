"""The journal: every event of a run, append-only, on disk before anything else has it.

One JSON object per line. The first field is the CRC-32 of the rest of the line, the second the
line's number, so torn, damaged and missing lines are all found::

    {"crc":"5a0f1c22","n":0,"event":"journal","version":1,"sample_rate":16000}
    {"crc":"91c07be0","n":1,"event":"committed","at":48000,"words":[{"text":" Hello", …}]}

``Tentative`` and ``Progress`` are not stored: nothing that may still change is in a journal.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from live_whisper import units
from live_whisper.errors import InputError
from live_whisper.streaming.sinks.codec import CodecError, Json, decode, encode, event_name
from live_whisper.streaming.sinks.files import ResilientFile, claim_output, reason, shown
from live_whisper.types.events import Event, Progress, SpeechChanged, Tentative, WindowDone

VERSION = 1
_MAX_LINE_BYTES = 16 << 20
_TAIL_BYTES = 256 << 10
_PREFIX = b'{"crc":"'
_HEAD = len(_PREFIX) + 8 + len(b'",')


def _line(number: int, name: str, fields: dict[str, Json]) -> bytes:
    record = {"n": number, "event": name, **fields}
    try:
        body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate: escaped, it comes back as it was
        body = json.dumps(record, separators=(",", ":")).encode()
    rest = body[1:]
    return _PREFIX + b"%08x" % zlib.crc32(rest) + b'",' + rest + b"\n"


class JournalSink:
    """Writes a journal: one write and one sync per event. One thread.

    A full disk or a failing one does not raise: lines wait in bounded memory and are written when
    there is room again (``take_notices`` tells).
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        """Create the journal (mode 0600), or continue one after its last whole line.

        Raises ``OutputError`` where it cannot be written and, with ``resume``, ``InputError`` for a
        file that is no journal; a torn tail is cut off.
        """
        self.path = path
        self._number, keep_bytes = 0, None
        if resume:
            self._number, keep_bytes = _good_end(path)
        else:
            claim_output(path)
        self._file = ResilientFile(
            path, keep_bytes=keep_bytes, remedy="Free some space; captions go on."
        )
        if self._number == 0:
            self._append("journal", {"version": VERSION, "sample_rate": units.SAMPLE_RATE})

    def handle(self, event: Event) -> None:
        """Store an event, unless it is one that may still change or is for displays only."""
        if isinstance(event, (Progress, Tentative)):
            return
        # These carry no text; the next commit takes them to the disk.
        sync = not isinstance(event, (SpeechChanged, WindowDone))
        self._append(event_name(event), encode(event), sync=sync)

    def _append(self, name: str, fields: dict[str, Json], *, sync: bool = True) -> None:
        self._file.append(_line(self._number, name, fields), sync=sync)
        self._number += 1

    @property
    def complete(self) -> bool:
        """Whether every event is in the file."""
        return self._file.complete

    def take_notices(self) -> list[tuple[str, str]]:
        """Write failures and recoveries."""
        return self._file.take_notices()

    def close(self) -> None:
        """Write what is owed and close."""
        self._file.close()


# --- reading ---


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of a journal that could not be used."""

    line: int
    """Line in the file, from 1."""
    offset: int
    """Byte at which the line begins."""
    reason: str


@dataclass(frozen=True, slots=True)
class JournalContents:
    """What a journal holds."""

    events: tuple[Event, ...]
    damage: tuple[Damage, ...]
    valid_bytes: int
    """Length up to and including the last whole, undamaged line."""
    next_number: int
    """Number of the line that would come next."""

    @property
    def torn(self) -> bool:
        """Whether the only damage is an unfinished last line: what a crash leaves."""
        return len(self.damage) == 1 and self.damage[0].reason == "torn"


class NoJournalError(InputError):
    """The file was read and holds not one line of a journal."""


@dataclass(frozen=True, slots=True)
class Record:
    """One good line."""

    number: int
    end: int
    """Byte just after the line."""
    event: Event | None
    """``None`` for the header and for kinds of event this version does not know."""


def iter_journal(path: Path) -> Iterator[Record | Damage]:
    """Read a journal line by line in bounded memory, whatever its state.

    Raises ``InputError`` where the file cannot be read, is no journal at all or was written by a
    newer version; damage inside it is yielded, never raised.
    """
    try:
        with path.open("rb") as file:
            yield from _records(file, path)
    except OSError as error:
        raise InputError(f"{shown(path)!r} cannot be read: {reason(error)}.") from None


def read_journal(path: Path) -> JournalContents:
    """The whole of a journal. Raises ``InputError`` as ``iter_journal`` does."""
    events: list[Event] = []
    damage: list[Damage] = []
    valid = number = 0
    for item in iter_journal(path):
        if isinstance(item, Damage):
            damage.append(item)
            continue
        valid, number = item.end, item.number + 1
        if item.event is not None:
            events.append(item.event)
    return JournalContents(tuple(events), tuple(damage), valid, number)


def _good_end(path: Path) -> tuple[int, int]:
    """Number of the next line, and the bytes up to and including the last good one."""
    number = end = 0
    for item in iter_journal(path):
        if isinstance(item, Record):
            number, end = item.number + 1, item.end
    return number, end


def last_event(path: Path) -> Event | None:
    """The last undamaged event, found without reading the rest; ``None`` where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).splitlines(keepends=True)
    except OSError:
        return None
    for line in reversed(lines):
        try:
            _, name, fields = _parse(line)
            event = None if name == "journal" else _event(name, fields)
        except CodecError:
            continue
        if event is not None:
            return event
    return None


def _records(file: BinaryIO, path: Path) -> Iterator[Record | Damage]:
    offset, expected, line_number, known = 0, 0, 0, False
    while line := file.readline(_MAX_LINE_BYTES):
        line_number += 1
        begin, offset = offset, offset + len(line)
        try:
            number, name, fields = _parse(line)
            event = None if name == "journal" else _event(name, fields)
        except CodecError as error:
            yield Damage(line_number, begin, str(error))
            continue
        if name == "journal":
            _check_header(fields, path)
        known = True
        if number > expected:
            yield Damage(line_number, begin, f"{number - expected} lines before it are missing")
        elif number < expected:
            yield Damage(line_number, begin, f"line {number} came a second time")
            continue
        expected = number + 1
        yield Record(number, offset, event)
    if not known and offset:
        raise NoJournalError(f"{shown(path)!r} is no journal, or nothing of it is left.")


def _parse(line: bytes) -> tuple[int, str, dict[str, Json]]:
    if not line.endswith(b"\n"):
        raise CodecError("torn")
    body = line[_HEAD:-1]
    if not line.startswith(_PREFIX) or line[:_HEAD] != _PREFIX + b"%08x" % zlib.crc32(body) + b'",':
        raise CodecError("checksum")
    try:
        record = json.loads(b"{" + body)
    except (ValueError, RecursionError):
        raise CodecError("not JSON") from None
    if not isinstance(record, dict):
        raise CodecError("not an object")
    number, name = record.get("n"), record.get("event")
    if type(number) is not int or number < 0 or not isinstance(name, str):
        raise CodecError("no number or no name")
    return number, name, record


def _event(name: str, fields: dict[str, Json]) -> Event | None:
    try:
        return decode(name, fields)
    except CodecError as error:
        if str(error).startswith("no event is called"):
            return None  # written by a later version; the rest is still of use
        raise


def _check_header(fields: dict[str, Json], path: Path) -> None:
    version, rate = fields.get("version"), fields.get("sample_rate")
    if version != VERSION or rate != units.SAMPLE_RATE:
        raise InputError(
            f"{shown(path)!r} is a journal of version {version} at {rate} Hz, not {VERSION} at"
            f" {units.SAMPLE_RATE} Hz.",
            hint="Use the live-whisper that wrote it.",
        )
