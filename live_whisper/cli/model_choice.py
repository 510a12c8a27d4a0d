"""Which checkpoint a command uses, and whether a missing one may be pulled."""

import sys
from typing import TYPE_CHECKING

import typer

from live_whisper.config.schema import Config
from live_whisper.errors import ModelError

if TYPE_CHECKING:
    from live_whisper.hub.resolve import ResolvedModel
    from live_whisper.whisper.checkpoint import Checkpoint


def find_model(config: Config) -> "ResolvedModel":
    """The checkpoint to use. Raises ``ModelError`` with what to do where there is none."""
    from live_whisper.hub.resolve import default_model, resolve
    from live_whisper.hub.store import ModelStore

    store = ModelStore.default()
    wanted = config.recognition.model
    if wanted:
        return resolve(wanted, store=store)
    language = config.recognition.language
    found = default_model(store, language="" if language == "auto" else language)
    if found is None:
        raise ModelError(
            "No model is chosen and none is on disk.",
            hint="Try: live-whisper demo, or: live-whisper models pull base.",
        )
    return found


def load_found(found: "ResolvedModel") -> "Checkpoint":
    """The checkpoint, with what the model list knows of it. Raises ``ModelError``."""
    from live_whisper.whisper.checkpoint import load_checkpoint

    return load_checkpoint(found.path, short_context=found.audio_context == "fit")


def may_pull(model: str, problem: str, *, yes: bool) -> bool:
    """Whether a missing model may be downloaded: said in advance, or asked on a terminal."""
    from live_whisper.hub.resolve import is_pullable

    if not model or not is_pullable(model):
        return False
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return typer.confirm(
        f"{problem.split('. ', maxsplit=1)[0]}. Pull it now?", default=True, err=True
    )
