"""Built graphs on disk, so that a checkpoint is turned into graphs once.

One folder for each checkpoint revision, exporter version and precision. It is written beside its
place and renamed into it, so readers see a whole one or none, and two processes may build at once:
the second to finish throws its copy away. Files are checked before they are used.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from live_whisper.clock import wall_time_ns
from live_whisper.engines.onnx.pruning import note_use, prune
from live_whisper.errors import ModelError
from live_whisper.units import NS_PER_SECOND

EXPORTER_VERSION = 1
"""Raise whenever the graphs change."""

_MANIFEST = "manifest.json"
_EDGE_BYTES = 1 << 16
_MAX_MANIFEST_BYTES = 1 << 16
_LEFTOVER_NS = 86_400 * NS_PER_SECOND


def cached_graphs(
    cache_dir: Path, key: str, build: Callable[[Path], None], *, source: Path
) -> Path:
    """The folder of ``key``, built by ``build(folder)`` where it is missing or damaged.

    ``key`` begins with the checkpoint's revision; ``source`` is the checkpoint's folder. After a
    build the graphs of what stood in that folder before are dropped (see ``pruning``).

    Raises ``ModelError`` where the cache cannot be written.
    """
    folder = cache_dir / f"{key}-v{EXPORTER_VERSION}"
    if is_complete(folder):
        note_use(folder, source)
        return folder
    try:
        cache_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(cache_dir)
        made = Path(tempfile.mkdtemp(prefix=".building-", dir=cache_dir))
        try:
            build(made)
            _write_manifest(made)
            _move_into_place(made, folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise ModelError(
            f"cannot write the graph cache {cache_dir}: {error.strerror}.",
            hint="Free some space, or name another cache folder in XDG_CACHE_HOME.",
        ) from error
    note_use(folder, source)
    prune(cache_dir, folder, source, EXPORTER_VERSION)
    return folder


def is_complete(folder: Path) -> bool:
    """Whether every file of the folder is there as it was written."""
    manifest = folder / _MANIFEST
    try:
        if manifest.stat().st_size > _MAX_MANIFEST_BYTES:
            return False
        stated = json.loads(manifest.read_bytes())
        return (
            isinstance(stated, dict)
            and bool(stated)
            and all(
                Path(name).name == name and fingerprint(folder / name) == value
                for name, value in stated.items()
            )
        )
    except (OSError, ValueError):
        return False


def fingerprint(path: Path) -> str:
    """Size and a hash of both ends: tells a file that was cut or replaced, in no time."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_EDGE_BYTES))
        if size > _EDGE_BYTES:
            file.seek(max(_EDGE_BYTES, size - _EDGE_BYTES))
            digest.update(file.read(_EDGE_BYTES))
    return digest.hexdigest()


def _write_manifest(folder: Path) -> None:
    files = {path.name: fingerprint(path) for path in sorted(folder.iterdir())}
    (folder / _MANIFEST).write_text(json.dumps(files, indent=1), encoding="utf-8")
    for path in folder.iterdir():
        path.chmod(0o600)


def _move_into_place(made: Path, folder: Path) -> None:
    """Rename; where another process was first its folder stays, a damaged one makes room."""
    for _ in range(2):
        try:
            os.replace(made, folder)
        except OSError:
            if is_complete(folder):
                return
            _discard(folder)
        else:
            return
    os.replace(made, folder)


def _sweep(cache_dir: Path) -> None:
    """Remove what a process that was killed while building left behind a day ago or earlier."""
    for left in [*cache_dir.glob(".building-*"), *cache_dir.glob(".damaged-*")]:
        with contextlib.suppress(OSError):  # another process sweeps as well
            if wall_time_ns() - left.stat().st_mtime_ns > _LEFTOVER_NS:
                shutil.rmtree(left, ignore_errors=True)


def _discard(folder: Path) -> None:
    aside = Path(tempfile.mkdtemp(prefix=".damaged-", dir=folder.parent))
    os.replace(folder, aside / folder.name)
    shutil.rmtree(aside, ignore_errors=True)
