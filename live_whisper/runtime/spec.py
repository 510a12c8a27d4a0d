"""What the recognizer's process is told, kept apart from the heavy imports it will need."""

from dataclasses import dataclass
from pathlib import Path

from live_whisper.config.schema import Config


@dataclass(frozen=True, slots=True)
class RecognizerSpec:
    """Checkpoint and settings. Picklable."""

    folder: Path
    audio_context: str
    """What the model list says of it: ``full`` or ``fit``; the configuration may override it."""
    config: Config
