"""A recording's folder: journal, spooled audio, facts about the run, and a lock.

::

    <state directory>/recordings/20261123T140501Z-4f2a9c/
        journal.jsonl   every event, append-only
        audio-*.wav     the whole recording (deleted after a clean stop unless it is to be kept)
        input-2/        audio of a second input
        meta.json       source, model, language, task, outputs, whether it ended well
        lock            held while the run lives

Folders are mode 0700, files 0600: they hold what was said in private.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from live_whisper import clock
from live_whisper.errors import InputError, OutputError, UsageError
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.files import FILE_MODE, reason, shown, write_atomically

_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_MAX_META_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class RecordingMeta:
    """What a run needs to be taken up again."""

    source: str
    """What was heard: the device's or the file's name."""
    model: str
    language: str
    """Whisper's code, or ``auto``."""
    task: str
    started_wall_ns: int
    """Wall-clock time of sample 0, nanoseconds since 1970."""
    outputs: tuple[OutputSpec, ...] = ()
    clean: bool = False
    """Whether the run ended in order: nothing to recover."""
    settings: str = ""
    """The run's whole configuration as JSON; empty where it is not known."""
    model_folder: str = ""
    """Where the checkpoint was."""
    audio_context: str = "full"
    """The checkpoint's, as the model list has it."""
    context: str = ""
    """Text that stood before the run: the end of a continued subtitle file."""
    inputs: tuple[str, ...] = ("",)
    """Labels of the inputs; the first one's audio is in the folder, the others' in folders."""

    def to_json(self) -> str:
        """The content of ``meta.json``."""
        fields = {name: getattr(self, name) for name in _STRINGS}
        fields["started_wall_ns"] = self.started_wall_ns
        fields["outputs"] = [output.to_json() for output in self.outputs]
        fields["clean"] = self.clean
        fields |= {name: getattr(self, name) for name in _OPTIONAL}
        fields["inputs"] = list(self.inputs)
        return json.dumps({"version": 1, **fields}, ensure_ascii=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: bytes) -> "RecordingMeta":
        """Back from ``to_json``. Raises ``ValueError`` for anything else."""
        entry = json.loads(text)
        if not isinstance(entry, dict) or entry.get("version") != 1:
            raise ValueError("not version 1")
        strings = [entry.get(name) for name in _STRINGS]
        started, outputs = entry.get("started_wall_ns"), entry.get("outputs")
        if not all(isinstance(item, str) for item in strings):
            raise ValueError("a text is missing")
        if type(started) is not int or not isinstance(outputs, list):
            raise ValueError("the start or the outputs are missing")
        specs = tuple(OutputSpec.from_json(item) for item in outputs)
        source, model, language, task = map(str, strings)
        more = {name: entry[name] for name in _OPTIONAL if isinstance(entry.get(name), str)}
        labels = entry.get("inputs", [""])
        if not isinstance(labels, list) or not all(isinstance(item, str) for item in labels):
            raise ValueError("the inputs must be a list of labels")
        clean = entry.get("clean") is True
        known = cls(source, model, language, task, started, specs, clean)
        return replace(known, inputs=tuple(labels[:MOST_INPUTS]) or ("",), **more)


_STRINGS = ("source", "model", "language", "task")
_OPTIONAL = ("settings", "model_folder", "audio_context", "context")
MOST_INPUTS = 8


def default_root() -> Path:
    """Where recordings are kept on this platform."""
    return Path(platformdirs.user_state_dir("live-whisper", appauthor=False)) / "recordings"


