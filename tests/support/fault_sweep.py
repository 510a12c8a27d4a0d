"""One fault at one moment of a simulated meeting, and what must hold whatever it was.

The session, lanes, streams, spool, journal and subtitle file are the real ones; only time, the
microphone and the recognizer are played.
"""

import errno
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pysubs2
from support.meeting import Meeting, Stage, edges_of, make_meeting

from live_whisper.audio import spool as spool_module
from live_whisper.config.schema import Config
from live_whisper.runtime.known import KnownEdge
from live_whisper.runtime.simulate import Simulated, SimulatedPort, Trouble, simulate
from live_whisper.streaming.rebuild import journal_events
from live_whisper.streaming.sinks import files as files_module
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.fanout import FanOut
from live_whisper.streaming.sinks.journal import JournalSink
from live_whisper.streaming.sinks.subtitle_file import open_output
from live_whisper.types.audio import Span
from live_whisper.types.events import AudioLost, Committed, Event, Notice, SessionStarted
from live_whisper.units import NS_PER_SECOND, SAMPLE_RATE, ns_to_samples

CHUNK_SAMPLES = 3200
COST_NS = 250_000_000
LOAD_NS = 2 * NS_PER_SECOND
OUTAGE_NS = 12 * NS_PER_SECOND
GAP_SAMPLES = SAMPLE_RATE // 3


@dataclass(frozen=True)
class Ground:
    """What all runs of a sweep share."""

    meeting: Meeting
    config: Config
    edges: Sequence[KnownEdge]
    moments_ns: tuple[int, ...] = ()
    """When the undisturbed run published anything."""
    requests: int = 0


def prepare(seconds: float, folder: Path) -> Ground:
    """The meeting, and the moments at which something happens in it."""
    config = Config.model_validate({"streaming": {"step_ms": 1000}})
    meeting = make_meeting(seconds)
    ground = Ground(meeting, config, edges_of(meeting.samples, config))
    run = Run(ground, folder)
    result = run.play()
    run.check_all(result)
    moments = sorted({moment for moment, _ in result.events})
    return replace(ground, moments_ns=tuple(moments), requests=run.port.requests)


class BrokenDisk:
    """Stands in for ``os`` in one module: writes fail while ``error`` is set."""

    def __init__(self) -> None:
        self.error: int | None = None
        self.failures = 0

    def module(self) -> SimpleNamespace:
        stand_in = SimpleNamespace(**{name: getattr(os, name) for name in dir(os)})
        stand_in.write = self.write
        stand_in.fsync = lambda _: None  # time spent on a real disk is no part of a simulation
        return stand_in

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        if self.error is None:
            return os.write(descriptor, data)
        self.failures += 1
        half = len(data) // 2
        if self.error == errno.ENOSPC and half and self.failures % 2:
            return os.write(descriptor, data[:half])  # a full disk takes a part first
        raise OSError(self.error, os.strerror(self.error))


