"""``benchmarks/glossary.py``: names counted on a case made by hand, and a small run."""

import random

import numpy as np
import pytest
from support.checkpoints import make_random_checkpoint

from benchmarks import glossary
from benchmarks.corpus import Built, Scene
from benchmarks.streaming import load
from live_whisper.config.schema import Config
from live_whisper.streaming.evaluation.units import ReferenceWord
from live_whisper.types.text import Word

SECOND = 16_000


def meeting(language: str, said: str, names: tuple[str, ...], others: tuple[str, ...]):
    words = tuple(
        ReferenceWord(text, (2 * i + 1) * SECOND, (2 * i + 2) * SECOND, language)
        for i, text in enumerate(said.split())
    )
    built = Built(Scene("x", 20.0, (language,)), np.zeros(20 * SECOND, np.int16), words)
    return glossary.Meeting(built, language, names, others)


def written(text: str) -> list[Word]:
    return [
        Word(f" {word}", (2 * i + 1) * SECOND, (2 * i + 2) * SECOND)
        for i, word in enumerate(text.split())
        if word != "-"
    ]


def test_names_are_counted_where_they_were_said() -> None:
    heard = meeting("en", "Okafor met Petrov and Okafor.", ("Okafor", "Petrov"), ("Zephyr",))
    found = glossary.score(heard, written("Okafor met Peter Zephyr -"))
    assert (found.said, found.written, found.false) == (3, 1, 1)
    assert found.recall == pytest.approx(100 / 3)
    assert found.missed == ("petrov: peter", "okafor: nothing")
    assert found.errors == pytest.approx(60.0)


def test_a_name_at_another_time_is_a_false_one() -> None:
    heard = meeting("en", "Okafor met them today", ("Okafor",), ())
    found = glossary.score(heard, written("They met them Okafor"))
    assert (found.written, found.false) == (0, 1)


def test_a_korean_particle_may_follow_the_name() -> None:
    heard = meeting("ko", "헨더슨이 왔습니다", ("헨더슨",), ("승우",))
    assert glossary.score(heard, written("헨더슨은 왔습니다")).written == 1
    assert glossary.score(heard, written("헨더는 왔습니다")).written == 0


def test_conditions() -> None:
    heard = meeting("en", "Okafor", ("Okafor",), ("Zephyr",))
    settings = {c: glossary.configuration(heard, c, Config()) for c in glossary.CONDITIONS}
    config = {condition: found.recognition for condition, found in settings.items()}
    assert settings["shown"].decoding.glossary_boost == 0
    assert settings["glossary"].decoding.glossary_boost > 0
    assert config["shown"].glossary == config["glossary"].glossary
    assert config["none"].glossary == ()
    assert config["glossary"].glossary == ("Okafor", "Zephyr")
    assert config["others only"].glossary == ("Zephyr",)
    assert config["glossary"].language == "en"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_small_run(tmp_path, language: str) -> None:
    from demo_model import synth

    if not synth.available():
        pytest.skip("libespeak-ng is not installed")
    pool = glossary.sentences(random.Random(1), 300)
    heard = glossary.meetings(language, 4, 1, pool, 15.0)
    assert sum(len(item.said) for item in heard) == len(pool) > 0
    assert not any(set(item.said) & set(item.others) for item in heard)
    folder = make_random_checkpoint(tmp_path / "model", d_model=64, layers=1, heads=2)
    loaded = load(folder, 1, fit=True)
    settings = Config.model_validate({"decoding": {"temperatures": [0.0]}})
    found = glossary.compare(loaded, heard[:1], settings)
    assert list(found) == [
        f"{path}, {condition}" for path in ("live", "offline") for condition in glossary.CONDITIONS
    ]
    assert all(item.said == len(heard[0].said) for item in found.values())
