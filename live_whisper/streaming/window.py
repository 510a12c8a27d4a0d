"""What the planner asks of the recognizer, complete in itself.

A request carries everything a decode depends on, so it can cross to another process, and be sent
again unchanged when that process died.
"""

from dataclasses import dataclass

from live_whisper.types.audio import Span
from live_whisper.types.text import Word


@dataclass(frozen=True, slots=True)
class Window:
    """A span of audio to decode."""

    span: Span
    """At most 30 s."""
    final: bool
    """The speech in it has ended: whatever it says is committed."""
    closes: tuple[Span, ...] = ()
    """Speech segments that are finished by this window; several when catching up."""


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """A window with what the model is told before it."""

    window: Window
    committed: tuple[Word, ...] = ()
    """Committed words inside the window, in order: the decoder's forced prefix."""
    carried: tuple[int, ...] = ()
    """Text tokens committed before the window, newest last; empty after a prompt reset."""
    context: str = ""
    """Text before the stream's first word, where ``carried`` has nothing yet."""
    not_before: int = 0
    """Sample before which no new word can begin: the end of the last committed word."""
    language: str | None = None
    """``None`` while it is still to be detected."""
