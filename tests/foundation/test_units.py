"""Conversions: right at the edges, exact where they claim to be."""

from hypothesis import given
from hypothesis import strategies as st

from live_whisper import units


def test_milliseconds_round_once() -> None:
    assert units.samples_to_ms(15_999) == 1000
    assert units.samples_to_ms(15_991) == 999
    assert units.samples_to_ms(8) == 1  # half a millisecond rounds up
    assert units.samples_to_ms(7) == 0


@given(st.integers(0, 10**12))
def test_milliseconds_are_the_nearest(samples: int) -> None:
    assert abs(units.samples_to_ms(samples) * 16 - samples) <= 8


@given(st.integers(0, 10**12))
def test_samples_survive_nanoseconds(samples: int) -> None:
    assert units.ns_to_samples(units.samples_to_ns(samples)) == samples


@given(st.integers(0, 10**12))
def test_aligning_goes_back_less_than_a_position(sample: int) -> None:
    aligned = units.align_to_position(sample)
    assert aligned % units.SAMPLES_PER_POSITION == 0
    assert 0 <= sample - aligned < units.SAMPLES_PER_POSITION


def test_the_geometry_is_whispers() -> None:
    assert units.WINDOW_FRAMES == 3000
    assert units.WINDOW_POSITIONS == 1500
    assert units.FRAMES_PER_SECOND == 100
    assert units.POSITIONS_PER_SECOND == 50
