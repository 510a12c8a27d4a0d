"""Compiled models in a fixed folder, made once for a checkpoint, exporter and system build."""

import json
import os
import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import platformdirs

from live_whisper.engines.coreml.backend import Backend, ComputeUnits
from live_whisper.engines.coreml.folders import process_lock
from live_whisper.engines.coreml.manifest import EXPORTER_VERSION, Manifest, Package
from live_whisper.errors import OutputError

_UNITS_FILE = "units.json"
_KNOWN_UNITS: dict[str, ComputeUnits] = {
    "cpu_and_ne": "cpu_and_ne",
    "cpu_and_gpu": "cpu_and_gpu",
    "cpu_only": "cpu_only",
    "all": "all",
}


def default_cache_dir() -> Path:
    """``coreml`` in the user's cache folder for live-whisper."""
    return Path(platformdirs.user_cache_dir("live-whisper")) / "coreml"


def safe_name(text: str) -> str:
    """Text as one path component."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text)[:80].strip(".") or "_"


class CompiledCache:
    """Where the compiled models of one manifest lie. One thread; safe against other processes."""

    def __init__(self, root: Path, manifest: Manifest, packages: Path, backend: Backend) -> None:
        """``packages``: the folder of the manifest. ``root``: the cache."""
        self._backend = backend
        self._packages = packages
        self._compiled = root / "compiled"
        model = f"{safe_name(manifest.revision)}-{manifest.digest}"
        build = f"v{EXPORTER_VERSION}-{safe_name(backend.os_build())}"
        self.folder = self._compiled / model / build
        self._lock = self._compiled / model / "lock"

    def path(self, package: Package) -> Path:
        """Where the compiled package is or will be."""
        return (self.folder / package.path).with_suffix(".mlmodelc")

    def ensure(self, package: Package, waiting: Callable[[], None]) -> Path:
        """The compiled package, compiled now if need be; ``waiting`` as in ``process_lock``.

        Raises:
            EngineError: Core ML could not compile it.
            OutputError: the cache cannot be written.
        """
        target = self.path(package)
        if target.is_dir():
            return target
        try:
            with process_lock(self._lock, waiting):
                if not target.is_dir():
                    self._drop_older_builds()
                    self._compile(package, target)
        except OSError as error:
            raise OutputError(f"Cannot write {target.parent}: {error.strerror}.") from error
        return target

    def _compile(self, package: Package, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.parent / f".{target.stem}-{uuid.uuid4().hex}.mlmodelc"
        try:
            self._backend.compile(self._packages / package.path, partial)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _drop_older_builds(self) -> None:
        # Another build of the system or of the exporter can never use them again.
        for other in self.folder.parent.iterdir():
            if other.is_dir() and other != self.folder:
                shutil.rmtree(other, ignore_errors=True)

    def units(self, package: Package) -> ComputeUnits | None:
        """The units a package is known to run on here, if any."""
        return _KNOWN_UNITS.get(self._read().get(package.path, ""))

    def record(self, package: Package, units: ComputeUnits) -> None:
        """Remember that a package ran on these units."""
        with process_lock(self._lock, lambda: None):
            known = {**self._read(), package.path: units}
            partial = self.folder / f".{_UNITS_FILE}-{os.getpid()}"
            partial.write_text(json.dumps(known), encoding="utf-8")
            partial.replace(self.folder / _UNITS_FILE)

    def _read(self) -> dict[str, str]:
        try:
            known = json.loads((self.folder / _UNITS_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}
