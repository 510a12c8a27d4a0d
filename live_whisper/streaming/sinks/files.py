"""Append-only files: all or nothing per write, private, on disk before the next step.

Failed writes never end a run: ``ResilientFile`` keeps a bounded backlog and tries again with every
later write.
"""

import contextlib
import errno
import glob
import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from live_whisper import clock
from live_whisper.captions.text import sanitize
from live_whisper.errors import OutputError
from live_whisper.units import NS_PER_SECOND

FILE_MODE = 0o600
# Not for child processes; and no line-end translation on Windows.
_OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_BACKLOG_BYTES = 4 << 20  # kept in memory while a file cannot be written
_LEFTOVER_NS = 3600 * NS_PER_SECOND
_MOST_REPLACED_BYTES = 64 << 20  # more is no subtitle file


def shown(path: Path | str) -> str:
    """A path safe to print."""
    return sanitize(os.fspath(path))


def reason(error: OSError) -> str:
    """What went wrong, in the system's words and without the path."""
    return sanitize(error.strerror or str(error))


@dataclass(frozen=True, slots=True)
class Claim:
    """A name that a run may write to, and what stood there before."""

    path: Path
    new: bool
    """Whether the file was created by this claim."""
    before: bytes | None = None
    """What an emptied file held; ``None`` where nothing was emptied."""

    def withdraw(self) -> None:
        """Nothing is written after all: everything is as before, as far as that can be helped."""
        with contextlib.suppress(OSError):
            if self.new:
                self.path.unlink(missing_ok=True)
            elif self.before is not None:
                self.path.write_bytes(self.before)


def claim_output(path: Path, *, overwrite: bool = False, empty: bool = True) -> Claim:
    """Create an output file that nothing else owns, empty and readable by its owner only.

    With ``overwrite`` an existing regular file is taken and, if ``empty``, emptied. Raises
    ``OutputError`` with one line for an existing file, a folder, a missing parent or a place that
    cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | (0 if overwrite else os.O_EXCL)
    before = None
    try:
        if path.is_dir():
            raise OutputError(f"{shown(path)!r} is a folder.", hint="Name a file in it.")
        if overwrite and path.exists() and not path.is_file():
            raise OutputError(f"{shown(path)!r} is no regular file.", hint="Choose another name.")
        new = not path.exists()
        descriptor = os.open(path, flags | _OPEN_FLAGS, FILE_MODE)
        os.close(descriptor)
        if empty and not new:
            before = _replaceable(path)
            with contextlib.suppress(OSError):  # it may be another user's, and writable
                os.chmod(path, FILE_MODE)
            os.truncate(path, 0)
    except FileExistsError:
        raise OutputError(
            f"{shown(path)!r} already exists.",
            hint=f"Add --overwrite, or write to {shown(free_name(path).name)!r}.",
        ) from None
    except FileNotFoundError:
        raise OutputError(
            f"The folder {shown(path.parent)!r} does not exist.", hint="Create it first."
        ) from None
    except OSError as error:
        raise OutputError(
            f"{shown(path)!r} cannot be written: {reason(error)}.", hint="Choose another place."
        ) from None
    except ValueError:  # a zero byte
        raise OutputError(f"{shown(path)!r} is no file name.", hint="Choose another.") from None
    sync_folder(path.parent)
    return Claim(path, new, before)


def _replaceable(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_MOST_REPLACED_BYTES + 1)
    if len(content) > _MOST_REPLACED_BYTES:
        raise OutputError(
            f"{shown(path)!r} is larger than any subtitle file.", hint="Delete it first."
        )
    return content


@contextmanager
def reserved(paths: Iterable[Path], *, overwrite: bool) -> Iterator[dict[Path, Claim]]:
    """Names for files that are written in one step, later; existing files stay until then.

    Take out what was written: the other new names are given up in the end. Raises ``OutputError``
    as ``claim_output`` does.
    """
    claims: dict[Path, Claim] = {}
    try:
        for path in paths:
            claim = claim_output(path, overwrite=overwrite, empty=False)
            claims.setdefault(path, claim)
        yield claims
    finally:
        for claim in claims.values():
            claim.withdraw()


def free_name(path: Path) -> Path:
    """The first of ``name-2.srt``, ``name-3.srt`` … that does not exist."""
    number = 2
    while (candidate := path.with_name(f"{path.stem}-{number}{path.suffix}")).exists():
        number += 1
    return candidate


def sync_file(descriptor: int) -> None:
    """Push a file to the disk, past the drive's cache on macOS too."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - Unix only

        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise  # pipes and some network mounts cannot sync; a full or failing disk must be told


