"""From what the user wrote after ``--model`` to a folder that an engine can load."""

import importlib.resources
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from live_whisper.errors import ModelError, one_line
from live_whisper.hub.manifest import MANIFEST, InstalledModel, read_manifest
from live_whisper.hub.names import (
    DEMO,
    AudioContext,
    by_hub_id,
    by_name,
    is_hub_id,
    parse_reference,
)
from live_whisper.hub.store import ModelStore

_CONFIG: Final = "config.json"
_MAX_CONFIG_BYTES: Final = 16 << 20

LIVE_BUDGET: Final = 80_000_000
"""Weights that an ordinary laptop processor runs live with 30 s windows: about ``base``."""

_FIT_SHARE = 0.25  # cost of a window that fits the speech, relative to one padded to 30 s


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A checkpoint that is on disk."""

    path: Path
    """Folder with ``config.json``, the weights and the tokenizer files."""
    name: str
    """What to call it: short name, Hub id or the folder's name."""
    audio_context: AudioContext
    origin: Literal["bundled", "store", "folder"]
    revision: str = ""
    """Commit on the Hub, for models of the store."""


def resolve(model: str, *, store: ModelStore) -> ResolvedModel:
    """Find the folder of ``demo``, a short name, a Hub id or a folder.

    A short name is never taken for a folder (write ``./base`` for that); a Hub id is, where such
    a folder with a ``config.json`` exists. Raises ``ModelError`` with what to do where the model
    is not on disk; reads the disk only.
    """
    written = model.strip()
    short = by_name(written.partition("@")[0])
    if short is not None and short.name == DEMO:
        return ResolvedModel(
            path=demo_path(), name=DEMO, audio_context=short.audio_context, origin="bundled"
        )
    if short is None and (folder := _as_folder(written)) is not None:
        return _resolve_folder(folder)
    reference = parse_reference(written)
    found = store.find(reference)
    if not found:
        raise ModelError(
            f"The model '{one_line(reference.label)}' is not on disk.",
            hint=f"Pull it with: live-whisper models pull {one_line(reference.label)}"
            " (or try the program without a download: live-whisper demo)",
        )
    return _resolved(found[0])


def is_pullable(model: str) -> bool:
    """Whether ``model`` names something on the Hub rather than a folder or the bundled demo."""
    written = model.strip()
    short = by_name(written.partition("@")[0])
    if short is not None and short.name == DEMO:
        return False
    try:
        if short is None and _as_folder(written) is not None:
            return False
        parse_reference(written)
    except ModelError:
        return False
    return True


def default_model(
    store: ModelStore, *, language: str = "", budget: int = LIVE_BUDGET
) -> ResolvedModel | None:
    """The model of the store that suits live captions best, ``None`` where there is none.

    Of the models for ``language`` (every one where it is empty, those for many languages first)
    the largest that costs at most ``budget`` weights per window, else the cheapest. Windows that
    fit the speech cost a quarter. The bundled demo is never a default.
    """
    candidates = [model for model in store.models() if _speaks(model, language)]
    if not candidates:
        return None
    return _resolved(max(candidates, key=lambda model: _suitability(model, language, budget)))


def demo_path() -> Path:
    """Folder of the bundled demo checkpoint. Raises ``ModelError`` where it is missing."""
    path = Path(str(importlib.resources.files("live_whisper") / "assets" / DEMO))
    if not (path / _CONFIG).is_file():
        raise ModelError(
            "The bundled demo checkpoint is missing from this installation.",
            hint="Install the program again, or name another model.",
        )
    return path


def approximate_parameters(folder: Path) -> int:
    """Weights of a checkpoint, estimated from its ``config.json``; 0 where that is unreadable.

    An encoder layer has about 12 d² weights, a decoder layer, with cross-attention, 16 d².
    """
    config = _read_config(folder)
    width, encoder, decoder, vocabulary = (
        value if isinstance(value := config.get(key), int) else 0
        for key in ("d_model", "encoder_layers", "decoder_layers", "vocab_size")
    )
    return width * width * (12 * encoder + 16 * decoder) + width * vocabulary


def _as_folder(written: str) -> Path | None:
    """The folder that ``written`` means, ``None`` where it is no path at all.

    Raises ``ModelError`` for a path without a checkpoint.
    """
    looks_like_path = written.startswith((".", "~", "/", "\\")) or (
        any(mark in written for mark in ("/", "\\"))
        and not is_hub_id(written.partition("@")[0])
        and "://" not in written
    )
    try:
        path = Path(written).expanduser()
        has_config = (path / _CONFIG).is_file()
        exists = path.exists()
    except (OSError, RuntimeError, ValueError):  # too long, no such user, a NUL
        return None
    if has_config:
        return path.absolute()
    if exists and path.is_dir() and not is_hub_id(written):
        raise ModelError(f"The folder {one_line(written)} holds no checkpoint (no config.json).")
    if looks_like_path:
        raise ModelError(f"There is no model folder {one_line(written)}.")
    return None


def _resolve_folder(folder: Path) -> ResolvedModel:
    """A folder's context is what its manifest or its ``config.json`` says, ``full`` otherwise."""
    context: AudioContext = "full"
    if (folder / MANIFEST).is_file():
        try:
            context = read_manifest(folder).audio_context
        except (ModelError, OSError):
            context = "full"
    config = _read_config(folder)
    for source in (config, config.get("live_whisper")):
        if isinstance(source, dict) and source.get("audio_context") == "fit":
            context = "fit"
    return ResolvedModel(path=folder, name=folder.name, audio_context=context, origin="folder")


def _resolved(model: InstalledModel) -> ResolvedModel:
    known = by_hub_id(model.manifest.hub_id)
    return ResolvedModel(
        path=model.path,
        name=model.name,
        audio_context=known.audio_context if known else model.manifest.audio_context,
        origin="store",
        revision=model.manifest.revision,
    )


def _speaks(model: InstalledModel, language: str) -> bool:
    known = by_hub_id(model.manifest.hub_id)
    return known is None or not language or known.speaks(language)


def _suitability(
    model: InstalledModel, language: str, budget: int
) -> tuple[bool, bool, float, float, int]:
    known = by_hub_id(model.manifest.hub_id)
    parameters = known.parameters if known else approximate_parameters(model.path)
    cost = parameters * (_FIT_SHARE if _resolved(model).audio_context == "fit" else 1.0)
    general = bool(language) or known is None or known.languages == "multilingual"
    affordable = cost <= budget
    size = float(parameters) if affordable else -cost
    return general, affordable, size, -cost, model.manifest.pulled_ns


def _read_config(folder: Path) -> dict[str, object]:
    path = folder / _CONFIG
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            return {}
        config = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}
