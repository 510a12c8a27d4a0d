"""What the ``live-whisper models`` commands show and do, as plain values."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from live_whisper.errors import ModelError
from live_whisper.hub.manifest import InstalledModel
from live_whisper.hub.names import (
    DEMO,
    KNOWN_MODELS,
    AudioContext,
    KnownModel,
    by_hub_id,
    by_name,
    parse_reference,
)
from live_whisper.hub.resolve import (
    approximate_parameters,
    default_model,
    demo_path,
)
from live_whisper.hub.store import ModelStore
from live_whisper.hub.verify import VerifyReport


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One line of the model list."""

    name: str
    hub_id: str
    """Empty for the bundled demo."""
    languages: str
    """``multilingual``, codes joined by ``+``, or empty where it is not known."""
    audio_context: AudioContext
    size: int
    """Bytes on disk, or about as many as a pull fetches."""
    parameters: int
    on_disk: bool
    revision: str
    """Commit; empty for what is not from the Hub."""
    path: Path | None
    engine_files: tuple[str, ...]
    """Engines with files prepared for this model."""
    is_default: bool
    """Whether it is used where no model is named."""
    description: str


def model_rows(
    store: ModelStore,
    *,
    engine_files: Callable[[Path], Iterable[str]] | None = None,
    language: str = "",
) -> tuple[ModelRow, ...]:
    """Every model on disk, then the named ones that can be pulled.

    ``engine_files`` tells, for a model's folder, which engines have files for it.
    """
    installed = store.models()
    chosen = default_model(store, language=language)
    chosen_path = chosen.path if chosen else None
    rows = [_installed_row(model, engine_files, chosen_path) for model in installed]
    present = {row.hub_id.casefold() for row in rows}
    for known in KNOWN_MODELS:
        if not known.hub_id:
            rows.append(_demo_row(known, engine_files))
        elif known.hub_id.casefold() not in present:
            rows.append(_known_row(known))
    rows.sort(key=lambda row: not row.on_disk)  # stable: keeps the list's order
    return tuple(rows)


def remove_model(model: str, store: ModelStore) -> tuple[InstalledModel, ...]:
    """Delete a model (every revision on disk, unless one is named) and its unfinished downloads.

    Raises ``ModelError`` where there is none.
    """
    if _is_demo(model):
        raise ModelError("'demo' comes with the program and cannot be removed.")
    return store.remove(parse_reference(model))


def verify_models(
    model: str,
    store: ModelStore,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> tuple[VerifyReport, ...]:
    """Read every file of a model (of every one where ``model`` is empty) and compare it.

    ``on_progress`` gets (file name, bytes read, bytes in all) of the model being read. Raises
    ``ModelError`` where there is none.
    """
    if not model:
        models = store.models()
    elif _is_demo(model):
        raise ModelError("'demo' comes with the program; there is nothing to compare it with.")
    else:
        reference = parse_reference(model)
        store.path(reference)  # raises where there is none
        models = store.find(reference)
    return tuple(store.verify(found, on_progress) for found in models)


def _is_demo(model: str) -> bool:
    known = by_name(model)
    return known is not None and known.name == DEMO


def _installed_row(
    model: InstalledModel,
    engine_files: Callable[[Path], Iterable[str]] | None,
    chosen: Path | None,
) -> ModelRow:
    manifest = model.manifest
    known = by_hub_id(manifest.hub_id)
    return ModelRow(
        name=model.name,
        hub_id=manifest.hub_id,
        languages=known.languages if known else "",
        audio_context=known.audio_context if known else manifest.audio_context,
        size=manifest.size,
        parameters=known.parameters if known else approximate_parameters(model.path),
        on_disk=True,
        revision=manifest.revision,
        path=model.path,
        engine_files=tuple(engine_files(model.path)) if engine_files else (),
        is_default=model.path == chosen,
        description=known.description if known else "",
    )


def _known_row(known: KnownModel) -> ModelRow:
    return ModelRow(
        name=known.name,
        hub_id=known.hub_id,
        languages=known.languages,
        audio_context=known.audio_context,
        size=known.download_bytes,
        parameters=known.parameters,
        on_disk=False,
        revision="",
        path=None,
        engine_files=(),
        is_default=False,
        description=known.description,
    )


def _demo_row(known: KnownModel, engine_files: Callable[[Path], Iterable[str]] | None) -> ModelRow:
    try:
        path: Path | None = demo_path()
    except ModelError:
        path = None
    size = sum(file.stat().st_size for file in path.iterdir() if file.is_file()) if path else 0
    return ModelRow(
        name=known.name,
        hub_id="",
        languages=known.languages,
        audio_context=known.audio_context,
        size=size,
        parameters=approximate_parameters(path) if path else known.parameters,
        on_disk=path is not None,
        revision="",
        path=path,
        engine_files=tuple(engine_files(path)) if engine_files and path else (),
        is_default=False,
        description=known.description,
    )
