"""Terms of a glossary are made likelier: where one may begin, and where one has begun."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from live_whisper.decoding.boost import TermBoost
from live_whisper.decoding.rules import TAIL_TOKENS, RuleBook, Sampled
from live_whisper.decoding.types import DecodeRequest

TERMS = [(1, 2, 3), (1, 4), (5,)]


def boosted(prefix: list[int], terms=TERMS, nats: float = 2.0) -> dict[int, float]:
    logits = np.zeros(10, np.float32)
    TermBoost(terms, nats).apply(logits, Sampled(100, prefix))
    return {int(i): float(logits[i]) for i in np.flatnonzero(logits)}


def test_any_term_may_begin_anywhere() -> None:
    assert boosted([]) == {1: 2.0, 5: 2.0}
    assert boosted([7, 8]) == {1: 2.0, 5: 2.0}


def test_a_term_that_has_begun_goes_on() -> None:
    assert boosted([7, 1]) == {1: 2.0, 2: 2.0, 4: 2.0, 5: 2.0}
    assert boosted([1, 2]) == {1: 2.0, 3: 2.0, 5: 2.0}


def test_a_finished_or_broken_term_does_not() -> None:
    assert boosted([1, 2, 3]) == {1: 2.0, 5: 2.0}
    assert boosted([1, 101, 2]) == {1: 2.0, 5: 2.0}  # a timestamp between them
    assert boosted([2]) == {1: 2.0, 5: 2.0}


def test_a_token_that_two_terms_expect_is_boosted_once() -> None:
    assert boosted([1], terms=[(1, 1), (1, 1, 2)]) == {1: 2.0}


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=4),
    st.lists(st.integers(0, 4), max_size=8),
)
def test_expected_is_what_the_definition_says(terms, tail) -> None:
    expected = {
        term[length]
        for term in terms
        for length in range(len(term))
        if tail[len(tail) - length :] == term[:length] and length <= len(tail)
    }
    assert TermBoost(terms, 1.0).expected(tail) == expected


def test_it_comes_before_the_rules_that_forbid(checkpoint) -> None:
    tokenizer = checkpoint.tokenizer
    forbidden = tokenizer.sot
    request = DecodeRequest(language="en", boost=TermBoost([(forbidden,)], 5.0))
    first, *_ = rules = RuleBook(tokenizer).rules(request)
    assert first is request.boost
    logits = np.zeros(checkpoint.dims.n_vocab, np.float32)
    for rule in rules:
        rule.apply(logits, Sampled(tokenizer.timestamp_begin))
    assert logits[forbidden] == -np.inf
    assert len(RuleBook(tokenizer).rules(DecodeRequest(language="en"))) == len(rules) - 1


def test_the_tail_is_bounded_and_a_copy_has_its_own() -> None:
    sampled = Sampled(100, range(50))
    assert sampled.tail == tuple(range(50 - TAIL_TOKENS, 50))
    longer = sampled.after(7)
    assert longer.tail[-1] == 7
    assert sampled.tail[-1] == 49
