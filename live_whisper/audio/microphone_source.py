"""A microphone as an ``AudioSource`` that outlives its device.

A stream that stops, by itself or silently, is opened again under the same name with growing
pauses between attempts. While it is away, silence is handed out at the pace of the clock, so
captions are finished and later times hold; that silence is reported as lost.
"""

import threading
from dataclasses import dataclass

import numpy as np

from live_whisper.audio.capture import PAUSE_NS, Captured
from live_whisper.audio.devices import InputBackend, InputStream, choose_device
from live_whisper.audio.outbox import Outbox
from live_whisper.audio.pcm import mix_down
from live_whisper.audio.resample import Resampler
from live_whisper.audio.source import SourceChunk
from live_whisper.clock import Clock
from live_whisper.errors import DeviceError
from live_whisper.units import NS_PER_SECOND, SAMPLE_RATE, ns_to_samples, samples_to_seconds

_MAX_CHUNK_SAMPLES = 5 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Reconnect:
    """When a stream counts as gone and how it is sought again."""

    stall_ns: int = PAUSE_NS
    """Without a block for this long, the stream is taken for dead."""
    first_sound_ns: int = 5 * NS_PER_SECOND
    """The same for a stream just opened: a Bluetooth headset takes seconds to begin."""
    first_pause_ns: int = NS_PER_SECOND // 4
    """Between the first two attempts; doubled after each."""
    longest_pause_ns: int = 5 * NS_PER_SECOND
    zeros_samples: int = 5 * SAMPLE_RATE
    """That much exact digital silence from the start earns a hint about permissions."""


@dataclass(slots=True)
class _Absence:
    """The time between a stream's last sound and the next stream's first."""

    since_ns: int
    padded: int = 0
    pause_ns: int = 0
    next_attempt_ns: int = 0


