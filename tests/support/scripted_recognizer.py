"""A recognizer that knows what is said and when, for tests of everything around it.

Module-level and picklable, so that it also runs in a worker process.
"""

import os
import signal
from dataclasses import dataclass

from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples
from live_whisper.types.text import Hypothesis, Word
from live_whisper.units import ms_to_samples

FRESH = ms_to_samples(400)
"""Words that end this close to the end of the audio are not yet stable."""


@dataclass(frozen=True)
class Script:
    """Words with their times, and when to misbehave."""

    words: tuple[Word, ...]
    kill_marker: str = ""
    """A file: the process kills itself at the first request after the file appears, once."""


class ScriptedRecognizer:
    """Hears exactly the scripted words that the window holds."""

    description = "scripted"

    def __init__(self, script: Script) -> None:
        self._script = script

    def recognize(self, request: WindowRequest, samples: Samples) -> Hypothesis:
        """The words after the committed ones that have ended within the window."""
        span = request.window.span
        assert len(samples) == span.length
        marker = self._script.kill_marker
        if marker and os.path.exists(marker):
            os.unlink(marker)
            os.kill(os.getpid(), signal.SIGKILL)
        words = tuple(
            word
            for word in self._script.words
            if word.start >= max(request.not_before, span.start) and word.end <= span.end
        )
        stable = sum(word.end <= span.end - FRESH for word in words)
        return Hypothesis(words, stable=stable, language=request.language or "en")


def load_scripted(script: Script) -> ScriptedRecognizer:
    """What a worker calls."""
    return ScriptedRecognizer(script)


def sentence(first: int, count: int, *, name: str = "w", length: int = 4800) -> tuple[Word, ...]:
    """``count`` words of 0.3 s from sample ``first`` on, with a full stop after the last."""
    return tuple(
        Word(
            f" {name}{i}" + ("." if i == count - 1 else ""),
            first + i * length,
            first + (i + 1) * length,
            tokens=(i,),
        )
        for i in range(count)
    )