@dataclass
class Run:
    """A run to which at most one thing happens."""

    ground: Ground
    folder: Path
    stops_ns: tuple[int, ...] = ()
    gaps: tuple[Span, ...] = ()
    notices: tuple[tuple[int, str], ...] = ()
    trouble: Callable[[int], Trouble | None] = lambda _: None
    cost_ns: Callable[..., int] = lambda request, hypothesis: COST_NS
    audio_disk: BrokenDisk = field(default_factory=BrokenDisk)
    text_disk: BrokenDisk = field(default_factory=BrokenDisk)
    appointments: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    port: SimulatedPort = field(init=False)
    journal: JournalSink = field(init=False)

    def play(self) -> Simulated:
        ground = self.ground
        stage = Stage(
            ground.meeting, self.folder, gaps=self.gaps, notices=self.notices,
            config=ground.config, edges=ground.edges,
        )  # fmt: skip
        for moment, action in self.appointments:
            stage.clock.at(moment, action)
        self.port = SimulatedPort(
            stage.clock, stage.recognizer(), self.cost_ns, load_ns=LOAD_NS,
            hang_ns=10 * NS_PER_SECOND, trouble=self.trouble,
        )  # fmt: skip
        with self._disks():
            sink = self._sinks()
            return simulate(
                [stage.lane()], self.port, stage.clock, sink=sink,
                stops_ns=self.stops_ns, chunk_samples=CHUNK_SAMPLES,
            )  # fmt: skip

    def break_disk(
        self, disk: BrokenDisk, moment_ns: int, error: int, outage_ns: int = OUTAGE_NS
    ) -> None:
        """Writes fail from a moment on, for twelve seconds."""

        def fail() -> None:
            disk.error = error

        def heal() -> None:
            disk.error = None

        self.appointments += [(moment_ns, fail), (moment_ns + outage_ns, heal)]

    @contextmanager
    def _disks(self) -> Iterator[None]:
        before = spool_module.os, files_module.os
        spool_module.os = self.audio_disk.module()  # type: ignore[assignment]
        files_module.os = self.text_disk.module()  # type: ignore[assignment]
        try:
            yield
        finally:
            spool_module.os, files_module.os = before

    def _sinks(self) -> FanOut:
        self.folder.mkdir(parents=True, exist_ok=True)
        journal, srt = self.folder / "journal.jsonl", self.folder / "out.srt"
        self.journal = JournalSink(journal)
        sinks = FanOut([self.journal, open_output(OutputSpec(srt), journal=journal)])
        sinks.handle(SessionStarted(0, "sweep", "microphone", "scripted", "en", "transcribe", 1))
        return sinks

    # --- what must hold -------------------------------------------------------------------------

    def check_all(self, result: Simulated, *, complete: bool = True) -> None:
        """Accounts, text, order, files; ``complete``: every word was to be heard."""
        self.check_accounts(result)
        self.check_text(result, complete=complete)
        self.check_files(result)

    def check_accounts(self, result: Simulated) -> None:
        accounts = result.outcome.accounts
        parts = (accounts.decoded, accounts.silent, accounts.lost, accounts.undecoded)
        assert sum(parts) == accounts.captured, accounts
        assert min(parts) >= 0, accounts
        assert accounts.lost == sum(
            event.span.length for _, event in result.events if isinstance(event, AudioLost)
        )
        heard = (min(gap.end, accounts.captured) - gap.start for gap in self.gaps)
        assert accounts.lost == sum(max(0, length) for length in heard), accounts
        if not self.stops_ns:
            assert accounts.captured == len(self.ground.meeting.samples)
        if len(self.stops_ns) < 2:
            assert accounts.undecoded == 0, accounts

    def check_text(self, result: Simulated, *, complete: bool) -> None:
        committed = [event for _, event in result.events if isinstance(event, Committed)]
        words = [word for event in committed for word in event.words]
        text = "".join(word.text for word in words)
        assert self.ground.meeting.text.startswith(text), "a committed word is wrong or repeated"
        for before, after in itertools.pairwise(words):
            assert before.start <= before.end <= after.start, (before, after)
        if len(self.stops_ns) == 1:
            captured = result.outcome.accounts.captured
            assert text == self.ground.meeting.text_until(captured), "a word was not decoded"
        elif complete and not self.stops_ns:
            assert text == self.ground.meeting.text, "a word was not decoded"

    def check_files(self, result: Simulated) -> None:
        published = [event for _, event in result.events if isinstance(event, Committed)]
        stored = [
            event
            for event in journal_events(self.folder / "journal.jsonl")
            if isinstance(event, Committed)
        ]
        if not self.journal.complete:  # the outage outlasted the run, and the run knows
            assert self.text_disk.error is not None
            assert published[: len(stored)] == stored
            return
        assert stored == published, "the journal lacks a commit"
        subtitles = pysubs2.load(str(self.folder / "out.srt"), format_="srt")
        cues = list(subtitles)
        for before, after in itertools.pairwise(cues):
            assert before.start < before.end <= after.start, (before, after)
        shown = " ".join(cue.plaintext for cue in cues).split()
        assert shown == "".join(word.text for event in stored for word in event.words).split()

    @staticmethod
    def notices_of(events: Sequence[tuple[int, Event]]) -> list[str]:
        return [event.message for _, event in events if isinstance(event, Notice)]


