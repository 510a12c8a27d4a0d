"""What leaves the graph cache: graphs that no model on this machine can use any more.

Each graph folder names the checkpoint folders it was used for. When a graph is built, the same
checkpoint's earlier contents go, then those whose checkpoints were removed or whose exporter was
replaced, then the longest unused ones until the rest fits the bounds. A graph that was used within
the last minutes stays, for another process may be about to open it; what is open already stays
readable on POSIX, and where the system refuses (Windows) the folder is left for the next time.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from live_whisper.clock import wall_time_ns
from live_whisper.units import NS_PER_SECOND

USED = "used-for.json"
"""In a graph folder: the checkpoint folders; its time of change is that of the last use."""
MOST_GRAPHS = 16
MOST_BYTES = 24 << 30
IN_USE_NS = 600 * NS_PER_SECOND
_MOST_SOURCES = 16
_MAX_USED_BYTES = 1 << 16
_NAME = re.compile(r"(?P<revision>[^-]+)-.*v(?P<version>\d+)")


@dataclass(frozen=True, slots=True)
class _Graphs:
    path: Path
    revision: str
    version: int
    sources: tuple[str, ...]
    used_ns: int
    size: int


def note_use(folder: Path, source: Path) -> None:
    """Remember that a checkpoint used these graphs, and when. Never raises."""
    name = os.path.abspath(source)
    with contextlib.suppress(OSError):
        known = _sources(folder)
        if name in known:
            os.utime(folder / USED)
        else:
            _write_sources(folder, (name, *known)[:_MOST_SOURCES], wall_time_ns())


def prune(cache_dir: Path, keep: Path, source: Path, version: int) -> None:
    """Make room after the graphs ``keep`` were built for ``source``. Never raises.

    ``version``: the exporter's; graphs of earlier ones cannot be used.
    """
    mine = os.path.abspath(source)
    kept = _read(keep)
    others = sorted(_graphs(cache_dir, keep), key=lambda graphs: -graphs.used_ns)
    count, size = 1, kept.size if kept else 0
    for graphs in others:
        left = [name for name in graphs.sources if Path(name, "config.json").exists()]
        replaced = mine in left and kept is not None and graphs.revision != kept.revision
        if replaced:
            left.remove(mine)
            with contextlib.suppress(OSError):
                _write_sources(graphs.path, tuple(left), graphs.used_ns)
        orphaned = bool(graphs.sources) and not left
        count, size = count + 1, size + graphs.size
        full = count > MOST_GRAPHS or size > MOST_BYTES
        if (orphaned or graphs.version < version or full) and _remove(graphs):
            count, size = count - 1, size - graphs.size


def _graphs(cache_dir: Path, keep: Path) -> Iterator[_Graphs]:
    with contextlib.suppress(OSError):
        for path in list(cache_dir.iterdir()):
            found = _read(path) if path != keep else None
            if found is not None:
                yield found


def _read(path: Path) -> _Graphs | None:
    match = _NAME.fullmatch(path.name)
    if match is None or path.is_symlink() or not path.is_dir():
        return None
    try:
        files = [entry.stat() for entry in os.scandir(path)]
        used_ns = max((status.st_mtime_ns for status in files), default=path.stat().st_mtime_ns)
        return _Graphs(
            path,
            match["revision"],
            int(match["version"]),
            _sources(path),
            used_ns,
            sum(status.st_size for status in files),
        )
    except OSError:
        return None  # another process was faster


def _sources(folder: Path) -> tuple[str, ...]:
    try:
        with (folder / USED).open("rb") as file:
            listed = json.loads(file.read(_MAX_USED_BYTES))
    except (OSError, ValueError, RecursionError):
        return ()
    if not isinstance(listed, list):
        return ()
    return tuple(name for name in listed if isinstance(name, str))[:_MOST_SOURCES]


def _write_sources(folder: Path, sources: tuple[str, ...], used_ns: int) -> None:
    descriptor, partial = tempfile.mkstemp(prefix=".used-", dir=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(sources, file)
    os.utime(partial, ns=(used_ns, used_ns))
    os.replace(partial, folder / USED)


def _remove(graphs: _Graphs) -> bool:
    """In one step for whoever looks: out of its place, then deleted."""
    if wall_time_ns() - graphs.used_ns < IN_USE_NS:
        return False
    try:
        aside = Path(tempfile.mkdtemp(prefix=".damaged-", dir=graphs.path.parent))
    except OSError:
        return False
    try:
        os.replace(graphs.path, aside / graphs.path.name)
    except OSError:
        return False
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return True
