"""Twenty-four hours on the virtual clock: whatever must be bounded stays so.

The session, lane, stream, planner, policy, spool, journal, subtitle files and displays are the real
ones. A sentence a minute, with an hour of dense talk in between; time, the microphone, the speech
gate and the recognizer are played. Zeros are written to the spool as holes: a day is 2.7 GB.
"""

import bisect
import gc
import os
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pysubs2
import pytest
from rich.console import Console
from support.meeting import WORD_SAMPLES, Heard
from support.outputs import new_output
from support.scripted_recognizer import FRESH

from live_whisper.audio import spool as spool_module
from live_whisper.audio.ring import AudioRing
from live_whisper.audio.spool import SpoolReader, SpoolWriter
from live_whisper.config.schema import Config
from live_whisper.runtime.captioner import CueCounter, summary_of
from live_whisper.runtime.known import KnownEdge
from live_whisper.runtime.lane import Lane
from live_whisper.runtime.simulate import (
    DirectPublisher,
    SimulatedClock,
    SimulatedMicrophone,
    SimulatedPort,
    SimulatedSession,
)
from live_whisper.runtime.space import Room, SpaceSink
from live_whisper.runtime.spool import LaneSpool
from live_whisper.streaming.rebuild import journal_events
from live_whisper.streaming.sinks import files as files_module
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.fanout import FanOut
from live_whisper.streaming.sinks.journal import JournalSink
from live_whisper.streaming.sinks.jsonl import JsonLinesSink
from live_whisper.streaming.sinks.plain import PlainSink
from live_whisper.streaming.sinks.terminal import TerminalSink
from live_whisper.streaming.stream import CaptionStream
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples, Span, SpeechEnded, SpeechStarted
from live_whisper.types.events import SessionEnded, SessionStarted
from live_whisper.types.text import Hypothesis, Word
from live_whisper.units import NS_PER_SECOND, SAMPLE_RATE

HOURS = 24
HOUR = 3600 * SAMPLE_RATE
DENSE_HOUR = 3
SENTENCE_WORDS = 11
SENTENCE = SENTENCE_WORDS * WORD_SAMPLES
CHUNK = SAMPLE_RATE
FULL_HOURS = 10
"""By then every bounded history has reached its bound."""


@dataclass
class Day:
    """What is said, and when."""

    starts: list[int] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    edges: list[KnownEdge] = field(default_factory=list)

    def __post_init__(self) -> None:
        at = SAMPLE_RATE
        while at + SENTENCE < HOURS * HOUR:
            self._say(at)
            at += 6 * SAMPLE_RATE if at // HOUR == DENSE_HOUR else 60 * SAMPLE_RATE
        self._word_starts = [word.start for word in self.words]
        self._voice = (0.1 * np.random.default_rng(1).standard_normal(SENTENCE)).astype("f4")
        self._nothing = np.zeros(CHUNK * 4, np.float32)
        self._voice = (np.rint(self._voice * 32768) / 32768).astype(np.float32)

    def _say(self, at: int) -> None:
        self.starts.append(at)
        for index in range(SENTENCE_WORDS):
            number, start = len(self.words), at + index * WORD_SAMPLES
            stop = "." if index == SENTENCE_WORDS - 1 else ""
            word = Word(f" w{number}{stop}", start, start + WORD_SAMPLES, tokens=(number % 50_000,))
            self.words.append(word)
        span = Span(at - 1600, at + SENTENCE + 1600)
        self.edges += [
            KnownEdge(at + 1600, SpeechStarted(span.start)),
            KnownEdge(span.end + 6400, SpeechEnded(span, "pause")),
        ]

    def sound(self, span: Span) -> Samples:
        samples = self._nothing[: span.length]
        first = max(0, bisect.bisect(self.starts, span.start) - 1)
        for start in self.starts[first : bisect.bisect(self.starts, span.end)]:
            begin, end = max(start, span.start), min(start + SENTENCE, span.end)
            if begin < end:
                samples = samples.copy()
                samples[begin - span.start : end - span.start] = self._voice[
                    begin - start : end - start
                ]
        return samples

    # --- as a recognizer ---

    description = "scripted"

    def recognize(self, request: WindowRequest, samples: Samples) -> Hypothesis:
        span = request.window.span
        assert len(samples) == span.length
        first = bisect.bisect_left(self._word_starts, max(request.not_before, span.start))
        last = bisect.bisect_left(self._word_starts, span.end)
        words = tuple(word for word in self.words[first:last] if word.end <= span.end)
        stable = sum(word.end <= span.end - FRESH for word in words)
        return Hypothesis(words, stable=stable, language="en")


@dataclass(frozen=True)
class Reading:
    """What the process holds at a moment."""

    hour: int
    blocks: int
    """Objects and buffers that Python has allocated."""
    rss: int
    descriptors: int
    threads: int


