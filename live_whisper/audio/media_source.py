"""A media file or network stream as an ``AudioSource``, as fast as it decodes or in real time."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from live_whisper.audio.files import MediaReader, is_url, open_media
from live_whisper.audio.outbox import Outbox
from live_whisper.audio.source import SourceChunk
from live_whisper.clock import Clock
from live_whisper.errors import InputError, one_line
from live_whisper.types.audio import Samples
from live_whisper.units import (
    NS_PER_SECOND,
    SAMPLE_RATE,
    ms_to_samples,
    ns_to_samples,
    samples_to_ns,
)

Pace = Literal["realtime", "fast"]

_MAX_CHUNK_SAMPLES: Final = 2 * SAMPLE_RATE
_STEP_SAMPLES: Final = ms_to_samples(30)  # what a microphone gives at a time
_PAUSE_NS: Final = 2 * NS_PER_SECOND
"""A read this late was not made while the program was stopped or the computer slept."""


class MediaFileSource:
    """See the module. ``realtime`` hands out samples when the clock says they have been spoken.

    Decoding happens in ``read``, so nothing piles up; a reader that comes late finds everything
    that is due, in order. Where the whole program stood still (Ctrl-Z, a laptop's sleep) a file
    can wait: it goes on from where it was.
    """

    def __init__(self, path: str | Path, clock: Clock, *, pace: Pace = "fast") -> None:
        self._path = path
        self._clock = clock
        self._pace = pace
        self._name = one_line(str(path) if is_url(str(path)) else Path(path).name)
        self._reader: MediaReader | None = None
        self._blocks: Iterator[Samples] | None = None
        self._out = Outbox(_MAX_CHUNK_SAMPLES)
        self._opened_ns = 0
        self._looked_ns: int | None = None
        self._told = 0
        self._exhausted = False
        self._stopping = threading.Event()

    @property
    def name(self) -> str:
        """The file's name."""
        return self._name

    @property
    def live(self) -> bool:
        """Paced files and network streams go on whatever the reader does."""
        return self._pace == "realtime" or is_url(str(self._path))

    def open(self) -> None:
        """Open the file; real time starts here. Raises ``InputError``."""
        if self._reader is None:
            self._reader = open_media(self._path)
            self._blocks = self._reader.blocks()
            self._opened_ns = self._clock.now_ns()

    def read(self, timeout_ns: int) -> SourceChunk:
        """The next samples. Raises ``InputError`` where the file gives none at all."""
        if self._blocks is None:
            raise ValueError("a file must be opened before it is read")
        wanted = _MAX_CHUNK_SAMPLES
        if self._pace == "realtime" and not self._stopping.is_set():
            wanted = min(wanted, self._await_due(timeout_ns))
        self._decode(wanted)
        self._looked_ns = self._clock.now_ns()
        return self._out.take(ended=self._exhausted, at_most=wanted)

    def stop(self) -> None:
        """End with the samples handed out so far. Any thread."""
        self._stopping.set()

    def close(self) -> None:
        """Release the file."""
        self._stopping.set()
        if self._reader is not None:
            self._reader.close()

    def _await_due(self, timeout_ns: int) -> int:
        """Samples that are due and not handed out, after waiting for a step of them."""
        position = self._out.position
        due_ns = self._opened_ns + samples_to_ns(position + _STEP_SAMPLES) + 1
        left_ns = due_ns - self._clock.now_ns()
        if left_ns > 0:
            self._clock.wait(self._stopping, min(timeout_ns, left_ns))
        self._leave_out_pause(timeout_ns)
        due = ns_to_samples(self._clock.now_ns() - self._opened_ns) - position
        return due if due >= _STEP_SAMPLES else 0

    def _leave_out_pause(self, timeout_ns: int) -> None:
        if self._looked_ns is None or is_url(str(self._path)):
            return
        paused_ns = self._clock.now_ns() - self._looked_ns - timeout_ns
        if paused_ns >= _PAUSE_NS:
            self._opened_ns += paused_ns
            self._out.tell(f"Going on after a pause of {paused_ns / NS_PER_SECOND:.0f} s.")

    def _decode(self, wanted: int) -> None:
        assert self._blocks is not None
        assert self._reader is not None
        while self._out.waiting < wanted and not self._exhausted:
            if self._stopping.is_set():
                self._out.drop()
                self._exhausted = True
                break
            try:
                block = next(self._blocks)
            except StopIteration:
                self._exhausted = True
            except InputError:
                self._exhausted = True
                raise
            else:
                self._out.add(block)
        for notice in self._reader.notices[self._told :]:
            self._out.tell(notice)
        self._told = len(self._reader.notices)
