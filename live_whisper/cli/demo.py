"""``live-whisper demo``: the whole live path on the bundled clip and checkpoint."""

from importlib import resources
from pathlib import Path

from live_whisper.cli.live import caption
from live_whisper.clock import MonotonicClock
from live_whisper.config.schema import Config
from live_whisper.errors import ModelError
from live_whisper.hub.resolve import resolve
from live_whisper.hub.store import ModelStore
from live_whisper.runtime.inputs import open_input
from live_whisper.streaming.sinks.files import free_name

TWO_LANGUAGES = {
    "candidate_languages": ("en", "ko"),
    "detect_seconds": 1.0,
    "redetect_after_seconds": 0.5,
}
"""The clip changes from English to Korean: each pause may bring the other language."""


def run_demo(config: Config, *, pace: str) -> int:
    """Caption the clip, by default into ``live-whisper-demo.srt`` in the current folder."""
    clip = Path(str(resources.files("live_whisper") / "assets" / "demo" / "clip.flac"))
    if not clip.is_file():
        raise ModelError("The bundled demo clip is missing.", hint="Install live-whisper again.")
    if not config.output.files:
        path = Path("live-whisper-demo.srt")
        chosen = free_name(path) if path.exists() and not config.output.overwrite else path
        output = config.output.model_copy(update={"files": (str(chosen),)})
        config = config.model_copy(update={"output": output})
    if config.recognition.language == "auto":
        config = config.model_copy(
            update={"recognition": config.recognition.model_copy(update=TWO_LANGUAGES)}
        )
    model = resolve("demo", store=ModelStore.default())
    return caption(config, [open_input(config.audio, str(clip), pace, MonotonicClock())], model)
