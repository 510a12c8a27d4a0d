"""Glossary first, newest text after it, nothing doubtful."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_decoding import GOOD

from live_whisper.decoding.prompt import PromptBuilder
from live_whisper.units import seconds_to_samples


@given(
    st.lists(st.integers(), max_size=20),
    st.lists(st.lists(st.integers(), max_size=20), max_size=10),
    st.integers(1, 30),
)
def test_fixed_first_then_the_newest_within_the_budget(fixed, texts, budget):
    prompt = PromptBuilder(fixed, budget=budget)
    for text in texts:
        prompt.extend(text)
    everything = [token for text in texts for token in text]
    tokens = list(prompt.tokens())
    head = fixed[:budget]
    assert tokens[: len(head)] == head
    room = budget - len(head)
    assert tokens[len(head) :] == (everything[-room:] if room else [])


@pytest.mark.parametrize(
    "doubtful",
    [
        replace(GOOD, temperature=0.6),
        replace(GOOD, average_log_probability=-1.5),
        replace(GOOD, compression_ratio=2.6),
        replace(GOOD, stop="loop"),
    ],
)
def test_doubtful_text_is_dropped_but_the_glossary_stays(doubtful):
    prompt = PromptBuilder((1, 2))
    prompt.extend((3, 4))
    assert not prompt.after_decode(GOOD)
    assert prompt.tokens() == (1, 2, 3, 4)
    assert prompt.after_decode(doubtful)
    assert prompt.tokens() == (1, 2)


def test_a_long_silence_ends_the_context():
    prompt = PromptBuilder((1,))
    prompt.extend((2,))
    assert not prompt.after_silence(seconds_to_samples(29.9))
    assert prompt.tokens() == (1, 2)
    assert prompt.after_silence(seconds_to_samples(30))
    assert prompt.tokens() == (1,)
