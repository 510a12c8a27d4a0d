"""Edit distance by time: known answers, and never below the plain Levenshtein distance."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.streaming.evaluation.align import align
from live_whisper.streaming.evaluation.units import (
    ReferenceWord,
    Unit,
    characters,
    committed_units,
    plain,
    reference_units,
)
from live_whisper.types.text import Word

SECOND = 16_000


def said(text: str, *, start: int = 0, step: int = SECOND // 2) -> list[Unit]:
    return [
        Unit(word, start + i * step, start + i * step + step // 2)
        for i, word in enumerate(text.split())
    ]


def levenshtein(a: list[str], b: list[str]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, before = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


def test_equal_texts_align_word_by_word() -> None:
    found = align(said("a b c"), said("a b c"))
    assert found.hits == ((0, 0), (1, 1), (2, 2))
    assert found.errors == 0


def test_each_kind_of_error_is_counted_once() -> None:
    found = align(said("the meeting starts at six"), said("the meeting start six o'clock"))
    assert (found.substitutions, found.deletions, found.insertions) == (3, 0, 0)
    found = align(said("a b c d"), [*said("a b"), *said("d", start=3 * SECOND // 2)])
    assert (found.substitutions, found.deletions, found.insertions) == (0, 1, 0)
    assert found.pairs == ((0, 0), (1, 1), (2, None), (3, 2))
    found = align(said("a b"), said("a x b"))
    assert (found.substitutions, found.deletions, found.insertions) == (0, 0, 1)


def test_a_word_is_never_matched_far_from_its_time() -> None:
    late = said("hello", start=30 * SECOND)
    found = align(said("hello"), late)
    assert found.hits == ()
    assert (found.deletions, found.insertions) == (1, 1)


def test_of_two_equal_words_the_nearer_is_the_match() -> None:
    written = said("no", start=2 * SECOND)
    found = align(said("no no", step=2 * SECOND), written)
    assert found.hits == ((1, 0),)


def test_nothing_against_something() -> None:
    assert align([], []).pairs == ()
    assert align([], said("a b")).insertions == 2
    assert align(said("a b"), []).deletions == 2


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_within_reach_it_is_the_plain_distance(left: list[str], right: list[str]) -> None:
    found = align(said(" ".join(left), step=800), said(" ".join(right), step=800))
    assert found.errors == levenshtein(left, right)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40)), max_size=15),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40)), max_size=15),
)
def test_out_of_reach_it_is_never_less_and_every_word_is_in_one_pair(
    left: list[tuple[str, int]], right: list[tuple[str, int]]
) -> None:
    said_units = [
        Unit(t, at * SECOND, at * SECOND + 10) for t, at in sorted(left, key=lambda x: x[1])
    ]
    written = [
        Unit(t, at * SECOND, at * SECOND + 10) for t, at in sorted(right, key=lambda x: x[1])
    ]
    found = align(said_units, written)
    assert found.errors >= levenshtein([u.text for u in said_units], [u.text for u in written])
    assert [i for i, _ in found.pairs if i is not None] == list(range(len(said_units)))
    assert [j for _, j in found.pairs if j is not None] == list(range(len(written)))
    assert all(
        abs(said_units[i].start - written[j].start) <= 4 * SECOND
        for i, j in found.pairs
        if i is not None and j is not None
    )


def test_case_and_punctuation_are_set_aside_and_spelling_is_not() -> None:
    assert plain(" Don’t, STOP!") == "dontstop"
    assert plain(" 회의는 ") == "회의는"
    assert plain(unicodedata.normalize("NFD", "회의는")) == "회의는"
    assert plain("50%") == "50"


def test_a_word_without_a_space_goes_on_with_the_one_before() -> None:
    words = [
        Word(" 회의", 0, 100),
        Word("는", 100, 160),
        Word(" six.", 200, 300),
        Word(" -", 300, 310),
    ]
    units = committed_units(words, at=7, heard=5)
    assert [unit.text for unit in units] == ["회의는", "six"]
    assert (units[0].start, units[0].end, units[0].at, units[0].heard) == (0, 160, 7, 5)


def test_scripts_without_spaces_are_compared_by_character() -> None:
    units = committed_units([Word("会議は", 0, 300)])
    assert [unit.text for unit in units] == ["会", "議", "は"]
    assert [unit.end for unit in units] == [100, 200, 300]


def test_spoken_words_come_in_order_of_time() -> None:
    words = [ReferenceWord("Two", 50, 60, "en"), ReferenceWord("one,", 10, 20, "en")]
    assert [unit.text for unit in reference_units(words)] == ["one", "two"]


def test_characters_share_the_time_of_their_word() -> None:
    cut = characters([Unit("가나", 0, 100, "ko")])
    assert [(unit.text, unit.start, unit.end) for unit in cut] == [("가", 0, 50), ("나", 50, 100)]
