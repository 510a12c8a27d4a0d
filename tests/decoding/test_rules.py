"""The rules on hand-made sequences, and on any sequence the loop can make of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.decoding.rules import RuleBook, Sampled
from live_whisper.decoding.types import DecodeRequest
from live_whisper.units import seconds_to_samples

TIMESTAMPS = DecodeRequest(language="en")
PLAIN = DecodeRequest(language="en", timestamps=False)


def filtered(tokenizer, sampled, request=TIMESTAMPS, logits=None):
    logits = np.zeros(tokenizer.n_vocab, np.float32) if logits is None else logits.copy()
    state = Sampled(tokenizer.timestamp_begin, sampled)
    for rule in RuleBook(tokenizer).rules(request):
        rule.apply(logits, state)
    return logits


def allowed(tokenizer, sampled, request=TIMESTAMPS, logits=None):
    return set(np.flatnonzero(np.isfinite(filtered(tokenizer, sampled, request, logits))).tolist())


@pytest.fixture
def text_wins(tokenizer):
    """Logits under which the joint mass of the timestamps never beats the best text token."""
    logits = np.zeros(tokenizer.n_vocab, np.float32)
    logits[: tokenizer.timestamp_begin] = 20
    return logits


def test_begins_with_a_timestamp_within_the_first_second(tokenizer):
    begin = tokenizer.timestamp_begin
    assert allowed(tokenizer, ()) == set(range(begin, begin + 51))


def test_no_blank_and_no_end_at_the_very_start(tokenizer):
    permitted = allowed(tokenizer, (), PLAIN)
    assert tokenizer.eot not in permitted
    assert tokenizer.encode(" ")[0] not in permitted
    assert tokenizer.encode(" no")[0] in permitted


def test_a_forced_prefix_counts_as_sampled(tokenizer, text_wins):
    prefix = (tokenizer.timestamp_begin, *tokenizer.encode(" no"))
    permitted = allowed(tokenizer, prefix, logits=text_wins)
    assert tokenizer.eot in permitted
    assert tokenizer.encode(" yes")[0] in permitted


def test_after_the_opening_timestamp_comes_text(tokenizer):
    permitted = allowed(tokenizer, (tokenizer.timestamp_begin,))
    assert not any(tokenizer.is_timestamp(token) for token in permitted)
    assert tokenizer.encode(" no")[0] in permitted


def test_after_a_closing_timestamp_comes_its_pair_or_the_end(tokenizer):
    close = tokenizer.timestamp_begin + 40
    sampled = (tokenizer.timestamp_begin, *tokenizer.encode(" no"), close)
    logits = np.zeros(tokenizer.n_vocab, np.float32)
    logits[tokenizer.eot] = 20
    permitted = allowed(tokenizer, sampled, logits=logits)
    assert tokenizer.eot in permitted
    assert not any(token < tokenizer.eot for token in permitted)
    timestamps = {token for token in permitted if tokenizer.is_timestamp(token)}
    assert min(timestamps) == close


def test_timestamps_do_not_run_back_and_no_segment_is_empty(tokenizer, text_wins):
    begin = tokenizer.timestamp_begin
    sampled = (begin + 10, *tokenizer.encode(" no"))
    permitted = allowed(tokenizer, sampled, logits=text_wins)
    assert min(token for token in permitted if token >= begin) == begin + 11


def test_timestamps_win_by_their_joint_mass(tokenizer):
    sampled = (tokenizer.timestamp_begin, *tokenizer.encode(" no"))
    logits = np.zeros(tokenizer.n_vocab, np.float32)
    logits[tokenizer.encode(" yes")[0]] = np.log(1500) - 0.1
    assert all(
        tokenizer.is_timestamp(token) for token in allowed(tokenizer, sampled, logits=logits)
    )
    logits[tokenizer.encode(" yes")[0]] = np.log(1501) + 0.1
    assert tokenizer.encode(" yes")[0] in allowed(tokenizer, sampled, logits=logits)


def test_control_tokens_signs_and_padding_are_never_sampled(tokenizer):
    permitted = allowed(tokenizer, tokenizer.encode(" no"), PLAIN)
    for token in (
        tokenizer.sot,
        tokenizer.sot_prev,
        tokenizer.sot_lm,
        tokenizer.no_speech,
        tokenizer.transcribe,
        tokenizer.translate,
        tokenizer.encode("(")[0],
        tokenizer.encode(" -")[0],
        tokenizer.n_vocab - 1,
    ):
        assert token not in permitted


def test_bounded_timestamps_stay_inside_the_audio(tokenizer):
    request = DecodeRequest(
        language="en", audio_samples=seconds_to_samples(0.5), bound_timestamps=True
    )
    begin = tokenizer.timestamp_begin
    assert allowed(tokenizer, (), request) == set(range(begin, begin + 26))


@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 40))
@settings(deadline=None, max_examples=60)
def test_whatever_the_logits_the_text_stays_well_formed(tokenizer, seed, steps):
    random = np.random.default_rng(seed)
    rules = RuleBook(tokenizer).rules(TIMESTAMPS)
    sampled, tokens = Sampled(tokenizer.timestamp_begin), []
    for _ in range(steps):
        logits = random.normal(0, 5, tokenizer.n_vocab).astype(np.float32)
        logits[list(tokenizer.languages.values())] = -np.inf  # the reference lets them pass
        for rule in rules:
            rule.apply(logits, sampled)
        token = int(logits.argmax())
        assert np.isfinite(logits[token])
        if token == tokenizer.eot:
            break
        sampled.push(token)
        tokens.append(token)
    times = [token for token in tokens if tokenizer.is_timestamp(token)]
    assert times == sorted(times)
    assert tokens[0] in times
    runs = "".join("t" if tokenizer.is_timestamp(token) else "x" for token in tokens)
    assert "ttt" not in runs
    assert all(len(run) != 1 for run in runs.strip("t").split("x") if run)