class MicrophoneSource:
    """See the module. ``wanted`` is what ``--device`` says (``None``: the default input)."""

    live = True

    def __init__(
        self,
        backend: InputBackend,
        clock: Clock,
        wanted: str | None = None,
        reconnect: Reconnect | None = None,
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._wanted = wanted
        self._reconnect = reconnect or Reconnect()
        self._name = wanted or "default input"
        self._stream: InputStream | None = None
        self._resampler: Resampler | None = None
        self._opened_ns = 0
        self._absence: _Absence | None = None
        self._out = Outbox(_MAX_CHUNK_SAMPLES)
        self._xruns = 0
        self._zeros: int | None = 0  # samples of digital silence so far; None once it is settled
        self._stopping = threading.Event()
        self._drained = False
        self._looked_ns: int | None = None
        self._asleep = False

    @property
    def name(self) -> str:
        """The device's name."""
        return self._name

    def open(self) -> None:
        """Start capturing. Raises ``DeviceError``."""
        if self._stream is not None:
            return
        device = choose_device(self._backend.devices(), self._wanted)
        self._start(self._backend.open(device))
        # A device is sought again by its name: its number changes when devices come and go. The
        # default one is left to the system, which may have another by then.
        if self._wanted is not None:
            self._wanted = device.name
        self._name = device.name

    def read(self, timeout_ns: int) -> SourceChunk:
        """Wait for sound, or for the time-out, and return it. Never raises for a lost device."""
        if not self._drained and self._out.waiting < _MAX_CHUNK_SAMPLES:
            if self._stopping.is_set():
                self._finish()
            elif self._stream is None:
                self._seek(timeout_ns)
            else:
                self._listen(self._stream, timeout_ns)
        self._looked_ns = self._clock.now_ns()
        return self._out.take(ended=self._drained)

    def stop(self) -> None:
        """End after what has been captured. Any thread."""
        self._stopping.set()
        stream = self._stream
        if stream is not None:
            stream.buffer.ready.set()

    def close(self) -> None:
        """Release the device."""
        self._stopping.set()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _start(self, stream: InputStream) -> None:
        self._stream = stream
        self._resampler = Resampler(stream.buffer.rate)
        self._opened_ns = self._clock.now_ns()
        self._xruns = 0

    def _listen(self, stream: InputStream, timeout_ns: int) -> None:
        deadline = self._deadline_ns(stream)
        if stream.alive and not stream.buffer.waiting_frames and not self._out.waiting:
            left_ns = max(0, deadline - self._clock.now_ns())
            self._clock.wait(stream.buffer.ready, min(timeout_ns, left_ns))
        alive, now_ns = stream.alive, self._clock.now_ns()  # before draining: nothing comes between
        # So late a read was not made because none of this process ran.
        looked_ns = now_ns if self._looked_ns is None else self._looked_ns
        asleep = now_ns - looked_ns - timeout_ns > PAUSE_NS
        if self._drain(stream):
            self._asleep = asleep
            return
        self._asleep = self._asleep or asleep
        if not alive or now_ns >= deadline or stream.buffer.paused_ns is not None:
            self._lose(stream, silently=alive)
        self._asleep = False

    def _deadline_ns(self, stream: InputStream) -> int:
        last_ns = stream.buffer.last_write_ns
        if last_ns is None:
            return self._opened_ns + self._reconnect.first_sound_ns
        return last_ns + self._reconnect.stall_ns

    def _drain(self, stream: InputStream) -> bool:
        """Move what the stream holds into the outbox, as far as it takes; whether there was any."""
        any_at_all = False
        while self._out.waiting < _MAX_CHUNK_SAMPLES:
            captured = stream.buffer.take(stream.buffer.rate)
            if not len(captured.frames) and not captured.lost_before:
                break
            any_at_all = True
            self._pass_on(stream, captured)
        return any_at_all

    def _pass_on(self, stream: InputStream, captured: Captured) -> None:
        if self._absence is not None:
            self._rejoin(stream)
        rate = stream.buffer.rate
        if captured.lost_before:
            self._out.add(self._flush_resampler())
            self._resampler = Resampler(rate)
            self._out.pad(self._resampler.expected(captured.lost_before))
        if captured.lost_before or stream.buffer.xruns > self._xruns:
            self._xruns = stream.buffer.xruns
            seconds = captured.lost_before / rate
            amount = f"{seconds:.2f} s of sound was lost" if seconds else "some sound may be lost"
            self._out.tell(f"{self._name}: overrun, {amount}.")
        samples = mix_down(captured.frames)
        if self._zeros is not None:
            self._watch_for_zeros(bool(np.any(samples)), self._count_16k(len(samples), rate))
        assert self._resampler is not None
        self._out.add(self._resampler.push(samples))

    @staticmethod
    def _count_16k(frames: int, rate: int) -> int:
        return frames * SAMPLE_RATE // rate

    def _watch_for_zeros(self, sound: bool, count: int) -> None:  # noqa: FBT001
        assert self._zeros is not None
        self._zeros = None if sound else self._zeros + count
        if self._zeros is not None and self._zeros >= self._reconnect.zeros_samples:
            self._zeros = None
            self._out.tell(
                f"{self._name} gives only digital silence: is it muted, or is the permission to "
                "use the microphone missing?"
            )

    def _flush_resampler(self) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        resampler, self._resampler = self._resampler, None
        return resampler.flush() if resampler is not None else np.zeros(0, dtype=np.float32)

    def _lose(self, stream: InputStream, *, silently: bool) -> None:
        self._out.add(self._flush_resampler())
        last_ns = stream.buffer.paused_ns or stream.buffer.last_write_ns
        self._stream = None
        stream.close()
        now_ns = self._clock.now_ns()
        if self._absence is None:
            self._absence = _Absence(self._opened_ns if last_ns is None else last_ns)
            how = "stopped giving sound" if silently else "was disconnected"
            if self._asleep:
                how = "was not heard while the program was stopped or the computer slept"
            self._out.tell(f"{self._name} {how}; waiting for it to come back.")
            self._absence.next_attempt_ns = now_ns
        else:
            self._postpone(self._absence, now_ns)

    def _seek(self, timeout_ns: int) -> None:
        absence = self._absence
        if absence is None:
            raise ValueError("a microphone must be opened before it is read")
        left_ns = absence.next_attempt_ns - self._clock.now_ns()
        if left_ns > 0:
            self._clock.wait(self._stopping, min(timeout_ns, left_ns))
        now_ns = self._clock.now_ns()
        self._pad_until(absence, now_ns)
        if now_ns < absence.next_attempt_ns or self._stopping.is_set():
            return
        try:
            self._backend.refresh()
            device = choose_device(self._backend.devices(), self._wanted)
            stream = self._backend.open(device)
        except DeviceError:
            self._postpone(absence, self._clock.now_ns())
            return
        self._start(stream)

    def _postpone(self, absence: _Absence, now_ns: int) -> None:
        longest = self._reconnect.longest_pause_ns
        absence.pause_ns = min(absence.pause_ns * 2 or self._reconnect.first_pause_ns, longest)
        absence.next_attempt_ns = now_ns + absence.pause_ns

    def _rejoin(self, stream: InputStream) -> None:
        """The first sound after an absence: pad the rest of the gap exactly, by the clock."""
        absence, self._absence = self._absence, None
        assert absence is not None
        first_ns = stream.buffer.first_frame_ns
        self._pad_until(absence, absence.since_ns if first_ns is None else first_ns)
        self._name = stream.device.name
        seconds = samples_to_seconds(absence.padded)
        self._out.tell(f"{self._name} is back after {seconds:.1f} s, filled with silence.")

    def _pad_until(self, absence: _Absence, now_ns: int) -> None:
        missing = ns_to_samples(max(0, now_ns - absence.since_ns)) - absence.padded
        if missing > 0:
            self._out.pad(missing)
            absence.padded += missing

    def _finish(self) -> None:
        """After ``stop``: let the device go, then hand out what it had captured."""
        stream = self._stream
        if stream is None:
            if self._absence is not None:
                self._pad_until(self._absence, self._clock.now_ns())
            self._drained = True
            return
        now_ns = self._clock.now_ns()
        if stream.alive:
            stream.close()
        if self._drain(stream):
            return
        paused = stream.buffer.paused_ns is not None  # what came after has no place any more
        if stream.buffer.waiting_frames and not paused:
            return
        self._out.add(self._flush_resampler())
        if self._absence is not None:  # away, or open again without a sound so far
            self._pad_until(self._absence, now_ns)
        self._stream = None
        self._drained = True
