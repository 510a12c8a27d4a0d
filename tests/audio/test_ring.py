import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.audio.ring import AudioRing, SpanNotHeldError
from live_whisper.types.audio import Span


def numbered(start: int, count: int) -> np.ndarray:
    return np.arange(start, start + count, dtype=np.float32)


@settings(deadline=None)
@given(
    capacity=st.integers(1, 50),
    start=st.integers(0, 1000),
    blocks=st.lists(st.integers(0, 120), max_size=30),
    data=st.data(),
)
def test_every_held_span_reads_back_as_written(capacity, start, blocks, data):
    ring = AudioRing(capacity, start=start)
    end = start
    for count in blocks:
        ring.append(numbered(end, count))
        end += count
        assert ring.end == end
        assert ring.oldest == max(start, end - capacity)
        low = data.draw(st.integers(ring.oldest, end))
        high = data.draw(st.integers(low, end))
        np.testing.assert_array_equal(ring.read(Span(low, high)), numbered(low, high - low))


@settings(deadline=None)
@given(capacity=st.integers(1, 50), total=st.integers(0, 200), data=st.data())
def test_anything_else_is_refused(capacity, total, data):
    ring = AudioRing(capacity)
    ring.append(numbered(0, total))
    span = data.draw(
        st.one_of(
            st.builds(lambda n: Span(0, total + n), st.integers(1, 10)),
            st.builds(lambda n: Span(max(0, ring.oldest - n), total), st.integers(1, 10)),
        )
    )
    if span.start >= ring.oldest and span.end <= ring.end:
        return
    with pytest.raises(SpanNotHeldError) as caught:
        ring.read(span)
    assert caught.value.held == Span(ring.oldest, ring.end)


def test_a_read_is_a_copy():
    ring = AudioRing(4)
    ring.append(numbered(0, 4))
    copy = ring.read(Span(0, 4))
    ring.append(numbered(4, 4))
    np.testing.assert_array_equal(copy, numbered(0, 4))


def test_refuses_nonsense():
    with pytest.raises(ValueError, match="holds nothing"):
        AudioRing(0)
    with pytest.raises(ValueError, match="one dimension"):
        AudioRing(4).append(np.zeros((2, 2), np.float32))


def test_readers_never_see_a_torn_block():
    ring = AudioRing(997)
    done = threading.Event()
    wrong: list[str] = []

    def reader() -> None:
        while not done.is_set():
            held = ring.held
            try:
                got = ring.read(held)
            except SpanNotHeldError:
                continue  # the writer moved on in between
            if not np.array_equal(got, numbered(held.start, held.length)):
                wrong.append(f"{held}")

    readers = [threading.Thread(target=reader) for _ in range(3)]
    for thread in readers:
        thread.start()
    at = 0
    for count in [1, 7, 160, 480, 996, 997, 1500] * 100:
        ring.append(numbered(at, count))
        at += count
    done.set()
    for thread in readers:
        thread.join(5)
    assert wrong == []