def sync_folder(folder: Path) -> None:
    """Push a folder's entries to the disk, where the system allows it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class AppendFile:
    """An existing file that only grows. One thread."""

    def __init__(self, path: Path, *, keep_bytes: int | None = None) -> None:
        """Open for appending; ``keep_bytes`` cuts off a torn tail first. Raises ``OSError``."""
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | _OPEN_FLAGS)
        try:
            status = os.fstat(self._descriptor)
            self.identity = status.st_dev, status.st_ino
            self._counts_links = status.st_nlink > 0  # not every network file system does
            if keep_bytes is not None and keep_bytes < status.st_size:
                os.ftruncate(self._descriptor, keep_bytes)
            self._length = os.lseek(self._descriptor, 0, os.SEEK_END)
        except OSError:
            os.close(self._descriptor)
            raise

    @property
    def length(self) -> int:
        """Bytes safely appended so far, earlier content included."""
        return self._length

    @property
    def orphaned(self) -> bool:
        """Whether the file was deleted or replaced by another of its name: nobody would read it."""
        return self._counts_links and os.fstat(self._descriptor).st_nlink == 0

    def append(self, data: bytes, *, sync: bool = True) -> None:
        """Write all of ``data``, or none of it as far as the file system allows.

        Raises ``OSError``; what had been written of a failed piece is cut off again.
        """
        try:
            os.lseek(self._descriptor, self._length, os.SEEK_SET)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            if sync:
                sync_file(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._length)
            raise
        self._length += len(data)

    def close(self) -> None:
        """Close the descriptor; harmless when called again."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


class Place:
    """The disk a file belongs on. An unmounted one leaves an empty folder, which is not it."""

    def __init__(self, path: Path) -> None:
        folder = path.absolute().parent
        places = (folder, *folder.parents)  # ``Path.is_mount`` raises on Windows before 3.12
        self._mount = next((place for place in places if os.path.ismount(place)), None)

    @property
    def there(self) -> bool:
        """Whether that disk is still mounted."""
        return self._mount is None or os.path.ismount(self._mount)


