"""Joining hypotheses: append-only, no repeats, no words lost, genuine repeats kept."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.streaming.stitcher import Stitcher
from live_whisper.types.audio import Span
from live_whisper.types.text import Word
from live_whisper.units import SAMPLE_RATE


def word(text: str, start: float, end: float, **marks: int) -> Word:
    return Word(f" {text}", round(start * SAMPLE_RATE), round(end * SAMPLE_RATE), **marks)  # type: ignore[arg-type]


def texts(words: tuple[Word, ...]) -> list[str]:
    return [item.text.strip() for item in words]


def test_committed_words_come_first_and_the_rest_is_tentative() -> None:
    stitcher = Stitcher()
    result = stitcher.accept((word("a", 0, 1), word("b", 1, 2), word("c", 2, 3)), 2, seam=True)
    assert texts(result.committed) == ["a", "b"]
    assert texts(result.tentative) == ["c"]
    assert stitcher.count == 2


def test_a_repeat_over_the_seam_is_suppressed() -> None:
    stitcher = Stitcher()
    stitcher.accept(
        (word("send", 0, 0.5), word("the", 0.5, 0.7), word("report.", 0.7, 1.2)), 3, seam=True
    )
    again = (word("the", 0.75, 0.9), word("Report", 0.9, 1.25), word("today", 1.3, 1.8))
    result = stitcher.accept(again, 3, seam=True)
    assert texts(result.committed) == ["today"]
    assert result.suppressed[0].reason == "repeated_at_seam"


def test_words_said_twice_are_kept() -> None:
    stitcher = Stitcher()
    stitcher.accept((word("No,", 0, 0.4), word("no.", 0.5, 0.9)), 2, seam=True)
    result = stitcher.accept((word("No,", 1.6, 2.0), word("no.", 2.1, 2.5)), 2, seam=True)
    assert texts(result.committed) == ["No,", "no."]
    assert not result.suppressed


def test_words_behind_the_commit_time_are_suppressed() -> None:
    stitcher = Stitcher()
    stitcher.accept((word("one", 0, 1), word("two", 1, 2)), 2, seam=True)
    result = stitcher.accept((word("ghost", 0.5, 0.9), word("three", 2.1, 2.5)), 2, seam=False)
    assert texts(result.committed) == ["three"]
    assert result.suppressed[0].reason == "behind_commit"


def test_a_boundary_prefers_the_end_of_a_sentence() -> None:
    stitcher = Stitcher()
    stitcher.accept((word("Done.", 1, 2), word("and", 3, 4), word("then", 4, 5)), 3, seam=True)
    assert stitcher.boundary(Span(0, 10 * SAMPLE_RATE), 3 * SAMPLE_RATE) == 2 * SAMPLE_RATE


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 300), st.integers(0, 20)), max_size=8),
            st.integers(0, 8),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_committed_text_only_grows_and_never_goes_back(
    hypotheses: list[tuple[list[tuple[int, int]], int, bool]],
) -> None:
    stitcher = Stitcher()
    text: list[Word] = []
    for times, commit, seam in hypotheses:
        words = tuple(
            word(f"w{i}", start / 10, (start + length) / 10)
            for i, (start, length) in enumerate(times)
        )
        result = stitcher.accept(words, min(commit, len(words)), seam=seam)
        text += result.committed
        kept = len(result.committed) + len(result.tentative)
        assert kept + sum(len(item.words) for item in result.suppressed) == len(words)
    assert stitcher.count == len(text)
    assert all(a.end <= b.start for a, b in pairwise(text))
    assert all(item.start <= item.end for item in text)
