import random

import pytest

from demo_model import grammar, korean, voices
from demo_model.lexicon import LEXICON
from demo_model.patterns import TOPICS

MANY = 4000


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("보고서", "을", "보고서를"),
        ("예산", "을", "예산을"),
        ("서울", "으로", "서울로"),
        ("부산", "으로", "부산으로"),
        ("도쿄", "으로", "도쿄로"),
        ("안나", "과", "안나와"),
        ("안나", "이", "안나가"),
        ("수잔", "은", "수잔은"),
        ("빵", "이나", "빵이나"),
        ("주스", "이나", "주스나"),
    ],
)
def test_particles_follow_the_final_sound(word: str, particle: str, expected: str) -> None:
    assert korean.with_particle(word, particle) == expected


def test_a_particle_needs_a_hangul_word() -> None:
    with pytest.raises(ValueError, match="Hangul"):
        korean.with_particle("Anna", "을")


@pytest.mark.parametrize("topic", TOPICS)
def test_every_pattern_can_be_filled_with_every_word(topic: str) -> None:
    rng = random.Random(1)
    for english, hangul in grammar.patterns(topic):
        for _ in range(40):
            chosen = grammar._draw(rng, english)
            for template, language in ((english, "en"), (hangul, "ko")):
                text = grammar._fill(template, chosen, language)
                assert "{" not in text
                assert text[-1] in ".?"
                assert "  " not in text


def test_training_and_test_texts_never_meet() -> None:
    rng = random.Random(2)
    train = [grammar.sample(rng, "train") for _ in range(MANY)]
    test = [grammar.sample(rng, "test") for _ in range(MANY)]
    for index in (0, 1):
        assert not {pair[index] for pair in train} & {pair[index] for pair in test}
    assert all(grammar.split_of(*pair) == "test" for pair in test)


def test_a_text_has_one_translation() -> None:
    rng = random.Random(3)
    pairs = {grammar.sample(rng, "train") for _ in range(MANY)}
    assert len({english for english, _ in pairs}) == len(pairs)
    assert len({hangul for _, hangul in pairs}) == len(pairs)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_there_are_at_least_four_hundred_word_forms(language: str) -> None:
    assert len(grammar.word_forms(language, sentences=MANY)) >= 400


def test_rare_names_are_about_thirty_times_rarer() -> None:
    rng = random.Random(4)
    text = " ".join(grammar.sample(rng)[0] for _ in range(40_000))
    frequent = sum(text.count(e.english[""]) for e in LEXICON["name"]) / len(LEXICON["name"])
    rare = sum(text.count(e.english[""]) for e in LEXICON["rare"]) / len(LEXICON["rare"])
    assert 20 < frequent / rare < 50


def test_sentences_follow_from_the_seed() -> None:
    first, second = random.Random(5), random.Random(5)
    assert [grammar.sample(first) for _ in range(50)] == [grammar.sample(second) for _ in range(50)]


def test_test_voices_are_not_training_voices() -> None:
    assert not set(voices.VARIANTS["train"]) & set(voices.VARIANTS["test"])
    rng = random.Random(6)
    name = voices.sample(rng, "ko", "test").name
    assert name.split("+")[1] in voices.VARIANTS["test"]