Fault = Callable[[Ground, Path, int], Run]
"""Makes the run in which the fault happens at a moment (nanoseconds)."""


def once(number: int, trouble: Trouble) -> Callable[[int], Trouble | None]:
    return lambda request: trouble if request == number else None


def _request_at(ground: Ground, moment_ns: int) -> int:
    """A request number that stands for the moment."""
    place = ground.moments_ns.index(moment_ns) / max(1, len(ground.moments_ns) - 1)
    return round(place * (ground.requests - 1))


def worker_dies(ground: Ground, folder: Path, moment_ns: int) -> Run:
    number = _request_at(ground, moment_ns)
    return Run(ground, folder, trouble=once(number, Trouble("die", moment_ns % COST_NS)))


def worker_hangs(ground: Ground, folder: Path, moment_ns: int) -> Run:
    return Run(ground, folder, trouble=once(_request_at(ground, moment_ns), Trouble("hang")))


def worker_dies_four_times(ground: Ground, folder: Path, moment_ns: int) -> Run:
    first = _request_at(ground, moment_ns)
    deaths = range(first, first + 4)
    return Run(ground, folder, trouble=lambda n: Trouble("die") if n in deaths else None)


def audio_disk_full(ground: Ground, folder: Path, moment_ns: int) -> Run:
    run = Run(ground, folder)
    run.break_disk(run.audio_disk, moment_ns, errno.ENOSPC)
    return run


def audio_disk_fails(ground: Ground, folder: Path, moment_ns: int) -> Run:
    run = Run(ground, folder)
    run.break_disk(run.audio_disk, moment_ns, errno.EIO)
    return run


def text_disk_full(ground: Ground, folder: Path, moment_ns: int) -> Run:
    run = Run(ground, folder)
    run.break_disk(run.text_disk, moment_ns, errno.ENOSPC)
    return run


def text_disk_read_only(ground: Ground, folder: Path, moment_ns: int) -> Run:
    run = Run(ground, folder)
    run.break_disk(run.text_disk, moment_ns, errno.EROFS)
    return run


def subtitle_file_deleted(ground: Ground, folder: Path, moment_ns: int) -> Run:
    run = Run(ground, folder)
    run.appointments.append((moment_ns, lambda: (folder / "out.srt").unlink(missing_ok=True)))
    return run


def device_gap(ground: Ground, folder: Path, moment_ns: int) -> Run:
    start = min(ns_to_samples(moment_ns), len(ground.meeting.samples) - GAP_SAMPLES)
    return Run(ground, folder, gaps=(Span(start, start + GAP_SAMPLES),))


def device_notice(ground: Ground, folder: Path, moment_ns: int) -> Run:
    return Run(ground, folder, notices=((ns_to_samples(moment_ns), "The device was reopened."),))


def stop_once(ground: Ground, folder: Path, moment_ns: int) -> Run:
    return Run(ground, folder, stops_ns=(moment_ns,))


def stop_twice(ground: Ground, folder: Path, moment_ns: int) -> Run:
    return Run(ground, folder, stops_ns=(moment_ns, moment_ns + 100_000_000))


def slow_spell(ground: Ground, folder: Path, moment_ns: int) -> Run:
    first = _request_at(ground, moment_ns)
    count = iter(range(1 << 30))

    def cost(*_: object) -> int:
        return 8 * NS_PER_SECOND if first <= next(count) < first + 5 else COST_NS

    return Run(ground, folder, cost_ns=cost)


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        worker_dies, worker_dies_four_times, worker_hangs, audio_disk_full, audio_disk_fails,
        text_disk_full, text_disk_read_only, subtitle_file_deleted, device_gap, device_notice,
        stop_once, stop_twice, slow_spell,
    )
}  # fmt: skip
