"""The folder of models on disk.

::

    models/
      openai--whisper-base@<12 digits>/   one folder for each model and commit, complete
        manifest.json                     written last; a folder without one is not a model
        config.json  model.safetensors  …
      .partial/<same name>/               half-finished downloads, continued by the next pull
      .trash/…                            what is being deleted
      .locks/<same name>.lock

A folder gets its final name by one rename, after every file was checked and flushed, so whatever
has a final name is whole, whenever the program was killed. Any number of processes may use a
store: changes to one model are made under its lock.
"""

import contextlib
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from live_whisper.errors import HubError, ModelError, one_line
from live_whisper.hub.manifest import (
    MANIFEST,
    InstalledModel,
    Manifest,
    is_plain_file_name,
    read_manifest,
    write_manifest,
)
from live_whisper.hub.names import HubReference
from live_whisper.hub.verify import FileProblem, VerifyReport, verify

MODELS_VARIABLE: Final = "LIVE_WHISPER_MODELS"
"""Environment variable that names another folder for the models."""

_LOCK_POLL_S = 0.25  # how often a waiting pull looks whether it was cancelled


@dataclass(frozen=True, slots=True)
class PartialModel:
    """A download that has not finished."""

    path: Path
    size: int
    """Bytes fetched so far."""


class ModelStore:
    """The models under one folder. Any thread; nothing is cached between calls."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def default(cls) -> Self:
        """The user's store: ``LIVE_WHISPER_MODELS``, else the platform's data folder."""
        if chosen := os.environ.get(MODELS_VARIABLE):
            return cls(Path(chosen).expanduser().absolute())
        import platformdirs  # noqa: PLC0415 - 15 ms that `--help` need not pay

        return cls(Path(platformdirs.user_data_dir("live-whisper", appauthor=False)) / "models")

    # Looking

    def models(self) -> tuple[InstalledModel, ...]:
        """Every complete model, by name, newest revision first; damaged manifests are left out."""
        found = []
        for folder in self._folders(self.root):
            with contextlib.suppress(OSError, HubError):
                found.append(InstalledModel(path=folder, manifest=read_manifest(folder)))
        found.sort(key=lambda model: (model.name.casefold(), -model.manifest.pulled_ns))
        return tuple(found)

    def partials(self) -> tuple[PartialModel, ...]:
        """Downloads that were begun and not finished."""
        return tuple(
            PartialModel(path=folder, size=_folder_size(folder))
            for folder in self._folders(self.root / ".partial")
        )

    def find(self, reference: HubReference) -> tuple[InstalledModel, ...]:
        """Models on disk that ``reference`` means, newest first.

        A revision matches the commit, its first digits (seven or more) or what was asked for.
        """
        wanted = reference.hub_id.casefold()
        models = [
            model
            for model in self.models()
            if wanted in {model.manifest.hub_id.casefold(), model.manifest.asked_id.casefold()}
            and _revision_matches(model.manifest, reference.revision)
        ]
        return tuple(sorted(models, key=lambda model: -model.manifest.pulled_ns))

    def path(self, reference: HubReference) -> Path:
        """Folder of the newest match. Raises ``ModelError`` where there is none."""
        return self._require(reference)[0].path

    def folder_name(self, hub_id: str, revision: str) -> str:
        """Name of a model's folder: readable, and the same in any letter case of the id."""
        return f"{hub_id.replace('/', '--').casefold()}@{revision[:12]}"

    def folder(self, hub_id: str, revision: str) -> Path:
        """Where this commit of this model lives once complete."""
        return self.root / self.folder_name(hub_id, revision)

    def partial_folder(self, hub_id: str, revision: str) -> Path:
        """Where it is gathered."""
        return self.root / ".partial" / self.folder_name(hub_id, revision)

    # Checking

    def verify(
        self, model: InstalledModel, on_progress: Callable[[str, int, int], None] | None = None
    ) -> VerifyReport:
        """Read every file and compare size and SHA-256 with the manifest.

        ``on_progress`` gets (file name, bytes read, bytes in all).
        """
        return verify(model, on_progress)

    # Changing

    @contextlib.contextmanager
    def lock(
        self,
        key: str,
        *,
        cancel: threading.Event | None = None,
        on_wait: Callable[[], None] | None = None,
        wait: bool = True,
    ) -> Iterator[bool]:
        """Hold the lock of one folder name; yields whether it was got.

        ``on_wait`` is called while another process holds it. With ``wait`` false, yields ``False``
        at once instead of waiting. Raises ``HubError`` when cancelled, ``OSError`` where the
        folder cannot be written.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - 45 ms

        locks = self.root / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        guard = FileLock(locks / f"{key}.lock")
        held = False
        while not held:
            try:
                guard.acquire(timeout=_LOCK_POLL_S if wait else 0)
                held = True
            except Timeout:
                if not wait:
                    break
                if cancel is not None and cancel.is_set():
                    raise HubError("The download was cancelled.") from None
                if on_wait is not None:
                    on_wait()
        try:
            yield held
        finally:
            if held:
                guard.release()

    def commit(self, partial: Path, manifest: Manifest) -> InstalledModel:
        """Make a gathered, checked folder a model. Call under its lock. Raises ``OSError``."""
        final = self.folder(manifest.hub_id, manifest.revision)
        wanted = {file.name for file in manifest.files}
        for stray in partial.iterdir():
            if stray.name not in wanted:
                _delete(stray)
        write_manifest(partial, manifest)
        flush_folder(partial)
        if final.exists():  # a folder whose manifest is damaged
            self._discard(final)
        partial.replace(final)
        flush_folder(self.root)
        return InstalledModel(path=final, manifest=manifest)

    def reopen(self, model: InstalledModel, problems: tuple[FileProblem, ...]) -> None:
        """Turn a damaged model into a partial one that keeps its good files. Call under its lock.

        Raises ``OSError``.
        """
        partial = self.partial_folder(model.manifest.hub_id, model.manifest.revision)
        if partial.exists():
            self._discard(partial)
        partial.parent.mkdir(parents=True, exist_ok=True)
        model.path.replace(partial)
        for name in (MANIFEST, *(problem.name for problem in problems)):
            _delete(partial / name)

    def remove(self, reference: HubReference) -> tuple[InstalledModel, ...]:
        """Delete every match and its half-finished downloads; returns what was deleted.

        Raises ``ModelError`` where there is neither, ``HubError`` while one is being pulled or
        where the folder cannot be changed.
        """
        models = self.find(reference)
        keys = {model.path.name for model in models} | set(self._partial_keys(reference))
        if not keys:
            raise self._absent(reference)
        try:
            for key in sorted(keys):
                self._remove_folder(key)
            self._sweep()
        except OSError as error:
            raise store_error(self.root, error) from error
        return models

    def clean(self) -> int:
        """Delete half-finished downloads that nobody works on; returns the bytes freed.

        Raises ``HubError`` where the folder cannot be changed.
        """
        freed = 0
        try:
            for partial in self.partials():
                with self.lock(partial.path.name, wait=False) as held:
                    if held:
                        freed += partial.size
                        self._discard(partial.path)
            self._sweep()
        except OSError as error:
            raise store_error(self.root, error) from error
        return freed

    def drop_stale_partials(self, hub_id: str) -> None:
        """Delete half-finished downloads of other commits of a model, unless somebody is at it."""
        for key in self._partial_keys(HubReference(hub_id=hub_id, revision="")):
            with self.lock(key, wait=False) as held:
                folder = self.root / ".partial" / key
                if held and folder.exists():
                    self._discard(folder)

    def _remove_folder(self, key: str) -> None:
        with self.lock(key, wait=False) as held:
            if not held:
                raise HubError(
                    f"'{key}' is being downloaded right now.", hint="Stop that download first."
                )
            for folder in (self.root / key, self.root / ".partial" / key):
                if folder.exists():
                    self._discard(folder)

    def _discard(self, folder: Path) -> None:
        # Renamed first: a kill in the middle of the deletion leaves no half of a model.
        trash = self.root / ".trash"
        trash.mkdir(parents=True, exist_ok=True)
        doomed = trash / f"{folder.name}.{uuid.uuid4().hex[:8]}"
        folder.replace(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def _sweep(self) -> None:
        shutil.rmtree(self.root / ".trash", ignore_errors=True)

    def _folders(self, parent: Path) -> list[Path]:
        try:
            return sorted(
                entry
                for entry in parent.iterdir()
                if not entry.name.startswith(".") and "@" in entry.name and entry.is_dir()
            )
        except OSError:
            return []

    def _partial_keys(self, reference: HubReference) -> list[str]:
        stem = self.folder_name(reference.hub_id, "")
        commit = reference.revision[:12]
        return [
            partial.path.name
            for partial in self.partials()
            if partial.path.name.startswith(stem + commit)
        ]

    def _require(self, reference: HubReference) -> tuple[InstalledModel, ...]:
        models = self.find(reference)
        if not models:
            raise self._absent(reference)
        return models

    def _absent(self, reference: HubReference) -> ModelError:
        return ModelError(
            f"'{one_line(reference.label)}' is not on disk.", hint=self.on_disk_hint()
        )

    def on_disk_hint(self) -> str:
        """One sentence with the names that are on disk."""
        names = tuple(dict.fromkeys(model.name for model in self.models()))
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        return f"On disk: {shown}." if names else "No model is on disk but the bundled demo."


def store_error(root: Path, error: OSError) -> HubError:
    """The user's error for a model folder that cannot be read or changed."""
    reason = one_line(error.strerror or error)
    return HubError(
        f"The model folder {root} cannot be used: {reason}.",
        hint=f"Set {MODELS_VARIABLE} to a folder that can be written.",
    )


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the system can."""
    if os.name == "nt":
        return  # Windows has no such call; renames are journalled
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _revision_matches(manifest: Manifest, revision: str) -> bool:
    if not revision:
        return True
    short = len(revision) >= 7 and manifest.revision.startswith(revision.casefold())
    return short or revision == manifest.requested


def _folder_size(folder: Path) -> int:
    total = 0
    for entry in folder.iterdir():
        with contextlib.suppress(OSError):
            total += entry.stat().st_size
    return total


def _delete(path: Path) -> None:
    assert is_plain_file_name(path.name) or path.parent.is_dir()
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
