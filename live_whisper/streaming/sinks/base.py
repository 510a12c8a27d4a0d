"""What a sink is, and how it says that something is wrong without stopping the captions."""

from typing import Protocol, runtime_checkable

from live_whisper.types.events import Event


class Sink(Protocol):
    """Receives every event in order, from one thread."""

    def handle(self, event: Event) -> None:
        """Take one event. Raises ``DisplayClosed`` where nobody reads any more.

        A file sink keeps its own write errors to itself and reports them through
        ``take_notices``; anything it does raise detaches it.
        """
        ...

    def close(self) -> None:
        """Finish and release what is held; may be called more than once."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """A sink that has something to say to the user."""

    def take_notices(self) -> list[tuple[str, str]]:
        """Messages since the last call, each with its level (``Notice.level``)."""
        ...


@runtime_checkable
class Stored(Protocol):
    """A sink that keeps what it is given in a file."""

    @property
    def complete(self) -> bool:
        """Whether everything is in the file."""
        ...


@runtime_checkable
class Suspendable(Protocol):
    """A sink that has taken possession of the terminal."""

    def suspend(self) -> None:
        """Give it back, before the process is stopped. Fit for a signal handler."""
        ...

    def resume(self) -> None:
        """The process was continued. Fit for a signal handler."""
        ...


class DisplayClosed(Exception):  # noqa: N818 - a signal, not an error
    """Standard output was closed by whoever read it (``| head``, a closed terminal)."""
