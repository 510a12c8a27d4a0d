"""Folders that are either whole or absent, and locks between processes."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from live_whisper.errors import OutputError


@contextlib.contextmanager
def atomic_folder(target: Path, *, replaceable: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield an empty folder beside ``target`` that takes its place when the block succeeds.

    After an error or an interrupt the old ``target`` is as it was and the half-made folder is
    gone. The folder is 0700.

    Raises:
        OutputError: ``target`` exists, is not empty and ``replaceable`` says no; or no place.
    """
    _check_replaceable(target, replaceable)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    except OSError as error:
        raise OutputError(f"Cannot write to {target.parent}: {error.strerror}.") from error
    try:
        yield partial
        _check_replaceable(target, replaceable)
        _swap(partial, target)
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check_replaceable(target: Path, replaceable: Callable[[Path], bool]) -> None:
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file.", hint="Name a folder with -o.")
    if target.is_dir() and any(target.iterdir()) and not replaceable(target):
        raise OutputError(
            f"{target} is not empty and holds no converted models.", hint="Name another folder."
        )


def _swap(partial: Path, target: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old-", dir=target.parent))
    target.rename(aside / "old")
    try:
        partial.rename(target)
    except OSError:
        (aside / "old").rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def process_lock(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock on a file; the system releases it when the process dies.

    ``waiting`` is called once where another process holds it; the call then blocks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _lock(descriptor, block=False):
            waiting()
            while not _lock(descriptor, block=True):
                pass
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, block: bool) -> bool:
        mode = msvcrt.LK_LOCK if block else msvcrt.LK_NBLCK  # LK_LOCK gives up after ten seconds
        try:
            msvcrt.locking(descriptor, mode, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _lock(descriptor: int, *, block: bool) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if block else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
