"""The disk while a run fills it: said early, and the last of it kept for the captions."""

from pathlib import Path

from live_whisper.audio.space import SpaceWatch, free_bytes, seconds_left
from live_whisper.types.events import Event, Progress
from live_whisper.units import SAMPLE_RATE

LOOK_SAMPLES = 10 * SAMPLE_RATE


class Room:
    """Whether audio may still be written to a folder; an unknown disk is assumed to have room."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self) -> bool:
        """Ask the system."""
        free = free_bytes(self._folder)
        return free is None or seconds_left(free) > 0


class SpaceSink:
    """A sink that looks at the disk every ten seconds and tells when it fills up. One thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._watch = SpaceWatch()
        self._look_at = 0
        self._notices: list[tuple[str, str]] = []

    def handle(self, event: Event) -> None:
        """Progress tells how time passes."""
        if isinstance(event, Progress) and event.at >= self._look_at:
            self._look_at = event.at + LOOK_SAMPLES
            line = self._watch.poll(free_bytes(self._folder))
            if line:
                self._notices.append((line, "warning"))

    def take_notices(self) -> list[tuple[str, str]]:
        """What is to be said."""
        notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Nothing is held."""
