"""How long the disk will last, and when to say so."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from live_whisper.audio.spool import BYTES_PER_SECOND

_RESERVE_BYTES: Final = 64 << 20  # for subtitles and the journal, when audio no longer fits


def free_bytes(folder: Path) -> int | None:
    """Bytes free for us where ``folder`` is or would be, or ``None`` where nobody can say."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


def seconds_left(free: int) -> float:
    """Recording time that fits, a reserve for the captions kept aside."""
    return max(0, free - _RESERVE_BYTES) / BYTES_PER_SECOND


@dataclass(slots=True)
class SpaceWatch:
    """Says once per step that the disk fills up. Plain object: ``poll`` when convenient."""

    warn_seconds: tuple[float, ...] = (3600.0, 600.0, 60.0)
    """Recording time left at which a line is due, longest first."""
    said: int = 0
    """How many of the steps were announced."""

    def poll(self, free: int | None) -> str | None:
        """A line for the user, or ``None``. ``free`` is what ``free_bytes`` says."""
        if free is None:
            return None
        left = seconds_left(free)
        due = sum(left < step for step in self.warn_seconds)
        if due <= self.said:
            # Space that came back may be announced again when it goes.
            self.said = min(self.said, due)
            return None
        self.said = due
        if left < self.warn_seconds[-1]:
            return "The disk is nearly full: audio may stop being kept, captions go on."
        return f"The disk has room for {left / 60:.0f} more minutes of audio."
