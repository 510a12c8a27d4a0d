"""What the recognizer's process is told, kept apart from the heavy imports it will need."""

from dataclasses import dataclass
from pathlib import Path

from live_whisper.config.schema import Config
from live_whisper.runtime.ports import Recognizes


@dataclass(frozen=True, slots=True)
class RecognizerSpec:
    """Checkpoint and settings. Picklable."""

    folder: Path
    audio_context: str
    """What the model list says of it: ``full`` or ``fit``; the configuration may override it."""
    config: Config


def load_from_spec(spec: RecognizerSpec) -> Recognizes:
    """Load the recognizer; the process that only captures never imports an engine."""
    from live_whisper.runtime.load import load_recognizer  # noqa: PLC0415

    return load_recognizer(spec)
