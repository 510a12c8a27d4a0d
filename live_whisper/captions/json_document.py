"""JSON (.json): cues with their words, every time in seconds and in samples.

::

    {"format": "live-whisper captions", "version": 1, "sample_rate": 16000, "title": …,
     "language": …, "model": …,
     "cues": [{"number": 1, "start": 0.5, "end": 2.0, "start_sample": 8000, "end_sample": 32000,
               "text": …, "lines": […], "source": …,
               "words": [{"text": …, "start": …, "end": …, "start_sample": …, "end_sample": …,
                          "probability": 0.98}]}]}
"""

import json
import math

from live_whisper import units
from live_whisper.captions.cues import Cue
from live_whisper.captions.text import sanitize
from live_whisper.captions.writer import DocumentInfo, WriterOptions
from live_whisper.types.text import Word

VERSION = 1


class JsonWriter:
    """One object; the list of cues is written one cue per line."""

    def __init__(self, info: DocumentInfo, options: WriterOptions) -> None:
        self._info, self._options = info, options
        self._number = options.first_number

    def header(self) -> str:
        """Everything up to the list of cues."""
        head = {
            "format": "live-whisper captions",
            "version": VERSION,
            "sample_rate": units.SAMPLE_RATE,
            "title": sanitize(self._info.title),
            "language": sanitize(self._info.language),
            "model": sanitize(self._info.model),
        }
        return json.dumps(head, ensure_ascii=False)[:-1] + ', "cues": ['

    def footer(self) -> str:
        """Closes list and object."""
        return "\n]}\n"

    def cue(self, cue: Cue) -> str:
        """One cue, with a comma before all but the first."""
        first = self._number == self._options.first_number
        entry = {
            "number": self._number,
            **self._times(cue.start, cue.end),
            "text": cue.text,
            "lines": list(cue.lines),
            "source": sanitize(cue.source),
            "words": [self._word(word) for word in cue.words],
        }
        self._number += 1
        return ("\n" if first else ",\n") + json.dumps(entry, ensure_ascii=False)

    def _word(self, word: Word) -> dict[str, object]:
        probability = word.probability if math.isfinite(word.probability) else None
        return {
            "text": sanitize(word.text).strip(),
            **self._times(word.start, word.end),
            "probability": None if probability is None else round(probability, 4),
        }

    def _times(self, start: int, end: int) -> dict[str, object]:
        start, end = start + self._options.offset, end + self._options.offset
        return {
            "start": units.samples_to_ms(start) / 1000,
            "end": units.samples_to_ms(end) / 1000,
            "start_sample": start,
            "end_sample": end,
        }
