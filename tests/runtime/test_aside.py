"""Sinks that take nothing any more hold up nobody else."""

import threading
from pathlib import Path

import pytest

from live_whisper.runtime.aside import Aside, AsideFile
from live_whisper.streaming.sinks.base import DisplayClosed, Reporting, Stored
from live_whisper.streaming.sinks.fanout import FanOut
from live_whisper.types.events import Notice, Progress


class Recorder:
    """Remembers; waits while ``gate`` is closed."""

    complete = True
    elsewhere = Path("there")

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.seen: list[int] = []
        self.closed = 0
        self.error: Exception | None = None

    def handle(self, event) -> None:
        self.entered.set()
        self.gate.wait(20)
        if self.error is not None:
            raise self.error
        self.seen.append(event.at)

    def take_notices(self) -> list[tuple[str, str]]:
        return []

    def close(self) -> None:
        self.closed += 1


def notice(at: int) -> Notice:
    return Notice(at, "x")


def progress(at: int) -> Progress:
    return Progress(at, 0, -20.0, True, 0.1, 0.1, "listening")


def test_everything_arrives_in_order():
    inner = Recorder()
    sink = Aside(inner, "it")
    for at in range(1000):
        sink.handle(notice(at))
    sink.close()
    sink.close()
    assert inner.seen == list(range(1000))
    assert inner.closed == 1
    assert sink.whole
    assert sink.take_notices() == []


def test_a_stuck_sink_holds_up_nobody_and_is_named():
    stuck, well = Recorder(), Recorder()
    stuck.gate.clear()
    aside = AsideFile(stuck, "net/m.srt", queue_events=8, close_seconds=0.2)
    fan = FanOut([aside, well])
    fan.handle(notice(0))
    assert stuck.entered.wait(20)
    for at in range(1, 100):
        fan.handle(notice(at))
    said = [item.message for item in fan.close()]
    assert sorted(set(well.seen)) == list(range(100))
    assert any("net/m.srt takes nothing any more" in line for line in said)
    assert any("left behind" in line for line in said)
    assert not aside.complete
    stuck.gate.set()
    aside._thread.join(20)
    assert not aside.complete, "it lacks what was left out"


def test_what_may_change_is_left_out_first():
    inner = Recorder()
    inner.gate.clear()
    sink = Aside(inner, "it", queue_events=100)
    sink.handle(notice(0))
    assert inner.entered.wait(20)
    for at in range(1, 80):
        sink.handle(progress(at))
    for at in range(1000, 1060):
        sink.handle(notice(at))
    inner.gate.set()
    sink.close()
    assert [at for at in inner.seen if at >= 1000] == list(range(1000, 1060))
    assert len(inner.seen) < 100
    assert sink.whole


def test_a_reader_that_went_away_is_told_to_the_caller():
    inner = Recorder()
    inner.error = DisplayClosed()
    closed = []
    fan = FanOut([Aside(inner, "it")], on_display_closed=lambda: closed.append(1))
    while not closed:
        fan.handle(notice(1))
    assert fan.display_closed
    assert fan.close() == []


def test_errors_are_the_sinks_own():
    inner = Recorder()
    inner.error = OSError(28, "No space left on device")
    sink = AsideFile(inner, "m.srt")
    sink.handle(notice(0))
    with pytest.raises(OSError, match="No space"):
        sink.close()
    assert not sink.complete


def test_what_a_file_says_of_itself():
    inner = Recorder()
    sink = AsideFile(inner, "m.srt")
    assert isinstance(sink, Stored)
    assert isinstance(sink, Reporting)
    assert not isinstance(Aside(Recorder(), "x"), Stored)
    sink.close()
    assert sink.complete
    assert sink.elsewhere == Path("there")
    inner.complete = False
    assert not sink.complete