class RecordingFolder:
    """One recording's folder. Paths may be used by any thread, the rest by one."""

    def __init__(self, path: Path) -> None:
        """Refer to an existing folder; nothing is opened or checked."""
        self.path = path
        self._lock: int | None = None

    @classmethod
    def create(cls, meta: RecordingMeta, root: Path | None = None) -> "RecordingFolder":
        """A new folder, locked by this process. Raises ``OutputError`` where it cannot be made."""
        root = root or default_root()
        moment = datetime.fromtimestamp(clock.wall_time_ns() // 1_000_000_000, UTC)
        path = root / f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.mkdir(mode=0o700)
            folder = cls(path)
            folder.write_meta(meta)
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)
            raise OutputError(
                f"The recording folder {shown(path)!r} cannot be made: {reason(error)}.",
                hint="Free some space or name another place: --set output.recordings=DIR.",
            ) from None
        if not folder.acquire():
            with contextlib.suppress(OSError):
                shutil.rmtree(path)
            raise OutputError(
                f"The recording folder {shown(path)!r} cannot be locked.",
                hint="Keep recordings on a local disk: --set output.recordings=DIR.",
            )
        return folder

    @property
    def name(self) -> str:
        """The folder's name, which is the recording's."""
        return self.path.name

    @property
    def journal(self) -> Path:
        """The journal's path."""
        return self.path / "journal.jsonl"

    def spool(self, index: int) -> Path:
        """The folder of an input's spooled audio; the first one's is the recording's own."""
        return self.path if index == 0 else self.path / f"input-{index + 1}"

    def spools(self) -> list[Path]:
        """The folders that may hold spooled audio."""
        folders = map(self.spool, range(MOST_INPUTS))
        return [folder for folder in folders if os.path.isdir(folder)]  # raises for nothing

    def parts(self) -> list[Path]:
        """The files of spooled audio, in order."""
        return [part for folder in self.spools() for part in sorted(folder.glob("audio-*.wav"))]

    # --- facts ---

    def meta(self) -> RecordingMeta:
        """What ``meta.json`` says. Raises ``InputError`` where it is missing or damaged."""
        path = self.path / "meta.json"
        try:
            with path.open("rb") as file:
                return RecordingMeta.from_json(file.read(_MAX_META_BYTES))
        except OSError as error:
            raise InputError(f"{shown(path)!r} cannot be read: {reason(error)}.") from None
        except (ValueError, RecursionError):
            raise InputError(f"{shown(path)!r} is damaged.") from None

    def write_meta(self, meta: RecordingMeta) -> None:
        """Replace ``meta.json`` in one step. Raises ``OSError``."""
        write_atomically(self.path / "meta.json", [meta.to_json().encode()])

    def mark_finished(self) -> None:
        """Note that the run ended in order. Raises ``OSError`` or ``InputError``."""
        self.write_meta(replace(self.meta(), clean=True))

    def size_bytes(self) -> int:
        """Bytes on disk."""
        total = 0
        for path in (*self.path.glob("*"), *self.path.glob("input-*/*")):
            with contextlib.suppress(OSError):
                total += path.lstat().st_size
        return total

    def delete(self) -> None:
        """Remove the folder. Raises ``UsageError`` while in use, ``OutputError`` on failure."""
        mine = self._lock is not None
        if not mine and self.in_use():
            raise UsageError(f"{self.name} is being recorded.", hint="Stop that run first.")
        self.release()
        try:
            shutil.rmtree(self.path)
        except OSError as error:
            raise OutputError(f"{shown(self.path)!r} cannot be deleted: {reason(error)}.") from None

    # --- the lock: tells a running recording from one whose process died ---

    def acquire(self) -> bool:
        """Lock the folder for this process; the system lets go when it dies, however it dies."""
        if self._lock is not None:
            return True
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        try:
            descriptor = os.open(self.path / "lock", flags, FILE_MODE)
        except OSError:
            return False
        if not _try_lock(descriptor):
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def release(self) -> None:
        """Let go of the lock; harmless without one."""
        if self._lock is not None:
            descriptor, self._lock = self._lock, None
            os.close(descriptor)

    @property
    def mine(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock is not None

    def in_use(self) -> bool:
        """Whether a live process, this one included, holds the lock."""
        if self._lock is not None:
            return True
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return False
        try:
            return not _try_lock(descriptor)
        finally:
            os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - Windows only

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - Unix only

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def recordings(root: Path | None = None) -> Iterator[RecordingFolder]:
    """All recordings, oldest first. Raises ``InputError`` where the folder cannot be read."""
    root = root or default_root()
    try:
        names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{shown(root)!r} cannot be read: {reason(error)}.") from None
    for name in names:
        if _NAME.fullmatch(name):
            yield RecordingFolder(root / name)


def find_recording(name: str, root: Path | None = None) -> RecordingFolder:
    """The recording of a name or its beginning. Raises ``UsageError`` without exactly one."""
    found = [folder for folder in recordings(root) if name and folder.name.startswith(name)]
    if len(found) != 1:
        problem = "No recording is" if not found else f"{len(found)} recordings are"
        raise UsageError(
            f"{problem} called {shown(name)!r}.", hint="`live-whisper recordings` lists them."
        )
    return found[0]


def refuse_written(paths: Iterable[Path], root: Path | None, *, but: str = "") -> None:
    """Raise ``OutputError`` for a file that a running recording, ``but`` that one, is writing."""
    mine = {os.path.realpath(path) for path in paths}
    for other in recordings(root) if mine else ():
        if other.name == but or not other.in_use():
            continue
        with contextlib.suppress(InputError):
            for taken in mine.intersection(os.path.realpath(o.path) for o in other.meta().outputs):
                raise OutputError(
                    f"{shown(taken)!r} is being written by another run ({other.name}).",
                    hint="Stop that run first, or choose another name.",
                )


def unfinished(root: Path | None = None) -> Iterator[RecordingFolder]:
    """Recordings that no process is making and that did not end in order, oldest first."""
    for folder in recordings(root):
        if folder.in_use():
            continue
        try:
            if not folder.meta().clean:
                yield folder
        except InputError:
            if os.path.exists(folder.journal) or not os.access(folder.path, os.R_OK | os.X_OK):
                yield folder  # whoever takes it up says what is wrong with it
