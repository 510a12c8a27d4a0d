"""One window: what is fed, what comes back, what stops it."""

import math

import numpy as np
import pytest
from support.fake_decoding import FakeEngine, FakeFeatures, make_tokenizer, peaked, saying

from live_whisper.clock import VirtualClock
from live_whisper.decoding import NO_GUARDS, DecodeRequest, Verdict, WindowDecoder
from live_whisper.errors import UsageError
from live_whisper.units import SAMPLE_RATE

FEATURES = FakeFeatures()


class Stopper:
    def __init__(self, at, verdict):
        self.at, self.verdict, self.steps = at, verdict, []

    def observe(self, step):
        self.steps.append((step.index, step.token, tuple(step.tokens), step.is_timestamp))
        assert step.attention is None or step.attention.shape == (1, 1500)
        return self.verdict if step.index == self.at else Verdict.CONTINUE


@pytest.fixture
def script(tokenizer):
    begin = tokenizer.timestamp_begin
    return (begin, *tokenizer.encode(" hello world"), begin + 50)


def test_says_what_the_model_says(tokenizer, script):
    engine = saying(tokenizer, script)
    decoded = WindowDecoder(engine, tokenizer).decode(FEATURES, DecodeRequest(language="ko"))
    assert decoded.tokens == script
    assert decoded.stop == "eot"
    assert decoded.finished
    assert (decoded.language, decoded.language_probability) == ("ko", 1.0)
    assert len(decoded.log_probabilities) == len(script)
    assert decoded.attention.shape == (len(script) + 1, 1, 1500)
    assert engine.closed == 1


def test_prompt_first_then_language_task_and_prefix_in_one_call(tokenizer, script):
    engine = saying(tokenizer, script)
    prompt = tuple(tokenizer.encode(" good day"))
    request = DecodeRequest(language="ko", task="translate", prompt=prompt, prefix=script[:3])
    decoded = WindowDecoder(engine, tokenizer).decode(FEATURES, request)
    first, second, *steps = engine.sessions[0].calls
    assert first == (tokenizer.sot_prev, *prompt, tokenizer.sot)
    assert second == (tokenizer.languages["ko"], tokenizer.translate, *script[:3])
    assert all(len(step) == 1 for step in steps)
    assert decoded.tokens == script[3:]


def test_without_timestamps_the_model_is_told(tokenizer):
    engine = saying(tokenizer, tokenizer.encode(" hello"))
    request = DecodeRequest(language="en", timestamps=False)
    decoded = WindowDecoder(engine, tokenizer).decode(FEATURES, request)
    assert engine.sessions[0].calls[1][-1] == tokenizer.no_timestamps
    assert list(decoded.tokens) == tokenizer.encode(" hello")


def test_english_only_has_neither_language_nor_task(english_tokenizer):
    begin = english_tokenizer.timestamp_begin
    script = (begin, *english_tokenizer.encode(" yes"), begin + 20)

    def answer(ids):
        said = ids[1:]
        following = script[len(said)] if len(said) < len(script) else english_tokenizer.eot
        return peaked(english_tokenizer, following)

    engine = FakeEngine(english_tokenizer, answer)
    decoder = WindowDecoder(engine, english_tokenizer)
    decoded = decoder.decode(FEATURES, DecodeRequest(language=None))
    assert decoded.tokens == script
    assert decoded.language == "en"
    assert engine.sessions[0].calls[0] == (english_tokenizer.sot,)
    assert decoder.detect_language(FEATURES) == {"en": 1.0}
    for refused in (DecodeRequest(language="ko"), DecodeRequest(language="en", task="translate")):
        with pytest.raises(UsageError):
            decoder.decode(FEATURES, refused)


def test_detects_the_language_without_being_swayed_by_the_prompt(tokenizer, script):
    engine = saying(tokenizer, script, language="ko")
    prompt = tuple(tokenizer.encode(" hello"))
    decoded = WindowDecoder(engine, tokenizer).decode(
        FEATURES, DecodeRequest(language=None, prompt=prompt)
    )
    assert decoded.language == "ko"
    assert decoded.language_probability > 0.9
    assert engine.sessions[0].calls == [(tokenizer.sot,)]
    assert engine.sessions[1].calls[1][0] == tokenizer.languages["ko"]


def test_chooses_among_the_candidates_only(tokenizer, script):
    engine = saying(tokenizer, script, language="ko")
    decoder = WindowDecoder(engine, tokenizer)
    request = DecodeRequest(language=None, candidate_languages=("en", "ja"))
    assert decoder.decode(FEATURES, request).language in ("en", "ja")
    assert next(iter(decoder.detect_language(FEATURES))) == "ko"
    with pytest.raises(UsageError):
        decoder.detect_language(FEATURES, ("xx",))


