"""Where the recognizer's process begins: imports an engine only when it is called."""

from live_whisper.runtime.ports import Recognizes
from live_whisper.runtime.spec import RecognizerSpec


def load_from_spec(spec: RecognizerSpec) -> Recognizes:
    """Load the recognizer; the process that only captures never imports an engine."""
    from live_whisper.runtime.load import load_recognizer  # noqa: PLC0415

    return load_recognizer(spec)
