"""Every event to every sink; one sink's trouble is never another's."""

from collections.abc import Callable, Sequence

from live_whisper.captions.text import sanitize
from live_whisper.streaming.sinks.base import DisplayClosed, Reporting, Sink
from live_whisper.types.events import Event, Notice

_MOST_NOTICES = 64  # in one round: a sink that complains about notices must not go round for ever


class FanOut:
    """Delivers events in order; put the journal first. One thread.

    A sink that raises is detached, the others are told with a ``Notice`` and the run goes on. A
    display whose reader went away is detached quietly and ``display_closed`` becomes true: what
    then happens to the run is the caller's decision.
    """

    def __init__(
        self, sinks: Sequence[Sink], *, on_display_closed: Callable[[], object] = lambda: None
    ) -> None:
        """``on_display_closed`` is called once, in the delivering thread."""
        self._on_display_closed = on_display_closed
        self._sinks = list(sinks)
        self._reporting = {id(sink): sink for sink in sinks if isinstance(sink, Reporting)}
        self._at = 0
        self.display_closed = False
        """Whether standard output was closed by its reader."""
        self.failures: list[Exception] = []
        """Unexpected errors of detached sinks, first eight: defects, for the log."""
        self.detached: list[Sink] = []
        """Sinks that did not get everything, because they raised."""

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """The sinks still attached."""
        return tuple(self._sinks)

    def handle(self, event: Event) -> None:
        """Deliver one event, then whatever the sinks have to say about it."""
        self._at = max(self._at, event.at)
        queue: list[Event] = [event]
        for item in queue:  # grows while it is gone through
            room = _MOST_NOTICES - len(queue)
            queue.extend(self._deliver(item)[: max(0, room)])

    def _deliver(self, event: Event) -> list[Notice]:
        notices: list[Notice] = []
        for sink in tuple(self._sinks):
            try:
                sink.handle(event)
            except DisplayClosed:
                self._detach(sink)
                if not self.display_closed:
                    self.display_closed = True
                    self._on_display_closed()
            except Exception as error:  # noqa: BLE001 - captions outlive any sink
                self._detach(sink)
                self._remember(error)
                notices.append(self._notice(f"{_name(sink)} stopped: {_line(error)}", "error"))
            notices.extend(self._reported(sink))
        return notices

    def _reported(self, sink: Sink) -> list[Notice]:
        reporting = self._reporting.get(id(sink))
        if reporting is None:
            return []
        return [self._notice(message, level) for message, level in reporting.take_notices()]

    def _notice(self, message: str, level: str) -> Notice:
        return Notice(self._at, sanitize(message).strip(), level)

    def _remember(self, error: Exception) -> None:
        if len(self.failures) < 8:
            self.failures.append(error)

    def _detach(self, sink: Sink) -> None:
        self._sinks.remove(sink)
        self.detached.append(sink)
        try:
            sink.close()
        except DisplayClosed:
            pass  # that is why
        except Exception as error:  # noqa: BLE001
            self._remember(error)

    def close(self) -> list[Notice]:
        """Close every sink in order; returns what they had to say, for nobody else can show it."""
        notices: list[Notice] = []
        for sink in tuple(self._sinks):
            try:
                sink.close()
            except DisplayClosed:
                self.display_closed = True
            except Exception as error:  # noqa: BLE001
                self.detached.append(sink)
                self._remember(error)
                notices.append(self._notice(f"{_name(sink)}: {_line(error)}", "error"))
            notices.extend(self._reported(sink))
        self._sinks.clear()
        return notices


def _name(sink: Sink) -> str:
    name = getattr(sink, "name", None)
    return name if isinstance(name, str) else type(sink).__name__


def _line(error: Exception) -> str:
    return sanitize(str(error)) or type(error).__name__