def test_refuses_a_language_it_lacks(tokenizer, script):
    decoder = WindowDecoder(saying(tokenizer, script), tokenizer)
    with pytest.raises(UsageError):
        decoder.decode(FEATURES, DecodeRequest(language="de"))


def test_probabilities_are_those_of_the_reference(tokenizer):
    token = tokenizer.encode(" no")[0]

    def answer(ids):
        if ids[-1] == tokenizer.sot:
            logits = np.zeros(tokenizer.n_vocab)
            logits[tokenizer.no_speech] = np.log(tokenizer.n_vocab - 1)
            return logits
        following = token if ids[-1] in (tokenizer.no_timestamps, tokenizer.transcribe) else None
        return peaked(tokenizer, tokenizer.eot if following is None else following, 5.0)

    decoder = WindowDecoder(FakeEngine(tokenizer, answer), tokenizer)
    decoded = decoder.decode(FEATURES, DecodeRequest(language="en", timestamps=False))
    assert decoded.no_speech_probability == pytest.approx(0.5)
    logits = peaked(tokenizer, token, 5.0)
    barred = {
        *tokenizer.non_speech_tokens,
        *(tokenizer.sot, tokenizer.sot_prev, tokenizer.sot_lm, tokenizer.no_speech),
        *(tokenizer.transcribe, tokenizer.translate),
        *range(tokenizer.timestamp_begin + 1501, tokenizer.n_vocab),
    }
    start = barred | {tokenizer.eot, tokenizer.encode(" ")[0]}
    free = [number for number in range(tokenizer.n_vocab) if number not in start]
    first = 5.0 - math.log(np.exp(logits[free]).sum())
    assert decoded.log_probabilities == pytest.approx([first], abs=1e-5)
    free = [number for number in range(tokenizer.n_vocab) if number not in barred]
    ended = 5.0 - math.log(np.exp(peaked(tokenizer, tokenizer.eot, 5.0)[free]).sum())
    assert decoded.average_log_probability == pytest.approx((first + ended) / 2, abs=1e-5)


@pytest.mark.parametrize(("verdict", "kept"), [(Verdict.STOP_BEFORE, 2), (Verdict.STOP_AFTER, 3)])
def test_a_monitor_stops_the_decode(tokenizer, script, verdict, kept):
    monitor = Stopper(2, verdict)
    engine = saying(tokenizer, script)
    decoded = WindowDecoder(engine, tokenizer).decode(
        FEATURES, DecodeRequest(language="en"), monitor
    )
    assert decoded.tokens == script[:kept]
    assert decoded.stop == "monitor"
    assert not decoded.finished
    assert decoded.attention.shape[0] == kept + 1
    assert monitor.steps[2] == (2, script[2], script[:2], False)
    assert monitor.steps[0][3]


def test_without_attention_there_is_none(tokenizer, script):
    decoder = WindowDecoder(saying(tokenizer, script), tokenizer)
    request = DecodeRequest(language="en", want_attention=False)
    assert decoder.decode(FEATURES, request, Stopper(99, Verdict.STOP_AFTER)).attention is None


def test_at_most_the_tokens_asked_for(tokenizer, script):
    decoder = WindowDecoder(saying(tokenizer, script), tokenizer)
    decoded = decoder.decode(FEATURES, DecodeRequest(language="en", max_tokens=2))
    assert (decoded.tokens, decoded.stop) == (script[:2], "budget")
    assert decoded.attention.shape[0] == 3


def test_no_more_tokens_than_the_audio_can_hold(tokenizer):
    text = tokenizer.encode(" yes hello no good day you world thank" * 40)
    decoder = WindowDecoder(saying(tokenizer, text), tokenizer)
    request = DecodeRequest(language="en", timestamps=False, audio_samples=SAMPLE_RATE)
    decoded = decoder.decode(FEATURES, request)
    assert (len(decoded.tokens), decoded.stop) == (32, "budget")
    unguarded = WindowDecoder(saying(tokenizer, text), tokenizer, guards=NO_GUARDS)
    assert len(unguarded.decode(FEATURES, request).tokens) == 224


def test_the_text_context_is_never_exceeded(tokenizer):
    text = tokenizer.encode(" yes hello no good day you world thank" * 40)
    engine = saying(tokenizer, text)
    engine.n_text_ctx = 64
    decoder = WindowDecoder(engine, tokenizer, guards=NO_GUARDS)
    prefix = tuple(text[:50])
    request = DecodeRequest(
        language="en", timestamps=False, prompt=tuple(text[:200]), prefix=prefix, max_tokens=60
    )
    decoded = decoder.decode(FEATURES, request)
    assert decoded.stop == "length"
    assert engine.sessions[0].length <= 64
    assert engine.sessions[0].calls[0] == (tokenizer.sot,)  # the prompt gave way first
    assert decoded.attention.shape[0] == len(decoded.tokens) + 1


