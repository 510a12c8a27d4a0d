"""A simulated meeting to which something happens, and what must hold whatever it was.

The session, lanes, streams, spool, journal, sinks and recovery are the real ones; only time, the
microphone and the recognizer are played.
"""

import errno
import io
import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pysubs2
from support.meeting import Heard, Meeting, Stage, edges_of, make_meeting
from support.outputs import new_output

from live_whisper.audio import spool as spool_module
from live_whisper.audio.spool import SpoolReader
from live_whisper.config.schema import Config
from live_whisper.runtime import recover as recover_module
from live_whisper.runtime.known import KnownEdge
from live_whisper.runtime.recover import Recovery
from live_whisper.runtime.simulate import (
    Simulated,
    SimulatedClock,
    SimulatedPort,
    Trouble,
    simulate,
)
from live_whisper.streaming.rebuild import journal_events
from live_whisper.streaming.recording import RecordingFolder, RecordingMeta
from live_whisper.streaming.sinks import files as files_module
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.fanout import FanOut
from live_whisper.streaming.sinks.journal import JournalSink
from live_whisper.streaming.sinks.jsonl import JsonLinesSink
from live_whisper.streaming.sinks.subtitle_file import RollingFile
from live_whisper.types.audio import Span
from live_whisper.types.events import AudioLost, Committed, Event, Notice, SessionStarted
from live_whisper.types.text import Word
from live_whisper.units import NS_PER_SECOND, ns_to_samples

CHUNK_SAMPLES = 3200
COST_NS = 250_000_000
SLOW_NS = 8 * NS_PER_SECOND
LOAD_NS = 2 * NS_PER_SECOND
OUTAGE_NS = 12 * NS_PER_SECOND


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


class Killed(BaseException):
    """The process is gone: no ``except Exception`` sees it."""


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


class Reader(io.TextIOBase):
    """Whoever reads standard output."""

    def __init__(self) -> None:
        self.gone = False

    def go_away(self) -> None:
        self.gone = True

    def write(self, text: str) -> int:
        if self.gone:
            raise BrokenPipeError
        return len(text)


