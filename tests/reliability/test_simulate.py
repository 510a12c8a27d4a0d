"""The simulation itself: exact, repeatable, and the session is the real one."""

import threading
from pathlib import Path

import numpy as np
from support.meeting import Meeting, Stage, make_meeting

from live_whisper.runtime.simulate import (
    Simulated,
    SimulatedClock,
    SimulatedMicrophone,
    SimulatedPort,
    simulate,
)
from live_whisper.types.audio import Span
from live_whisper.types.events import Committed, ModelReady, WindowDone
from live_whisper.units import NS_PER_SECOND, samples_to_ns

MS = 1_000_000


def test_appointments_are_kept_in_order_and_on_time() -> None:
    clock, kept = SimulatedClock(), []
    for at in (30, 10, 20, 10):
        clock.at(at, lambda at=at: kept.append((at, clock.now_ns())))
    assert not clock.wait(threading.Event(), 25)
    assert kept == [(10, 10), (10, 10), (20, 20)]
    assert clock.now_ns() == 25
    clock.wait(threading.Event(), 0)
    assert clock.now_ns() == 25
    assert kept[-1] == (20, 20)


def test_a_wait_ends_when_somebody_sets_the_event() -> None:
    clock, event = SimulatedClock(), threading.Event()
    clock.at(40, event.set)
    assert clock.wait(event, 1000)
    assert clock.now_ns() == 40


def test_a_microphone_gives_what_was_spoken_and_no_more() -> None:
    clock = SimulatedClock()
    sound = np.arange(16_000, dtype=np.float32) / 32768
    microphone = SimulatedMicrophone(
        clock, sound, gaps=[Span(2000, 9000)], notices=[(5000, "reopened")]
    )
    clock.advance(7 * NS_PER_SECOND)
    microphone.open()
    clock.advance(250 * MS)
    first = microphone.read(0)
    assert (first.start, first.end, first.gaps) == (0, 4000, (Span(2000, 4000),))
    assert np.array_equal(first.samples, sound[:4000])
    clock.advance(250 * MS)
    second = microphone.read(0)
    assert (second.start, second.end, second.gaps) == (4000, 8000, (Span(4000, 8000),))
    assert second.notices == ("reopened",)
    clock.advance(100 * MS)
    microphone.stop()
    clock.advance(NS_PER_SECOND)
    last = microphone.read(0)
    assert (last.end, last.ended) == (9600, True)
    assert microphone.read(0).samples.size == 0


def play(folder: Path, meeting: Meeting, cost_ns: int, **options: object) -> Simulated:
    stage = Stage(meeting, folder)
    port = SimulatedPort(stage.clock, stage.recognizer(), lambda *_: cost_ns, **options)
    return simulate([stage.lane()], port, stage.clock)


def test_the_same_run_twice_is_the_same(tmp_path: Path) -> None:
    meeting = make_meeting(15.0)
    first = play(tmp_path / "a", meeting, 333 * MS)
    second = play(tmp_path / "b", meeting, 333 * MS)
    assert first.events == second.events
    assert first.outcome == second.outcome


def test_a_costlier_engine_is_later_by_what_it_costs(tmp_path: Path) -> None:
    meeting = make_meeting(15.0)
    seconds = {}
    for cost_ms in (50, 550):
        result = play(tmp_path / str(cost_ms), meeting, cost_ms * MS)
        last = [moment for moment, event in result.events if isinstance(event, Committed)][-1]
        word = meeting.script.words[-1]
        seconds[cost_ms] = (last - samples_to_ns(word.end)) / NS_PER_SECOND
    assert seconds[50] >= 0.05
    assert 0.4 <= seconds[550] - seconds[50] <= 1.1  # its own cost, at most one decode waits


def test_what_is_said_while_the_model_loads_is_caught_up(tmp_path: Path) -> None:
    meeting = make_meeting(20.0)
    result = play(tmp_path, meeting, 200 * MS, load_ns=12 * NS_PER_SECOND)
    ready = next(moment for moment, event in result.events if isinstance(event, ModelReady))
    first = next(moment for moment, event in result.events if isinstance(event, WindowDone))
    assert ready == 12 * NS_PER_SECOND
    assert first - ready <= 300 * MS
    words = [w for _, event in result.events if isinstance(event, Committed) for w in event.words]
    assert "".join(word.text for word in words) == meeting.text


def test_two_microphones_share_one_recognizer(tmp_path: Path) -> None:
    meeting = make_meeting(12.0)
    stage, other = Stage(meeting, tmp_path / "a"), Stage(meeting, tmp_path / "b")
    other.clock = stage.clock
    port = SimulatedPort(stage.clock, stage.recognizer(), lambda *_: 100 * MS)
    result = simulate([stage.lane("me"), other.lane("them")], port, stage.clock)
    for label in ("me", "them"):
        mine = [e for _, e in result.events if isinstance(e, Committed) and e.source == label]
        assert "".join(word.text for event in mine for word in event.words) == meeting.text
    accounts = result.outcome.accounts
    assert accounts.captured == 2 * len(meeting.samples)
    assert accounts.captured == accounts.decoded + accounts.silent


def test_the_longest_input_dates_the_end_and_every_delay_counts(tmp_path: Path) -> None:
    meeting = make_meeting(12.0)
    stage, other = Stage(meeting, tmp_path / "a"), Stage(make_meeting(18.0), tmp_path / "b")
    other.clock = stage.clock
    port = SimulatedPort(stage.clock, other.recognizer(), lambda *_: 100 * MS)
    lanes = [stage.lane("me"), other.lane("them")]
    outcome = simulate(lanes, port, stage.clock).outcome
    assert outcome.at == len(other.meeting.samples)
    assert outcome.accounts.captured == len(meeting.samples) + len(other.meeting.samples)
    parts = [lane.stream.latency for lane in lanes]
    quantiles = [part.quantile_seconds(0.5) for part in parts]
    assert min(quantiles) <= outcome.commit_latency_p50_seconds <= max(quantiles)
    assert sum(part.total for part in parts) == outcome.words


def test_lost_sound_in_speech_that_waits_is_not_taken_from_what_is_decoded(tmp_path: Path) -> None:
    meeting = make_meeting(12.0)
    stage = Stage(meeting, tmp_path, gaps=(Span(2 * 16_000, 3 * 16_000),))
    lane = stage.lane()
    lane.source.open()
    stage.clock.advance(8 * NS_PER_SECOND)  # the first sentence is over, nothing is decoded
    lane.take(lane.source.read(0))
    accounts = lane.accounts()
    assert (accounts.decoded, accounts.lost) == (0, 16_000)
    parts = (accounts.decoded, accounts.silent, accounts.lost, accounts.undecoded)
    assert sum(parts) == accounts.captured == 8 * 16_000
    assert min(parts) >= 0
