"""Clocks: the virtual one moves when told, the real one can be woken."""

import threading

import pytest

from live_whisper.clock import MonotonicClock, VirtualClock


def test_the_virtual_clock_moves_only_when_told() -> None:
    clock = VirtualClock(5)
    assert clock.now_ns() == 5
    clock.advance(10)
    assert clock.now_ns() == 15
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)


def test_a_virtual_wait_jumps_to_its_end_unless_the_event_is_set() -> None:
    clock, event = VirtualClock(), threading.Event()
    assert clock.wait(event, 100) is False
    assert clock.now_ns() == 100
    event.set()
    assert clock.wait(event, 100) is True
    assert clock.now_ns() == 100


def test_a_real_wait_ends_when_the_event_is_set() -> None:
    clock, event = MonotonicClock(), threading.Event()
    began = clock.now_ns()
    threading.Thread(target=event.set).start()
    assert clock.wait(event, 60_000_000_000) is True
    assert clock.now_ns() - began < 30_000_000_000
