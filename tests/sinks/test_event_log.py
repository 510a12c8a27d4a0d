"""The log of every event, for measuring."""

import stat
from pathlib import Path

import pytest

from live_whisper.clock import VirtualClock
from live_whisper.errors import InputError
from live_whisper.streaming.sinks.event_log import EventLogSink, read_event_log
from live_whisper.types.events import Committed, Progress, Tentative
from live_whisper.types.text import Word

EVENTS = (
    Tentative(10, (Word(" 회의", 0, 5),), heard=8),
    Committed(20, (Word(" 회의는\ud800", 0, 5, 0.5, (1, 2)),), heard=18),
    Progress(30, 0, -20.0, speaking=True, compute_ratio=0.1, lag_seconds=0.0, state="listening"),
)


def test_every_event_comes_back_with_its_time(tmp_path: Path) -> None:
    clock = VirtualClock()
    sink = EventLogSink(tmp_path / "deep" / "log.jsonl", clock)
    for event in EVENTS[:2]:
        clock.advance(7)
        sink.handle(event)
    sink.write(99, EVENTS[2])
    sink.close()
    sink.close()
    found = list(read_event_log(tmp_path / "deep" / "log.jsonl"))
    assert [moment for moment, _ in found] == [7, 14, 99]
    assert found[0][1] == EVENTS[0]
    assert found[2][1] == EVENTS[2]
    assert isinstance(found[1][1], Committed)
    assert found[1][1].words[0].tokens == (1, 2)


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    EventLogSink(tmp_path / "log.jsonl").close()
    assert stat.S_IMODE((tmp_path / "log.jsonl").stat().st_mode) == 0o600


def test_it_does_not_grow_without_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    sink = EventLogSink(path, most_bytes=1000)
    for number in range(1000):
        sink.write(number, EVENTS[0])
    sink.close()
    assert path.stat().st_size < 1100
    assert path.read_text("utf-8").endswith('{"event":"log_full"}\n')
    assert 5 < len(list(read_event_log(path))) < 20


def test_damaged_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    sink = EventLogSink(path)
    sink.write(1, EVENTS[0])
    sink.close()
    whole = path.read_text("utf-8")
    path.write_text(f'{{"ns":1,"event":"later"}}\nnot json\n[]\n{whole}{whole[:30]}', "utf-8")
    assert list(read_event_log(path)) == [(1, EVENTS[0])]


def test_a_missing_log_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(read_event_log(tmp_path / "none.jsonl"))
