"""Every fault at many moments of a scripted meeting: nothing is lost, nothing said twice."""

import errno
import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.fault_sweep import FAULTS
from support.faulty_run import Ground, Run, prepare
from support.meeting import edges_of, make_meeting

from live_whisper.audio.spool import SpoolReader
from live_whisper.config.schema import Config
from live_whisper.errors import EngineError
from live_whisper.runtime.simulate import Simulated, Trouble
from live_whisper.streaming.rebuild import journal_events
from live_whisper.types.audio import Span
from live_whisper.types.events import AudioLost, Notice
from live_whisper.units import NS_PER_SECOND

MOMENTS = 12
"""Of each fault; ``benchmarks/fault_sweep.py`` takes every one, of five minutes."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return prepare(40.0, tmp_path_factory.mktemp("ground"))


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_happens_the_text_is_whole_and_the_accounts_balance(
    name: str, ground: Ground, tmp_path: Path
) -> None:
    step = len(ground.moments_ns) / MOMENTS
    for number in range(MOMENTS):
        folder = tmp_path / str(number)
        run = Run(ground, folder)
        FAULTS[name](run, ground.moments_ns[round(number * step)])
        run.check()
        shutil.rmtree(folder)


def test_an_engine_three_times_slower_than_speech_ends_with_the_whole_text(tmp_path: Path) -> None:
    config = Config()
    meeting = make_meeting(600.0)
    ground = Ground(meeting, config, edges_of(meeting.samples, config))
    run = Run(ground, tmp_path, cost_ns=_three_times_the_sound)
    result = run.play()
    run.check_all(result)
    assert result.ended_ns > 1500 * NS_PER_SECOND, "the engine was not slow"
    assert _worst_lag(result) > 300.0


def _three_times_the_sound(request: object, _: object) -> int:
    span = request.window.span
    return 3 * span.length * NS_PER_SECOND // 16_000


def _worst_lag(result: Simulated) -> float:
    return max(event.lag_seconds for _, event in result.events if hasattr(event, "lag_seconds"))


def test_sound_that_is_neither_in_memory_nor_on_disk_is_counted_as_lost(tmp_path: Path) -> None:
    """A full disk and an engine minutes behind: the one way to lose sound, and it is told."""
    config = Config.model_validate({"audio": {"ring_seconds": 35}})
    meeting = make_meeting(180.0)
    ground = Ground(meeting, config, edges_of(meeting.samples, config))
    run = Run(ground, tmp_path, cost_ns=_three_times_the_sound)
    run.break_disk(run.audio_disk, 30 * NS_PER_SECOND, errno.ENOSPC, 60 * NS_PER_SECOND)
    result = run.play()
    accounts = result.outcome.accounts
    lost = [event.span for _, event in result.events if isinstance(event, AudioLost)]
    assert 0 < accounts.lost == sum(span.length for span in lost) <= 71 * 16_000
    assert accounts.captured == accounts.decoded + accounts.silent + accounts.lost
    assert accounts.undecoded == 0
    spans = sorted(lost)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans)), "counted twice"
    run.check_text(result, complete=False)


def test_what_happened_is_told_once(ground: Ground, tmp_path: Path) -> None:
    middle = ground.moments_ns[len(ground.moments_ns) // 2]
    for name, told in {
        "worker_dies": "restarted",
        "audio_disk_full": "No space left on device",
        "text_disk_full": "cannot be written",
        "device_notice": "reopened",
    }.items():
        run = Run(ground, tmp_path / name)
        FAULTS[name](run, middle)
        notices = run.notices_of(run.play().events)
        if name != "text_disk_full":  # told by the sinks, behind the recorder
            assert sum(told in notice for notice in notices) == 1, (name, notices)


def test_a_recognizer_that_dies_at_once_ends_the_run_with_one_line(
    ground: Ground, tmp_path: Path
) -> None:
    run = Run(ground, tmp_path, troubles=dict.fromkeys(range(9), Trouble("die")))
    with pytest.raises(EngineError, match="5 times in a row"):
        run.play()


def test_a_recognizer_gone_for_good_does_not_end_the_recording(
    ground: Ground, tmp_path: Path
) -> None:
    """What is said is still worth keeping: ``recover`` has all of it."""
    first = ground.requests * 3 // 4
    deaths = range(first, first + 9)
    run = Run(ground, tmp_path, troubles=dict.fromkeys(deaths, Trouble("die")))
    with pytest.raises(EngineError, match="live-whisper recover"):
        run.play()
    whole = Span(0, len(ground.meeting.samples))
    reader = SpoolReader(tmp_path / "audio")
    assert reader.coverage() == (whole,)
    assert np.array_equal(reader.read(whole), ground.meeting.samples)
    notices = [e.message for e in journal_events(run.journal.path) if isinstance(e, Notice)]
    assert sum("the recording goes on" in message for message in notices) == 1