@dataclass
class Run:
    """A run and what is to happen to it; made for one ``play``."""

    ground: Ground
    folder: Path
    stops_ns: list[int] = field(default_factory=list)
    gaps: list[Span] = field(default_factory=list)
    notices: list[tuple[int, str]] = field(default_factory=list)
    troubles: dict[int, Trouble] = field(default_factory=dict)
    """By number of the request."""
    slow: range = range(0)
    """Answers, by number, that take eight seconds."""
    cost_ns: Callable[..., int] | None = None
    audio_disk: BrokenDisk = field(default_factory=BrokenDisk)
    text_disk: BrokenDisk = field(default_factory=BrokenDisk)
    reader: Reader = field(default_factory=Reader)
    appointments: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    port: SimulatedPort = field(init=False)
    journal: JournalSink = field(init=False)
    subtitles: RollingFile = field(init=False)

    @property
    def srt(self) -> Path:
        """The subtitle file that was asked for."""
        return self.folder / "out" / "meeting.srt"

    # --- what happens ---------------------------------------------------------------------------

    def at(self, moment_ns: int, action: Callable[[], None]) -> None:
        """Do something at a moment."""
        self.appointments.append((moment_ns, action))

    def request_at(self, moment_ns: int) -> int:
        """A request number that stands for the moment."""
        moments = self.ground.moments_ns
        place = moments.index(moment_ns) / max(1, len(moments) - 1)
        return round(place * (self.ground.requests - 1))

    def lose(self, moment_ns: int, length: int) -> None:
        """The device gives nothing for a while."""
        start = min(ns_to_samples(moment_ns), len(self.ground.meeting.samples) - length)
        self.gaps.append(Span(max(0, start), max(0, start) + length))

    def break_disk(
        self, disk: BrokenDisk, moment_ns: int, error: int, outage_ns: int = OUTAGE_NS
    ) -> None:
        """Writes fail from a moment on, for twelve seconds."""
        self.at(moment_ns, lambda: setattr(disk, "error", error))
        self.at(moment_ns + outage_ns, lambda: setattr(disk, "error", None))

    def take_away(self, folder: Path, moment_ns: int) -> None:
        """A folder is not where it was for twelve seconds."""
        away = folder.with_name(f"{folder.name} away")
        self.at(moment_ns, lambda: _move(folder, away))
        self.at(moment_ns + OUTAGE_NS, lambda: _move(away, folder))

    def kill(self, moment_ns: int) -> None:
        """The process ends as by SIGKILL: what is on the disk then is all there is."""

        def die() -> None:
            shutil.copytree(self.folder, self._left)
            raise Killed

        self.at(moment_ns, die)

    @property
    def _left(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-left")

    # --- the run --------------------------------------------------------------------------------

    def check(self) -> None:
        """Play it and see that everything holds."""
        try:
            result = self.play()
        except Killed:
            self.check_recovery()
            shutil.rmtree(self._left)
        else:
            self.check_all(result)

    def play(self) -> Simulated:
        """Raises ``Killed`` where that is what happens."""
        ground = self.ground
        stage = Stage(
            ground.meeting, self.folder, gaps=tuple(self.gaps), notices=tuple(self.notices),
            config=ground.config, edges=ground.edges,
        )  # fmt: skip
        for moment, action in self.appointments:
            stage.clock.at(moment, action)
        self.port = SimulatedPort(
            stage.clock, stage.recognizer(), self.cost_ns or self._cost(), load_ns=LOAD_NS,
            hang_ns=10 * NS_PER_SECOND, trouble=self.troubles.get,
        )  # fmt: skip
        with self._disks():
            sink = self._sinks()
            return simulate(
                [stage.lane()], self.port, stage.clock, sink=sink,
                stops_ns=self.stops_ns, chunk_samples=CHUNK_SAMPLES,
            )  # fmt: skip

    def _cost(self) -> Callable[..., int]:
        answers = itertools.count()
        return lambda *_: SLOW_NS if next(answers) in self.slow else COST_NS

    @contextmanager
    def _disks(self) -> Iterator[None]:
        with (
            mock.patch.object(spool_module, "os", self.audio_disk.module()),
            mock.patch.object(files_module, "os", self.text_disk.module()),
        ):
            yield

    def _sinks(self) -> FanOut:
        self.srt.parent.mkdir(parents=True, exist_ok=True)
        path = self.folder / "journal.jsonl"
        self.journal = JournalSink(path)
        self.subtitles = new_output(OutputSpec(self.srt), journal=path)
        sinks = FanOut([self.journal, self.subtitles, JsonLinesSink(self.reader)])
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
        in_order(words)
        if len(self.stops_ns) == 1:
            captured = result.outcome.accounts.captured
            assert text == self.ground.meeting.text_until(captured), "a word was not decoded"
        elif complete and not self.stops_ns:
            assert text == self.ground.meeting.text, "a word was not decoded"

    def check_files(self, result: Simulated) -> None:
        published = [event for _, event in result.events if isinstance(event, Committed)]
        stored = commits(self.folder / "journal.jsonl")
        if not (self.journal.complete and self.subtitles.complete):
            assert self.text_disk.error is not None  # the outage outlasted the run
            assert published[: len(stored)] == stored
            return
        assert stored == published, "the journal lacks a commit"
        srt = self.subtitles.elsewhere or self.srt
        assert shown_in(srt) == "".join(text_of(stored)).split()

    def check_recovery(self) -> None:
        """What the killed run left, recovered, is what was said until then."""
        folder = RecordingFolder(self._left / "20260101T000000Z-00000a")
        folder.path.mkdir()
        journal = (self._left / "journal.jsonl").replace(folder.journal)
        for part in self._left.glob("audio/*"):
            part.replace(folder.path / part.name)
        srt = self._left / "out" / "meeting.srt"
        in_srt = shown_in(srt)
        before = commits(journal)
        assert "".join(text_of(before)).split()[: len(in_srt)] == in_srt
        settings = self.ground.config.model_dump_json()
        folder.write_meta(
            RecordingMeta("microphone", "scripted", "en", "transcribe", 1, (OutputSpec(srt),),
                          settings=settings)
        )  # fmt: skip
        captured = self._recover(folder)
        after = commits(journal)
        assert after[: len(before)] == before, "a committed word was changed"
        text = "".join(text_of(after))
        assert text == self.ground.meeting.text_until(captured), "a word was not recovered"
        in_order([word for event in after for word in event.words])
        assert shown_in(srt) == text.split()
        assert folder.meta().clean

    def _recover(self, folder: RecordingFolder) -> int:
        """As ``live-whisper recover`` does; returns the samples that the spool had."""
        clock = SimulatedClock()
        recovery = Recovery(folder, clock=clock)
        stage = Stage(self.ground.meeting, folder.path)
        try:
            assert recovery.rebuild() == []
            with mock.patch.object(recover_module, "find_edges", self._known_edges):
                owed = recovery.listen()
            captured = recovery.end
            if owed:
                port = SimulatedPort(clock, stage.recognizer(), lambda *_: COST_NS)
                summary = recovery.decode(port)
                assert summary is not None
                parts = (summary.decoded_samples, summary.silent_samples, summary.lost_samples)
                assert sum(parts) == summary.captured_samples == captured
            assert recovery.rebuild() == []
            recovery.finish()
        finally:
            recovery.close()
        return captured

    def _known_edges(self, folder: Path, end: int, *_: object) -> list[KnownEdge]:
        assert SpoolReader(folder).end == end
        told = Heard(self.ground.edges)
        edges = [KnownEdge(end, edge) for edge in told.push(self.ground.meeting.samples[:end])]
        return edges + [KnownEdge(end + 1, edge) for edge in told.flush()]

    @staticmethod
    def notices_of(events: Sequence[tuple[int, Event]]) -> list[str]:
        return [event.message for _, event in events if isinstance(event, Notice)]


def commits(journal: Path) -> list[Committed]:
    """Everything that was committed, as the journal has it."""
    return [event for event in journal_events(journal) if isinstance(event, Committed)]


def text_of(events: Sequence[Committed]) -> Iterator[str]:
    """The words of commits."""
    return (word.text for event in events for word in event.words)


def in_order(words: Sequence[Word]) -> None:
    """Words never overlap nor go backwards."""
    for before, after in itertools.pairwise(words):
        assert before.start <= before.end <= after.start, (before, after)


def shown_in(srt: Path) -> list[str]:
    """The words of a subtitle file, read by somebody else's parser; its cues are in order."""
    cues = list(pysubs2.load(str(srt), format_="srt"))
    for before, after in itertools.pairwise(cues):
        assert before.start < before.end <= after.start, (before, after)
    return " ".join(cue.plaintext for cue in cues).split()


def _move(folder: Path, to: Path) -> None:
    if folder.exists():
        folder.rename(to)