class ResilientFile:
    """An ``AppendFile`` whose failures are reported, retried and never raised. One thread.

    With ``restore`` its path is what counts: a file that was deleted or moved away, with its folder
    or without, is made again, whole, as soon as there is a folder to make it in.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep_bytes: int | None = None,
        remedy: str = "",
        restore: Callable[[int], bytes | None] = lambda _: None,
    ) -> None:
        """Open an existing file. Raises ``OutputError``: a start is where a run may be refused.

        ``restore`` gives the first so many bytes that were appended, from another source, or
        ``None`` where it cannot.
        """
        self._path, self._remedy, self._restore = path, remedy, restore
        self._place = Place(path)
        try:
            self._file: AppendFile | None = AppendFile(path, keep_bytes=keep_bytes)
        except OSError as error:
            raise OutputError(f"{shown(path)!r} cannot be written: {reason(error)}.") from None
        self._good = self._file.length
        self._identity: tuple[int, int] | None = self._file.identity
        self._total = self._good
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._lost = 0
        self._lost_ever = False
        self._failing = False
        self._notices: list[tuple[str, str]] = []

    @property
    def complete(self) -> bool:
        """Whether everything ever appended is in the file."""
        return not (self._failing or self._backlog or self._lost_ever)

    def append(self, data: bytes, *, sync: bool = True) -> None:
        """Write ``data`` after whatever is still owed; on failure keep it for the next time."""
        self._backlog.append(data)
        self._backlog_bytes += len(data)
        self._total += len(data)
        try:
            self._drain(sync=sync)
        except OSError as error:
            self._failed(error)
        else:
            self._recovered()

    def _drain(self, *, sync: bool) -> None:
        if self._file is not None and self._gone(self._file):
            self._file.close()
            self._file = None
        if self._file is None:
            self._reopen()
        assert self._file is not None
        while self._backlog:
            data = self._backlog[0]
            self._file.append(data, sync=sync)
            self._good = self._file.length
            self._backlog.popleft()
            self._backlog_bytes -= len(data)

    def _gone(self, file: AppendFile) -> bool:
        """Whether the path no longer leads to our file."""
        if self._restore(0) is None:  # then a file that was moved away is better than none
            return file.orphaned
        try:
            status = os.stat(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        # Windows neither moves nor deletes an open file, and numbers files as it likes.
        return sys.platform != "win32" and (status.st_dev, status.st_ino) != file.identity

    def _reopen(self) -> None:
        document: bytes | None = None
        try:
            file = AppendFile(self._path)
            ours = file.identity == self._identity
            if ours:  # cut what a failed write left
                file.close()
                file = AppendFile(self._path, keep_bytes=self._good)
        except FileNotFoundError:
            ours, document = True, self._whole()
            file = self._make_again(document)
        if not ours and (whole := self._whole()) is not None and self._begins(file, whole):
            document = whole
        if document is not None:
            try:
                file.append(document[file.length :])
            except OSError:  # not ours yet; another look, for its number may be the old one's
                file.close()
                self._identity = None
                raise
            self._backlog.clear()
            self._backlog_bytes = self._lost = 0
            self._lost_ever = False
            if not self._failing:
                message = f"{shown(self._path)} was gone and is written again, complete."
                self._notices.append((message, "warning"))
        # A file that an editor put in the place of ours is the user's: we go on at its end.
        self._file, self._good, self._identity = file, file.length, file.identity

    def _whole(self) -> bytes | None:
        """Everything that should be in the file, where there is a place for it."""
        there = self._place.there and self._path.parent.is_dir()
        return self._restore(self._total) if there else None

    def _make_again(self, document: bytes | None) -> AppendFile:
        if document is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN_FLAGS
        os.close(os.open(self._path, flags, FILE_MODE))
        return AppendFile(self._path)

    def _begins(self, file: AppendFile, document: bytes) -> bool:
        """Whether a file is an earlier state of the document: on a disk that came back, say."""
        return file.length <= len(document) and document.startswith(self._path.read_bytes())

    def _failed(self, error: OSError) -> None:
        # A network folder that came back needs a new descriptor.
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
        while self._backlog_bytes > _BACKLOG_BYTES:
            self._backlog_bytes -= len(self._backlog.popleft())
            self._lost += 1
            self._lost_ever = True
        if not self._failing:
            self._failing = True
            message = f"{shown(self._path)} cannot be written ({reason(error)}); trying again."
            self._notices.append((f"{message} {self._remedy}".rstrip(), "error"))

    def _recovered(self) -> None:
        if not self._failing:
            return
        self._failing = False
        if self._lost:
            message = f"{shown(self._path)} is written again, with {self._lost} entries missing."
            self._notices.append((f"{message} {self._remedy}".rstrip(), "warning"))
        else:
            self._notices.append((f"{shown(self._path)} is written again, complete.", "info"))
        self._lost = 0

    def take_notices(self) -> list[tuple[str, str]]:
        """Failures and recoveries since the last call."""
        notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Try once more to write what is owed, then close. Never raises."""
        try:
            if self._file is not None or self._backlog:  # also to see whether it is still there
                self._drain(sync=True)
                self._recovered()
        except OSError as error:
            self._failed(error)
            self._backlog.clear()
            self._backlog_bytes = 0
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


def write_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Replace a file in one step: a reader sees the old content or the new. Raises ``OSError``."""
    _sweep_parts(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            sync_file(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _sweep_parts(path: Path) -> None:
    """Remove what a process left that was killed while it replaced this file, an hour ago."""
    pattern = f".{glob.escape(path.name)}.????????.part"  # as ``mkstemp`` names them
    with contextlib.suppress(OSError):
        for left in path.parent.glob(pattern):
            if clock.wall_time_ns() - left.stat().st_mtime_ns > _LEFTOVER_NS:
                left.unlink()