def test_a_prefix_too_long_for_the_context_is_reported(tokenizer):
    engine = saying(tokenizer, ())
    engine.n_text_ctx = 32
    prefix = tuple(tokenizer.encode(" no" * 40))
    decoded = WindowDecoder(engine, tokenizer).decode(
        FEATURES, DecodeRequest(language="en", prefix=prefix)
    )
    assert (decoded.tokens, decoded.stop, decoded.attention) == ((), "length", None)


def test_the_newest_half_context_of_the_prompt_is_kept(tokenizer, script):
    engine = saying(tokenizer, script)
    prompt = tuple(tokenizer.encode(" no yes" * 200))
    WindowDecoder(engine, tokenizer).decode(FEATURES, DecodeRequest(language="en", prompt=prompt))
    assert engine.sessions[0].calls[0] == (tokenizer.sot_prev, *prompt[-223:], tokenizer.sot)


def test_what_is_fixed_in_the_prompt_outlives_older_text(tokenizer, script):
    """A glossary stands first in the prompt; it is not the first to go."""
    glossary, text = tuple(tokenizer.encode(" good day")), tuple(tokenizer.encode(" no yes" * 200))
    for room, n_text_ctx in ((223, 448), (len(glossary) + 3, 2 * (len(glossary) + 4))):
        engine = saying(tokenizer, script)
        engine.n_text_ctx = n_text_ctx
        request = DecodeRequest(
            language="en", prompt=glossary + text, fixed=len(glossary), max_tokens=1
        )
        WindowDecoder(engine, tokenizer).decode(FEATURES, request)
        newest = text[-(room - len(glossary)) :]
        assert engine.sessions[0].calls[0] == (
            tokenizer.sot_prev, *glossary, *newest, tokenizer.sot,
        )  # fmt: skip


def test_a_loop_is_cut_to_its_first_round(tokenizer):
    text = tokenizer.encode(" hello world") + tokenizer.encode(" thank you") * 30
    decoder = WindowDecoder(saying(tokenizer, text), tokenizer)
    decoded = decoder.decode(FEATURES, DecodeRequest(language="en", timestamps=False))
    assert decoded.stop == "loop"
    assert tokenizer.decode(decoded.tokens) == " hello world thank you"
    assert decoded.attention.shape[0] == len(decoded.tokens) + 1
    assert len(decoded.log_probabilities) == len(decoded.tokens)
    assert decoded.compression_ratio > 2.4  # of what the model said, not of what was kept


def test_sampling_is_repeatable_and_seeded(tokenizer):
    rng = np.random.default_rng(1)
    table = rng.normal(0, 1, (64, tokenizer.n_vocab))
    engine = FakeEngine(tokenizer, lambda ids: table[len(ids) % 64])
    decoder = WindowDecoder(engine, tokenizer, guards=NO_GUARDS)

    def tokens(seed):
        request = DecodeRequest(
            language="en", timestamps=False, temperature=1.0, max_tokens=20, seed=seed
        )
        return decoder.decode(FEATURES, request).tokens

    assert tokens(1) == tokens(1)
    assert tokens(1) != tokens(2)


def test_sampling_follows_the_distribution():
    from live_whisper.decoding.loop import Sampling

    logits = np.log(np.array([0.5, 0.25, 0.25, 1e-30], np.float32))
    logits[3] = -np.inf
    choice = Sampling(1.0, 0)
    counts = np.bincount([choice.choose(logits) for _ in range(4000)], minlength=4)
    assert counts[3] == 0
    assert counts[:3] / 4000 == pytest.approx([0.5, 0.25, 0.25], abs=0.03)
    cold = Sampling(0.1, 0)
    assert sum(cold.choose(logits) == 0 for _ in range(500)) > 490


def test_costs_are_measured_on_the_clock(tokenizer, script):
    clock = VirtualClock()
    engine = saying(tokenizer, script)
    plain = engine.answer

    def answer(ids):
        clock.advance(1_000)
        return plain(ids)

    engine.answer = answer
    decoded = WindowDecoder(engine, tokenizer, clock=clock).decode(
        FEATURES, DecodeRequest(language="en")
    )
    assert decoded.costs_ns == {"prefill": 2_000, "decode": 1_000 * len(script)}


def test_padding_beyond_the_timestamps_is_no_token():
    tokenizer = make_tokenizer(padding=10)
    engine = FakeEngine(tokenizer, lambda ids: peaked(tokenizer, tokenizer.n_vocab - 1))
    decoded = WindowDecoder(engine, tokenizer).decode(
        FEATURES, DecodeRequest(language="en", max_tokens=3)
    )
    assert max(decoded.tokens) < tokenizer.timestamp_begin + tokenizer.timestamp_count
