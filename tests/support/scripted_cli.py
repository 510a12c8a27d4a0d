"""``live-whisper`` with a recognizer that hears a script: the program itself, without a model.

``SCRIPTED_WORDS`` names a JSON file of ``[text, start, end]``, ``SCRIPTED_COST_MS`` how long a
decode takes. ``--model`` is any folder with a ``config.json``.
"""

import json
import os
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from support.scripted_recognizer import Script, ScriptedRecognizer

from live_whisper.cli.main import main
from live_whisper.runtime import captioner
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples
from live_whisper.types.text import Hypothesis, Word


class Slowly(ScriptedRecognizer):
    """Takes its time."""

    def recognize(self, request: WindowRequest, samples: Samples) -> Hypothesis:
        """Wait, then answer."""
        threading.Event().wait(int(os.environ.get("SCRIPTED_COST_MS", "0")) / 1000)
        return super().recognize(request, samples)


def load(spec: object) -> Slowly:
    """What the worker calls instead of loading a model."""
    words = json.loads(Path(os.environ["SCRIPTED_WORDS"]).read_text())
    return Slowly(
        Script(
            tuple(Word(text, start, end, tokens=(n,)) for n, (text, start, end) in enumerate(words))
        )
    )


if __name__ == "__main__":
    captioner.load_from_spec = load  # type: ignore[assignment]
    main()
