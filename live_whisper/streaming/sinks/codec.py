"""Events as plain JSON objects and back, exactly.

Every event is a dataclass of numbers, strings, tuples and other dataclasses, so one pair of
functions serves them all. Fields at their default are left out; unknown fields are ignored, so that
a newer version may add some. Non-finite numbers become ``null``.
"""

import dataclasses
import functools
import math
import types
import typing

from live_whisper.types import events
from live_whisper.types.events import Event, Summary

Json: typing.TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_NAMES: dict[str, type] = {
    "session_started": events.SessionStarted,
    "model_ready": events.ModelReady,
    "language_chosen": events.LanguageChosen,
    "speech_changed": events.SpeechChanged,
    "committed": events.Committed,
    "tentative": events.Tentative,
    "segment_closed": events.SegmentClosed,
    "window_done": events.WindowDone,
    "audio_lost": events.AudioLost,
    "text_suppressed": events.TextSuppressed,
    "progress": events.Progress,
    "notice": events.Notice,
    "session_ended": events.SessionEnded,
}
_KINDS = {kind: name for name, kind in _NAMES.items()}


class CodecError(ValueError):
    """A JSON object that is no event."""


def event_name(event: Event) -> str:
    """The name an event has in files: ``"committed"``, ``"session_ended"``."""
    return _KINDS[type(event)]


def encode(event: Event | Summary) -> dict[str, Json]:
    """The event's fields."""
    return _fields(event)


def decode(name: str, fields: Json) -> Event:
    """The event that ``encode`` made the fields from. Raises ``CodecError``."""
    kind = _NAMES.get(name)
    if kind is None:
        raise CodecError(f"no event is called {name!r}")
    return typing.cast("Event", _build(kind, fields))


def _fields(value: object) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for field in dataclasses.fields(value):  # type: ignore[arg-type]
        item = getattr(value, field.name)
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if default is dataclasses.MISSING or item != default or type(item) is not type(default):
            result[field.name] = _plain(item)
    return result


def _plain(value: object) -> Json:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return _fields(value)


@functools.cache
def _hints(kind: type) -> dict[str, object]:
    return typing.get_type_hints(kind)


def _build(kind: type, fields: Json) -> object:
    if not isinstance(fields, dict):
        raise CodecError(f"{kind.__name__} needs an object")
    arguments: dict[str, object] = {}
    for field in dataclasses.fields(kind):
        if field.name in fields:
            arguments[field.name] = _value(_hints(kind)[field.name], fields[field.name])
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise CodecError(f"{kind.__name__}: {error}") from None


def _value(hint: object, value: Json) -> object:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        (hint,) = (arg for arg in typing.get_args(hint) if arg is not type(None))
        return _value(hint, value)
    if origin is tuple:
        if not isinstance(value, list):
            raise CodecError(f"a list was expected, not {type(value).__name__}")
        item = typing.get_args(hint)[0]
        return tuple(_value(item, entry) for entry in value)
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast("type", hint), value)
    return _scalar(hint, value)


def _scalar(hint: object, value: Json) -> object:
    if hint is float:
        if value is None:
            return math.nan
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                raise CodecError("a number is too large") from None
    elif hint is bool or hint is str:
        if isinstance(value, typing.cast("type", hint)):
            return value
    elif hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    raise CodecError(f"{hint} was expected, not {type(value).__name__}")
