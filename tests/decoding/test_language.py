"""Which language, and when it is settled."""

import numpy as np
import pytest

from live_whisper.decoding.language import (
    LanguageLock,
    LanguageLockLimits,
    language_probabilities,
)
from live_whisper.errors import UsageError
from live_whisper.units import seconds_to_samples

SECOND = seconds_to_samples(1)


def test_probabilities_are_among_languages_only(tokenizer):
    logits = np.full(tokenizer.n_vocab, 50.0, np.float32)
    for code, value in (("en", 1.0), ("ko", 2.0), ("ja", 0.0)):
        logits[tokenizer.languages[code]] = value
    found = language_probabilities(logits, tokenizer)
    assert list(found) == ["ko", "en", "ja"]
    assert sum(found.values()) == pytest.approx(1)
    assert found["ko"] / found["en"] == pytest.approx(np.e)
    assert list(language_probabilities(logits, tokenizer, ("ja", "en"))) == ["en", "ja"]
    with pytest.raises(UsageError):
        language_probabilities(logits, tokenizer, ("xx",))


def test_locks_only_after_enough_speech():
    lock = LanguageLock()
    sure = {"ko": 0.99, "en": 0.01}
    assert lock.observe(sure, SECOND) is None
    assert lock.observe(sure, 2 * SECOND) == "ko"
    assert lock.language == "ko"
    assert lock.probability > 0.9


def test_the_only_language_needs_no_evidence():
    """An English-only checkpoint, or one candidate: captions need not wait for two seconds."""
    lock = LanguageLock()
    assert lock.observe({"en": 1.0}, SECOND // 10) == "en"
    assert lock.probability == pytest.approx(1.0)


def test_an_early_mistake_is_outvoted():
    lock = LanguageLock()
    assert lock.observe({"ja": 0.7, "ko": 0.3}, SECOND) is None
    assert lock.observe({"ja": 0.02, "ko": 0.98}, 3 * SECOND) == "ko"


def test_never_flips_in_mid_speech():
    lock = LanguageLock()
    lock.observe({"ko": 0.99, "en": 0.01}, 2 * SECOND)
    for second in range(3, 60):
        assert lock.observe({"ko": 0.001, "en": 0.999}, second * SECOND) == "ko"
    assert not lock.silence(10 * SECOND)
    assert lock.language == "ko"


def test_waits_while_in_doubt_but_not_for_ever():
    lock = LanguageLock()
    limits = LanguageLockLimits()
    seconds = 0
    while lock.language is None:
        seconds += 1
        lock.observe({"ko": 0.505, "en": 0.495}, seconds * SECOND)
    assert seconds * SECOND == limits.forced_after_samples
    assert lock.language == "ko"


def test_the_same_speech_seen_twice_counts_once():
    lock = LanguageLock()
    for _ in range(100):
        assert lock.observe({"ja": 0.9, "ko": 0.1}, SECOND) is None
    assert lock.observe({"ja": 0.05, "ko": 0.95}, 3 * SECOND) == "ko"


def test_a_long_silence_unlocks():
    lock = LanguageLock()
    lock.observe({"ko": 0.99, "en": 0.01}, 2 * SECOND)
    assert lock.silence(30 * SECOND)
    assert lock.language is None
    assert lock.observe({"en": 0.99, "ko": 0.01}, 2 * SECOND) == "en"


def test_a_language_left_out_of_the_likeliest_gains_nothing_by_it():
    lock = LanguageLock()
    lock.observe({"en": 0.5, "ko": 0.45, "cy": 0.05}, SECOND // 2)
    for half_seconds in range(2, 24):
        lock.observe({"en": 0.5, "ko": 0.48, "ja": 0.02}, half_seconds * SECOND // 2)
    assert lock.observe({"en": 0.5, "ko": 0.48, "de": 0.02}, 12 * SECOND) == "en"


def test_goes_on_where_another_lock_stopped():
    first, second = LanguageLock(), LanguageLock()
    first.observe({"ko": 0.7, "ja": 0.3}, SECOND)
    heard, evidence = first.memory
    second.resume(None, heard, evidence)
    for lock in (first, second):
        assert lock.observe({"ko": 0.9, "ja": 0.1}, 3 * SECOND) == "ko"
    assert first.probability == second.probability
