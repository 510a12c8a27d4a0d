"""What is a loop and what is a person repeating themselves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.decoding.repetition import LoopDetector, LoopLimits, compression_ratio


def first_loop(tokenizer, text):
    """Feed token by token as the decoder does; the loop, the tokens fed and all tokens."""
    detector, tokens = LoopDetector(tokenizer), tokenizer.encode(text)
    for count in range(1, len(tokens) + 1):
        loop = detector.find(tokens[:count])
        if loop is not None:
            return loop, tokens[:count]
    return None, tokens


@pytest.mark.parametrize(
    "text",
    [
        " no, no, no",
        " no no no no no",
        " 네, 네, 네, 네",
        " yes yes yes, no no no no, good good day",
        " 하하하하하하 good day",
        " thank you, thank you, thank you",
        " hello world hello world hello world",
        " 1 000 000 000",
        " good day good day thank you good day good day",
    ],
)
def test_genuine_repeats_are_left_alone(tokenizer, text):
    assert first_loop(tokenizer, text)[0] is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" hello" + " no" * 40, " hello no"),
        (" hello" + " thank you" * 40, " hello thank you"),
        (" hello" + " good day, thank you, world." * 20, " hello good day, thank you, world."),
    ],
)
def test_a_phrase_again_and_again_is_cut_to_one(tokenizer, text, kept):
    loop, tokens = first_loop(tokenizer, text)
    assert tokenizer.decode(tokens[: loop.keep]) == kept
    assert len(tokens) < 80  # found early


@pytest.mark.parametrize("sign", ["船", "ㅋ", "네!"])
def test_a_character_again_and_again_is_a_loop_whatever_its_tokens(tokenizer, sign):
    loop, tokens = first_loop(tokenizer, " hello" + sign * 60)
    assert tokenizer.decode(tokens[: loop.keep]) == " hello" + sign
    assert len(tokens) < 40 * len(sign.encode())


def test_characters_are_seen_when_tokens_alternate(tokenizer):
    # "no" as one token, then as its letters: no phrase of tokens repeats, the text does.
    whole, letters = tokenizer.encode(" no"), [ord(" "), ord("n"), ord("o")]
    tokens = []
    for index in range(200):
        tokens += whole if (index * index) % 3 else letters
    limits = LoopLimits(phrase_repeats=())
    detector = LoopDetector(tokenizer, limits)
    found = [count for count in range(1, len(tokens)) if detector.find(tokens[:count])]
    assert found
    loop = detector.find(tokens[: found[0]])
    assert tokenizer.decode(tokens[: loop.keep]).strip() in ("n", "no")


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 40), st.integers(2, 12))
@settings(deadline=None, max_examples=150)
def test_what_is_kept_is_a_prefix_that_has_the_phrase_once(head, period, repeats):
    class Letters:
        def decode(self, tokens):
            return "".join(chr(0x4E00 + token) for token in tokens)

    phrase = list(range(100, 100 + period))
    tokens = head + phrase * repeats
    loop = LoopDetector(Letters()).find(tokens)
    needed = next(most for longest, most in LoopLimits().phrase_repeats if period <= longest)
    if repeats >= needed:
        assert tokens[: loop.keep] == head + phrase
        assert loop.start == len(head)
    else:
        assert loop is None


def test_compression_ratio_is_the_reference_s():
    assert compression_ratio("no " * 100) > 10
    assert 0.4 < compression_ratio("A quick brown fox.") < 1.1
