"""Converted packages in the cache: made when they are first needed."""

import hashlib
from pathlib import Path

from live_whisper.engines.coreml.cache import safe_name
from live_whisper.engines.coreml.convert import Source, convert, plan
from live_whisper.engines.coreml.folders import process_lock
from live_whisper.engines.coreml.manifest import EXPORTER_VERSION, Manifest, read_manifest
from live_whisper.engines.coreml.options import ConvertOptions
from live_whisper.engines.coreml.progress import ProgressCallback, silent
from live_whisper.errors import ModelError, OutputError


def packages_folder(checkpoint: Source, root: Path, options: ConvertOptions) -> Path:
    """Where the cache keeps this conversion. Raises ``UsageError`` for options that do not fit."""
    wanted = hashlib.sha256(repr(plan(checkpoint, options)).encode()).hexdigest()[:12]
    name = f"{safe_name(checkpoint.revision)}-v{EXPORTER_VERSION}-{wanted}"
    return root / "packages" / name


def ensure_packages(
    checkpoint: Source,
    root: Path,
    options: ConvertOptions | None = None,
    progress: ProgressCallback = silent,
) -> Path:
    """The folder of a conversion, made now if it is missing or incomplete.

    Raises what ``convert`` raises.
    """
    options = options or ConvertOptions()
    folder = packages_folder(checkpoint, root, options)
    if _usable(folder) is not None:
        return folder
    waiting = "waiting for another process that converts the model"
    try:
        with process_lock(folder.with_suffix(".lock"), lambda: progress(waiting, 0.0)):
            if _usable(folder) is None:
                convert(checkpoint, folder, options, progress=progress)
    except OSError as error:
        raise OutputError(f"Cannot write {folder}: {error.strerror}.") from error
    return folder


def _usable(folder: Path) -> Manifest | None:
    try:
        return read_manifest(folder)
    except ModelError:
        return None
