"""JSON lines on standard output: one object per event, for other programs.

Every object has ``event`` (``session_started``, ``model_ready``, ``language_chosen``,
``speech_changed``, ``committed``, ``tentative``, ``segment_closed``, ``text_suppressed``,
``progress``, ``notice``, ``session_ended``), ``at`` (seconds captured when it was made) and
``at_sample`` (the same in 16 kHz samples). Other positions come twice as well: ``start`` and
``start_sample``. Words are
``{"text", "start", "end", "start_sample", "end_sample", "probability"}``; ``committed`` is final
and only ever adds, each ``tentative`` replaces the one before. ``text`` joins the words as they
are written. Fields may be added in later versions, none change their meaning.
"""

import json
import math
from collections.abc import Iterable
from typing import TextIO

from live_whisper import units
from live_whisper.captions.text import sanitize
from live_whisper.streaming.sinks.codec import Json, encode, event_name
from live_whisper.streaming.sinks.lines import LineWriter
from live_whisper.types.audio import Span
from live_whisper.types.events import (
    AudioLost,
    Committed,
    Event,
    Progress,
    SegmentClosed,
    SessionEnded,
    SpeechChanged,
    Tentative,
    TextSuppressed,
    WindowDone,
)
from live_whisper.types.text import Word


class JsonLinesSink:
    """Prints every event, tentative text and progress included. One thread."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._out = LineWriter(stream)
        self._escaped = not self._out.is_utf8

    def handle(self, event: Event) -> None:
        """Print one object. Raises ``DisplayClosed`` when nobody reads."""
        if isinstance(event, WindowDone):
            return  # how the journal takes a run up again; of no use to anyone else
        self._out.write(json.dumps(to_object(event), ensure_ascii=self._escaped, allow_nan=False))

    def close(self) -> None:
        """Nothing is held."""


def to_object(event: Event) -> dict[str, Json]:
    """The object of an event, in the schema above."""
    head: dict[str, Json] = {
        "event": event_name(event),
        "at": units.samples_to_ms(event.at) / 1000,
        "at_sample": event.at,
    }
    return head | _body(event)


def _body(event: Event) -> dict[str, Json]:
    if isinstance(event, (Committed, Tentative)):
        return {
            **_text(event.words),
            "source": sanitize(event.source),
            **_time("heard", event.heard),
        }
    if isinstance(event, (SegmentClosed, AudioLost)):
        return {**_span(event.span), "source": sanitize(event.source)}
    if isinstance(event, SpeechChanged):
        return {"speaking": event.speaking, **_time("time", event.sample)}
    if isinstance(event, TextSuppressed):
        return {"reason": sanitize(event.suppressed.reason), **_text(event.suppressed.words)}
    if isinstance(event, Progress):
        return {
            **_time("decoded", event.decoded),
            "level_dbfs": _number(event.level_dbfs),
            "speaking": event.speaking,
            "compute_ratio": _number(event.compute_ratio),
            "lag_seconds": _number(event.lag_seconds),
            "state": event.state,
        }
    fields = encode(event)
    fields.pop("at")
    if isinstance(event, SessionEnded):
        summary = encode(event.summary)
        summary["files"] = list(event.summary.files)
        fields["summary"] = summary
    return {key: _clean(value) for key, value in fields.items()}


def _clean(value: Json) -> Json:
    if isinstance(value, str):
        return sanitize(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return value


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _time(name: str, sample: int) -> dict[str, Json]:
    return {name: units.samples_to_ms(sample) / 1000, f"{name}_sample": sample}


def _span(span: Span) -> dict[str, Json]:
    return {**_time("start", span.start), **_time("end", span.end)}


def _text(words: Iterable[Word]) -> dict[str, Json]:
    listed = tuple(words)
    return {
        "text": sanitize("".join(word.text for word in listed)),
        "words": [
            {
                "text": sanitize(word.text),
                **_time("start", word.start),
                **_time("end", word.end),
                "probability": _number(word.probability),
            }
            for word in listed
        ],
    }
