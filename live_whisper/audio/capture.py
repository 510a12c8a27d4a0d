"""The hand-over between PortAudio's callback and the audio thread.

The callback copies a block into memory allocated beforehand and returns: no growth, no waiting,
no exception. The other side takes whatever there is. The buffer holds a minute, so an audio
thread that stalls for less loses nothing; what does not fit is counted, to the frame, at the
place where it is missing.
"""

import threading
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

BUFFER_SECONDS: Final = 60
PAUSE_NS: Final = 1_500_000_000
"""Blocks come every few hundredths of a second; after this long without one, sound is missing."""
_MAX_LOSSES: Final = 1024


@dataclass(frozen=True, slots=True)
class Captured:
    """Consecutive frames as the device gave them."""

    frames: npt.NDArray[Any]
    """Shape (n, channels), the device's number type."""
    lost_before: int
    """Frames missing just before the first of these (or at this place, where there are none)."""


class CaptureBuffer:
    """Bounded buffer of raw frames: one writing callback, one reading thread."""

    def __init__(
        self,
        *,
        rate: int,
        channels: int,
        dtype: str = "int16",
        seconds: float = BUFFER_SECONDS,
    ) -> None:
        if rate <= 0 or channels <= 0 or seconds <= 0:
            raise ValueError(f"no buffer of {seconds} s, {rate} Hz, {channels} channels")
        self.rate = rate
        self.channels = channels
        self.ready = threading.Event()
        """Set by every ``write``; cleared by a ``take`` that empties the buffer."""
        self._data = np.zeros((max(1, int(rate * seconds)), channels), dtype=dtype)
        self._written = 0
        self._taken = 0
        self._losses: list[tuple[int, int]] = []  # (index of the frame after the hole, frames lost)
        self._lost = 0
        self._xruns = 0
        self._first_write_ns: int | None = None
        self._first_frames = 0
        self._last_write_ns: int | None = None
        self._pause: tuple[int, int] | None = None  # frame it came before, clock time it began
        self._lock = threading.Lock()

    @property
    def capacity_frames(self) -> int:
        """Frames that fit."""
        return len(self._data)

    @property
    def waiting_frames(self) -> int:
        """Frames not yet taken."""
        return self._written - self._taken

    @property
    def lost_frames(self) -> int:
        """Frames lost so far, here or in the device, as far as their number is known."""
        return self._lost

    @property
    def xruns(self) -> int:
        """How often the device said that it had dropped input."""
        return self._xruns

    @property
    def last_write_ns(self) -> int | None:
        """Clock time of the last ``write``."""
        return self._last_write_ns

    @property
    def paused_ns(self) -> int | None:
        """Clock time at which a pause in the writing began, once all before it is taken.

        Of more than ``PAUSE_NS``: the process was stopped, or the machine slept. What the device
        then gives again stands at an unknown place, so nothing after the pause is handed out.
        """
        with self._lock:
            return self._pause[1] if self._pause is not None and self._at_pause() else None

    @property
    def first_frame_ns(self) -> int | None:
        """Clock time at which the first frame began, as far as its arrival tells."""
        if self._first_write_ns is None:
            return None
        return self._first_write_ns - self._first_frames * 1_000_000_000 // self.rate

    def write(
        self, frames: npt.NDArray[Any], now_ns: int, *, lost_before: int = 0, xrun: bool = False
    ) -> int:
        """Copy in shape (n, channels); returns the frames that did not fit. Callback thread only.

        ``lost_before`` says how many frames the device itself dropped just before these.
        """
        count = len(frames)
        room = self.capacity_frames - (self._written - self._taken)
        kept = min(count, room)
        at = self._written % self.capacity_frames
        head = min(kept, self.capacity_frames - at)
        self._data[at : at + head] = frames[:head]
        self._data[: kept - head] = frames[head:kept]
        with self._lock:
            if self._first_write_ns is None:
                self._first_write_ns, self._first_frames = now_ns, count
            last_ns, self._last_write_ns = self._last_write_ns, now_ns
            if last_ns is not None and now_ns - last_ns > PAUSE_NS and self._pause is None:
                self._pause = self._written, last_ns
            self._xruns += xrun
            self._note_loss(self._written, lost_before)
            self._written += kept
            self._note_loss(self._written, count - kept)
        self.ready.set()
        return count - kept

    def take(self, max_frames: int | None = None) -> Captured:
        """What there is, up to the next hole or ``max_frames``, without waiting. Reading thread."""
        with self._lock:
            lost, last = 0, self._written if self._pause is None else self._pause[0]
            if self._losses and self._losses[0][0] == self._taken and not self._at_pause():
                lost = self._losses.pop(0)[1]
            stop = min(last, self._losses[0][0]) if self._losses else last
            count = stop - self._taken
            if max_frames is not None:
                count = min(count, max_frames)
        frames = np.empty((count, self.channels), dtype=self._data.dtype)
        at = self._taken % self.capacity_frames
        head = min(count, self.capacity_frames - at)
        frames[:head] = self._data[at : at + head]
        frames[head:] = self._data[: count - head]
        with self._lock:
            self._taken += count
            if self._taken == self._written and not self._losses:
                self.ready.clear()
        return Captured(frames, lost)

    def _at_pause(self) -> bool:
        return self._pause is not None and self._taken >= self._pause[0]

    def _note_loss(self, at: int, frames: int) -> None:
        if frames <= 0:
            return
        self._lost += frames
        if self._losses and (self._losses[-1][0] == at or len(self._losses) >= _MAX_LOSSES):
            # With the list full the count stays exact; only the place is then that of the last.
            place, so_far = self._losses[-1]
            self._losses[-1] = (place, so_far + frames)
        else:
            self._losses.append((at, frames))
