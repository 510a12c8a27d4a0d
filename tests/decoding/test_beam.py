"""Beam search on tables whose best answers are known, and on a real graph."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_decoding import FakeEngine, FakeFeatures, peaked

from live_whisper.decoding import NO_GUARDS, BeamSettings, DecodeRequest, WindowDecoder
from live_whisper.engines.onnx import OnnxEngine
from live_whisper.errors import EngineError

FEATURES = FakeFeatures()
NO, YES, GOOD, DAY = " no", " yes", " good", " day"
END = "."  # of the text, in the tables below
PLAIN = DecodeRequest(language="en", timestamps=False, max_tokens=8)


def table_engine(tokenizer, table):
    """``table`` gives what may follow a text, with its probability; ``END`` for the end."""
    ids = {word: tokenizer.encode(word)[0] for word in (NO, YES, GOOD, DAY)}
    words = {number: word for word, number in ids.items()}
    ids[END] = tokenizer.eot

    def answer(given):
        said = given[given.index(tokenizer.no_timestamps) + 1 :] if len(given) > 1 else ()
        chances = table("".join(words.get(token, "?") for token in said))
        logits = np.full(tokenizer.n_vocab, -np.inf)
        for word, chance in chances.items():
            logits[ids[word]] = math.log(chance)
        return logits

    return FakeEngine(tokenizer, answer)


def decode(engine, beam, *, guards=NO_GUARDS, **changes):
    request = replace(PLAIN, beam=beam, **changes)
    return WindowDecoder(engine, engine.tokenizer, guards=guards).decode(FEATURES, request)


def text(tokenizer, decoded):
    return tokenizer.decode(decoded.tokens)


MISLEADING = {
    "": {NO: 0.6, YES: 0.4},
    " no": {GOOD: 0.4, DAY: 0.35, END: 0.25},
    " yes": {DAY: 0.95, END: 0.05},
    " yes day": {END: 0.9, GOOD: 0.1},
}


def misleading(said):
    return MISLEADING.get(said, {END: 0.5, NO: 0.25, YES: 0.25})


def test_finds_what_greedy_decoding_misses(tokenizer):
    engine = table_engine(tokenizer, misleading)
    greedy = decode(engine, None)
    assert text(tokenizer, greedy) == " no good"
    found = decode(engine, BeamSettings(2))
    assert text(tokenizer, found) == " yes day"
    assert found.stop == "eot"
    assert found.finished
    assert np.exp(found.log_probabilities) == pytest.approx([0.4, 0.95])
    assert found.average_log_probability == pytest.approx(math.log(0.4 * 0.95 * 0.9) / 3)
    assert found.average_log_probability > greedy.average_log_probability
    assert found.attention.shape == (3, 1, 1500)


def random_tables(seed, words=(NO, YES, GOOD)):
    """Chances that depend on the whole text so far."""
    rows = {}

    def chances(said):
        if said not in rows:
            random = np.random.default_rng([seed, *said.encode()])
            drawn = random.dirichlet(np.full(len(words) + 1, 0.7))
            rows[said] = dict(zip((*words, END), np.maximum(drawn, 1e-6), strict=True))
        return rows[said]

    return chances


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), alpha=st.sampled_from([None, 0.0, 0.6, 1.0]))
def test_a_beam_as_wide_as_the_tree_finds_the_best_of_all_texts(tokenizer, seed, alpha):
    chances, words, longest = random_tables(seed), (NO, YES, GOOD), 3

    def total(said):
        steps = [chances("".join(said[:index])) for index in range(len(said))]
        normalisers = [sum(step.values()) for step in steps]
        return sum(
            math.log(step[word] / normaliser)
            for step, word, normaliser in zip(steps, said, normalisers, strict=True)
        ) - (math.log(1 - chances("")[END] / normalisers[0]))  # no empty text

    def score(said):
        length = len([word for word in said if word != END])
        return total(said) / (length if alpha is None else ((5 + length) / 6) ** alpha)

    ended = [
        (*said, END)
        for length in range(1, longest)
        for said in itertools.product(words, repeat=length)
    ]
    cut = list(itertools.product(words, repeat=longest))
    best = max((*ended, *cut), key=score)
    found = decode(
        table_engine(tokenizer, chances),
        BeamSettings(64, length_penalty=alpha),
        max_tokens=longest,
    )
    assert text(tokenizer, found) == "".join(word for word in best if word != END)
    assert found.stop == ("eot" if best[-1] == END else "budget")
    assert sum(found.log_probabilities) == pytest.approx(
        total([word for word in best if word != END]), abs=1e-4
    )


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), longest=st.integers(1, 8))
def test_a_beam_of_one_is_greedy(tokenizer, seed, longest):
    engine = table_engine(tokenizer, random_tables(seed))
    greedy = decode(engine, None, max_tokens=longest)
    beam = decode(engine, BeamSettings(1), max_tokens=longest)
    assert beam.tokens == greedy.tokens
    assert beam.stop == greedy.stop
    assert beam.log_probabilities == pytest.approx(greedy.log_probabilities)
    assert beam.average_log_probability == pytest.approx(greedy.average_log_probability)
    np.testing.assert_array_equal(beam.attention, greedy.attention)


LATE = {
    "": {NO: 0.5, YES: 0.5},
    " no": {END: 0.6, GOOD: 0.4},
    " yes": {END: 0.55, DAY: 0.45},
    " no good": {DAY: 0.999},
    " no good day": {END: 0.999},
}


def test_patience_waits_for_a_better_end(tokenizer):
    engine = table_engine(tokenizer, lambda said: LATE.get(said, {END: 0.3, NO: 0.3, YES: 0.3}))
    assert text(tokenizer, decode(engine, BeamSettings(2))) == " no"
    assert text(tokenizer, decode(engine, BeamSettings(2, patience=2.0))) == " no good day"


def test_the_length_penalty_ranks_the_ends(tokenizer):
    engine = table_engine(tokenizer, lambda said: LATE.get(said, {END: 0.3, NO: 0.3, YES: 0.3}))
    long = decode(engine, BeamSettings(2, patience=2.0))
    short = decode(engine, BeamSettings(2, patience=2.0, length_penalty=0.0))
    assert (text(tokenizer, long), text(tokenizer, short)) == (" no good day", " no")


def test_hypotheses_that_have_not_ended_count_where_too_few_have(tokenizer):
    engine = table_engine(tokenizer, lambda said: {NO: 0.9, YES: 0.1})
    found = decode(engine, BeamSettings(3), max_tokens=4)
    assert text(tokenizer, found) == " no no no no"
    assert (found.stop, found.finished) == ("budget", False)
    assert found.attention.shape[0] == 5
    assert np.exp(found.log_probabilities) == pytest.approx([0.9] * 4)


def test_an_end_takes_no_other_texts_place(tokenizer):
    """All of " no", " no good" and " no day" come from one text: one more than the beam is wide."""
    table = {
        "": {NO: 0.9, YES: 0.1},
        " no": {END: 0.4, GOOD: 0.35, DAY: 0.25},
        " no day": {END: 0.99},
    }
    engine = table_engine(tokenizer, lambda said: table.get(said, {END: 0.5, NO: 0.5}))
    assert text(tokenizer, decode(engine, BeamSettings(2))) == " no day"


def test_texts_without_an_end_do_not_count_where_enough_have_ended(tokenizer):
    table = {"": {NO: 1.0}, " no": {END: 0.6, GOOD: 0.4}}
    engine = table_engine(tokenizer, lambda said: table.get(said, {GOOD: 1.0}))
    found = decode(engine, BeamSettings(1, patience=2.0))
    assert (text(tokenizer, found), found.stop) == (" no", "eot")


def test_every_session_is_closed_and_there_is_one_for_each_hypothesis(tokenizer):
    engine = table_engine(tokenizer, random_tables(3))
    decode(engine, BeamSettings(3))
    assert len(engine.sessions) == 3
    assert engine.closed == 3


def test_the_text_context_is_never_exceeded(tokenizer):
    table = np.random.default_rng(4).normal(0, 3, (32, tokenizer.n_vocab))
    table[:, tokenizer.eot] = -50
    engine = FakeEngine(tokenizer, lambda ids: table[hash(ids) % 32], n_text_ctx=16)
    found = decode(engine, BeamSettings(4), max_tokens=224)
    assert found.stop == "length"
    assert len(found.tokens) == 16 - 4 + 1  # the last one need not be fed
    assert found.attention.shape[0] == len(found.tokens) + 1


def test_only_what_the_rules_allow(tokenizer):
    """The first token is a timestamp within the first second: 51 of them, fewer than the beam."""
    engine = FakeEngine(tokenizer, lambda ids: peaked(tokenizer, tokenizer.eot))
    found = decode(engine, BeamSettings(64), timestamps=True, max_tokens=1)
    begin = tokenizer.timestamp_begin
    assert begin <= found.tokens[0] <= begin + 50


def test_a_loop_is_cut_from_the_text_that_won(tokenizer):
    engine = table_engine(tokenizer, lambda said: {NO: 0.98, YES: 0.02})
    found = decode(engine, BeamSettings(2), guards=None, max_tokens=224)
    assert found.stop == "loop"
    assert text(tokenizer, found) == " no"
    assert found.attention.shape[0] == 2
    assert found.compression_ratio > 2.4


def test_above_temperature_0_it_samples(tokenizer):
    engine = table_engine(tokenizer, random_tables(5))
    beam = decode(engine, BeamSettings(4), temperature=1.0, seed=3)
    assert beam.tokens == decode(engine, None, temperature=1.0, seed=3).tokens
    assert len(engine.sessions) == 2


def test_numbers_that_are_not_finite_are_an_error(tokenizer):
    engine = FakeEngine(tokenizer, lambda ids: np.full(tokenizer.n_vocab, np.nan))
    with pytest.raises(EngineError, match="not finite"):
        decode(engine, BeamSettings(2))


def test_a_monitor_cannot_follow(tokenizer):
    decoder = WindowDecoder(table_engine(tokenizer, misleading), tokenizer)
    with pytest.raises(ValueError, match="monitor"):
        decoder.decode(FEATURES, replace(PLAIN, beam=BeamSettings(2)), object())


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 2, "patience": 0.1}])
def test_impossible_beams(wrong):
    with pytest.raises(ValueError, match="beam"):
        BeamSettings(**wrong)


def test_attention_and_probabilities_are_those_of_the_chosen_text(checkpoint, tmp_path):
    """Fed again in one go, the text gets the rows that the search kept for it."""
    engine = OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path)
    decoder = WindowDecoder(engine, checkpoint.tokenizer, checkpoint.generation, guards=NO_GUARDS)
    mel = np.random.default_rng(0).normal(0, 1, (80, 300)).astype(np.float32)
    features = engine.encoder.encode(mel)
    request = DecodeRequest(language="ko", max_tokens=24, beam=BeamSettings(4))
    found = decoder.decode(features, request)
    assert found.tokens != decoder.decode(features, replace(request, beam=None)).tokens
    forced = checkpoint.tokenizer.sot_sequence("ko", "transcribe", timestamps=True)
    with engine.decoder.open(features, want_attention=True) as session:
        rows = session.append((*forced, *found.tokens)).attention[len(forced) - 1 :]
    np.testing.assert_allclose(found.attention, rows, atol=1e-5)
    engine.close()
