import random

import numpy as np
import pytest

from demo_model import examples, mistakes
from demo_model.corpus import Utterance
from demo_model.synth import SAMPLE_RATE, Phoneme, Word
from demo_model.vocabulary import Vocabulary
from demo_model.windows import EDGE_SAMPLES, START_TOLERANCE, Composer, Window

WORD = SAMPLE_RATE // 4


def utterance(language: str, text: str) -> Utterance:
    """Tones of a quarter of a second per word."""
    words = [Word(w, i * WORD, (i + 1) * WORD) for i, w in enumerate(text.split())]
    samples = (np.sin(np.arange(len(words) * WORD) / 5) * 20_000).astype(np.int16)
    phonemes = [Phoneme("a", word.start) for word in words]
    return Utterance(language, "Yes it is.", text, "-", words, phonemes, samples)


@pytest.fixture
def composer() -> Composer:
    said = ["one two three.", "four five six seven.", "eight."]
    return Composer([utterance(lang, text) for lang in ("en", "ko") for text in said], seed=1)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    """Bytes only: every text can be encoded."""
    return Vocabulary(tuple(bytes([b]) for b in range(256)), tuple(range(256)))


def many(composer: Composer, count: int = 150) -> list[Window]:
    return [composer.window(4.0, filled=filled) for filled in (1.0, 0.5) for _ in range(count)]


def test_only_whole_words_are_expected(composer: Composer) -> None:
    for window in many(composer):
        for segment in window.segments:
            for word in segment.words:
                assert 0 <= word.start < word.end <= len(window.samples) - EDGE_SAMPLES
                assert word.end - word.start >= WORD - START_TOLERANCE


def test_silent_windows_say_nothing(composer: Composer) -> None:
    silent = [window for window in many(composer) if not window.speech]
    assert silent
    assert not any(window.segments for window in silent)


def test_translation_windows_hold_whole_sentences(composer: Composer) -> None:
    windows = [window for window in many(composer) if window.task == "translate"]
    assert windows
    assert all(segment.complete for window in windows for segment in window.segments)


def test_a_window_that_starts_in_mid_sentence_knows_the_words_before(composer: Composer) -> None:
    found = 0
    texts = {" ".join(w.text for w in u.words) for u in composer.by_language["ko"]}
    for window in many(composer):
        if not window.before or not window.segments:
            continue
        before, first = window.before[-1], window.segments[0]
        if before and not before.endswith(".") and first.complete:
            assert f"{before} {first.text}" in texts
            found += 1
    assert found > 5


def test_examples_line_up(composer: Composer, vocabulary: Vocabulary) -> None:
    rng = random.Random(1)
    for window in many(composer, 60):
        example = examples.build_example(window, vocabulary, rng, offset=100)
        sizes = {len(part) for part in (example.tokens, example.targets, example.spans)}
        assert sizes == {len(example.next_spans)}
        assert example.targets[-1] == vocabulary.eot
        for i, target in enumerate(example.targets[:-1]):
            assert target in (examples.IGNORE, example.tokens[i + 1]) or not window.speech
        start = example.tokens.index(vocabulary.special("startoftranscript"))
        expected = window.language if window.speech else "nospeech"
        assert example.targets[start] == vocabulary.special(expected)
        assert all(target == examples.IGNORE for target in example.targets[:start])


def test_mistakes_change_what_is_read_and_never_what_is_expected(
    composer: Composer, vocabulary: Vocabulary
) -> None:
    rng = random.Random(3)
    different = 0
    for window in many(composer, 100):
        example = examples.build_example(window, vocabulary, rng)
        made = mistakes.with_mistakes(example, vocabulary, rng, share=1.0)
        sizes = {len(made.tokens), len(made.targets), len(made.spans), len(made.next_spans)}
        assert len(sizes) == 1
        head = example.tokens.index(vocabulary.special("startoftranscript")) + 3
        assert made.tokens[:head] == example.tokens[:head]
        assert made.targets[:head] == example.targets[:head]
        assert made.targets[-1] == vocabulary.eot
        wanted = [target for target in made.targets if target != examples.IGNORE]
        truth = iter(target for target in example.targets if target != examples.IGNORE)
        assert all(target in truth for target in wanted), "a target out of order"
        different += made.tokens != example.tokens
        assert mistakes.with_mistakes(example, vocabulary, rng, share=0.0) is example
    assert different > 50


def test_timestamps_are_the_words_times(composer: Composer, vocabulary: Vocabulary) -> None:
    rng = random.Random(2)
    window = next(
        w for w in many(composer) if len(w.segments) > 1 and w.task == "transcribe" and w.speech
    )
    body, _ = examples._body(window, vocabulary, 7, timestamps=True)
    stamps = [i - vocabulary.timestamp_begin for i in body if i >= vocabulary.timestamp_begin]
    assert stamps[0] == round(window.segments[0].words[0].start / 320) + 7
    plain, _ = examples._body(window, vocabulary, 7, timestamps=False)
    assert max(plain) == vocabulary.eot
    assert rng


def test_frames_are_labelled_with_what_is_heard(composer: Composer, vocabulary: Vocabulary) -> None:
    window = composer.window(4.0, language="en", clean_start=True)
    phonemes = examples.frame_phonemes(window, {"a": 1}, 200)
    tokens = examples.frame_tokens(window, vocabulary, 200)
    word = window.segments[0].words[0]
    middle = (word.start + word.end) // 2 // examples.POSITION_SAMPLES
    assert phonemes[middle] == 1
    assert bytes([tokens[middle]]) in word.text.encode()
    loud = np.abs(window.samples).reshape(200, -1).max(axis=1)
    assert phonemes[loud == 0].sum() == 0
