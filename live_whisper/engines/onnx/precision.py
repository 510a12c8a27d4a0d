"""The number formats an engine can run in."""

from typing import Literal, TypeAlias

from live_whisper.errors import UsageError

Precision: TypeAlias = Literal["float32", "int8"]


def parse_precision(text: str) -> Precision:
    """Raises ``UsageError`` for an unknown one."""
    if text == "float32":
        return "float32"
    if text == "int8":
        return "int8"
    raise UsageError(f"unknown precision: {text[:20]!r}.", hint="Use float32 or int8.")
