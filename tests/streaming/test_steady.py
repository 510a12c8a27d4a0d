"""Which guesses are shown."""

from hypothesis import given
from hypothesis import strategies as st

from live_whisper.streaming.steady import SteadyTail
from live_whisper.types.text import Word


def guess(text: str, probability: float = 0.5) -> tuple[Word, ...]:
    return tuple(Word(f" {part}", 0, 0, probability) for part in text.split())


def text(words: tuple[Word, ...]) -> str:
    return "".join(word.text for word in words).strip()


def test_a_guess_is_shown_when_it_is_repeated() -> None:
    tail = SteadyTail(0.9)
    assert tail.show(guess("the meet"), committed=0) == ()
    assert text(tail.show(guess("The meeting starts"), committed=0)) == "The"
    assert text(tail.show(guess("the meeting starts at"), committed=0)) == "the meeting starts"


def test_a_likely_word_is_shown_at_once_unless_it_is_the_last() -> None:
    tail = SteadyTail(0.9)
    assert text(tail.show(guess("the meeting star", 0.95), committed=0)) == "the meeting"


def test_nothing_after_an_unsteady_word_is_shown() -> None:
    tail = SteadyTail(0.9)
    tail.show(guess("a b c d"), committed=0)
    assert text(tail.show(guess("a x c d"), committed=0)) == "a"


def test_words_that_were_committed_meanwhile_are_not_missed() -> None:
    tail = SteadyTail(0.9)
    tail.show(guess("we need three more"), committed=0)
    assert text(tail.show(guess("three more days"), committed=2)) == "three more"


def test_at_zero_everything_is_shown() -> None:
    assert text(SteadyTail(0.0).show(guess("a b", 0.0), committed=0)) == "a b"


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=5), max_size=6), st.floats(0, 1))
def test_what_is_shown_begins_what_was_guessed(guesses: list[list[str]], likely: float) -> None:
    tail = SteadyTail(likely)
    for letters in guesses:
        words = guess(" ".join(letters))
        shown = tail.show(words, committed=0)
        assert shown == words[: len(shown)]