class Meter:
    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._process = psutil.Process()

    def read(self, hour: int) -> None:
        gc.collect()
        self.readings.append(
            Reading(
                hour,
                sys.getallocatedblocks(),
                self._process.memory_info().rss,
                self._process.num_fds(),
                threading.active_count(),
            )
        )


def with_holes() -> SimpleNamespace:
    """``os`` whose zeros become holes in the file, and whose syncs cost nothing."""
    stand_in = SimpleNamespace(**{name: getattr(os, name) for name in dir(os)})

    def write(descriptor: int, data: bytes | memoryview) -> int:
        if len(data) < 4096 or bytes(data).count(0) < len(data):
            return os.write(descriptor, data)
        os.ftruncate(descriptor, os.lseek(descriptor, len(data), os.SEEK_CUR))
        return len(data)

    stand_in.write = write
    stand_in.fsync = lambda _: None
    return stand_in


@pytest.fixture
def light_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "os", with_holes())
    no_sync = with_holes()
    no_sync.write = os.write
    monkeypatch.setattr(files_module, "os", no_sync)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(psutil.Process, "num_fds"), reason="counts descriptors")
def test_a_day_in_bounded_memory(tmp_path: Path, light_disk: None) -> None:
    day, meter, clock = Day(), Meter(), SimulatedClock()
    folder = tmp_path / "recording"
    folder.mkdir()
    journal = folder / "journal.jsonl"
    config = Config.model_validate({"streaming": {"step_ms": 1000}})
    outputs = [OutputSpec(tmp_path / name) for name in ("m.srt", "m.vtt", "m.json")]
    cues = CueCounter(outputs[0].options.limits)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        terminal = TerminalSink(
            Console(file=nowhere, force_terminal=True, width=80, height=24), background=False
        )
        sinks = FanOut(
            [
                JournalSink(journal),
                *(new_output(output, journal=journal) for output in outputs),
                terminal,
                PlainSink(nowhere, nowhere),
                JsonLinesSink(nowhere),
                SpaceSink(folder),
                cues,
            ]
        )
        lane = Lane(
            source=SimulatedMicrophone(clock, day.sound, length=HOURS * HOUR),
            spool=LaneSpool(
                SpoolWriter(folder, sync_samples=60 * SAMPLE_RATE),
                SpoolReader(folder),
                has_room=Room(folder),
            ),
            ring=AudioRing(60 * SAMPLE_RATE),
            segments=Heard(day.edges),
            stream=CaptionStream(config.streaming, language="en"),
        )
        port = SimulatedPort(clock, day, lambda *_: 250_000_000, load_ns=NS_PER_SECOND)
        publisher = DirectPublisher(sinks)
        session = SimulatedSession([lane], port, publisher, clock)
        session.chunk_samples = CHUNK
        for hour in range(1, HOURS):
            clock.at(hour * 3600 * NS_PER_SECOND, lambda hour=hour: meter.read(hour))
        for moment in range(0, HOURS * 3600, 300):
            clock.at(moment * NS_PER_SECOND, terminal.draw)
        publisher.publish([SessionStarted(0, "a-day", "microphone", "m", "en", "transcribe", 1)])
        session.capture()
        outcome = session.run()
        meter.read(HOURS)
        summary = summary_of(outcome, config, cues.total(), ())
        publisher.publish([SessionEnded(HOURS * HOUR, summary, "end of input")])
        publisher.close(0)
    check_bounds(meter.readings)
    accounts = outcome.accounts
    assert accounts.captured == HOURS * HOUR
    assert accounts.lost == accounts.undecoded == 0
    assert accounts.decoded + accounts.silent == accounts.captured
    assert outcome.words == len(day.words) > 20_000
    check_files(tmp_path, journal, day, cues.total())
    assert SpoolReader(folder).coverage() == (Span(0, HOURS * HOUR),)
    assert len(list(folder.glob("audio-*.wav"))) == 2  # one for each twelve hours


def check_bounds(readings: list[Reading]) -> None:
    full = [reading for reading in readings if reading.hour >= FULL_HOURS]
    assert len(full) == HOURS - FULL_HOURS + 1
    growth = max(reading.blocks for reading in full[1:]) - full[0].blocks
    assert growth < 2000, f"{growth} blocks more than after {FULL_HOURS} hours"
    resident = max(reading.rss for reading in full[1:]) - full[0].rss
    assert resident < 24 << 20  # the allocator's own; what is kept shows above
    assert len({reading.descriptors for reading in readings[:-1]}) == 1
    assert readings[-1].descriptors <= readings[0].descriptors
    assert len({reading.threads for reading in readings}) == 1


def check_files(tmp_path: Path, journal: Path, day: Day, cues: int) -> None:
    said = "".join(word.text for word in day.words).split()
    shown = list(pysubs2.load(str(tmp_path / "m.srt"), format_="srt"))
    assert " ".join(cue.plaintext for cue in shown).split() == said
    assert len(shown) == cues
    assert shown[-1].end > 23.9 * 3_600_000
    assert sum(isinstance(event, SessionEnded) for event in journal_events(journal)) == 1
