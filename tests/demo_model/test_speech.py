import random

import numpy as np
import pytest

from demo_model import synth, timeline, voices
from demo_model.synth import SAMPLE_RATE
from demo_model.voices import Voice

pytestmark = pytest.mark.usefixtures("speaking")


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("en-us+f3", "Good morning, the meeting starts at nine."),
        ("gmw/en-GB-x-rp", "It takes five minutes from the factory to the school."),
        ("ko+m5", "회의는 금요일 세 시에 시작합니다."),
    ],
)
def test_words_cover_the_speech_in_order(voice: str, text: str) -> None:
    speech = synth.synthesise(text, Voice(voice))
    assert [word.text for word in speech.words] == text.split()
    assert speech.words[0].start >= 0
    assert speech.words[-1].end == len(speech.samples)
    for before, after in zip(speech.words, speech.words[1:], strict=False):
        assert before.start < before.end <= after.start
    assert 0.85 < np.abs(speech.samples).max() <= 0.91


def test_a_pause_is_not_part_of_the_word_before_it() -> None:
    speech = synth.synthesise("Good morning, everyone.", Voice("en-us"))
    _, morning, everyone = speech.words
    assert everyone.start - morning.end > 0.05 * SAMPLE_RATE
    pause = speech.samples[morning.end + 400 : everyone.start - 400]
    assert np.abs(pause).max() < 0.05


def test_speech_is_nearly_the_same_every_time() -> None:
    """The synthesiser keeps the phase of its voice, which moves times by a few samples."""
    first = synth.synthesise("Thank you.", Voice("en-us+Annie", 150, 60, 40))
    synth.synthesise("감사합니다.", Voice("ko+m5"))
    second = synth.synthesise("Thank you.", Voice("en-us+Annie", 150, 60, 40))
    for one, other in zip(first.words, second.words, strict=True):
        assert one.text == other.text
        assert abs(one.start - other.start) + abs(one.end - other.end) < 200


def test_an_unknown_voice_is_an_error() -> None:
    with pytest.raises(ValueError, match="no-such-voice"):
        synth.synthesise("Hello.", Voice("no-such-voice"))


@pytest.mark.parametrize("split", ["train", "test"])
def test_all_voices_exist(split: str) -> None:
    for variant in voices.VARIANTS[split]:
        name = "ko" if variant == "-" else f"ko+{variant}"
        assert len(synth.synthesise("네.", Voice(name)).words) == 1


def test_a_meeting_has_exact_word_times() -> None:
    made = timeline.meeting(3, 20.0, ("en", "ko"))
    assert 18 < len(made.samples) / SAMPLE_RATE < 30
    assert {sentence.language for sentence in made.sentences} == {"en", "ko"}
    assert [word.text for _, word in made.words] == made.text().split()
    quiet = np.abs(made.samples)
    for before, after in zip(made.sentences, made.sentences[1:], strict=False):
        gap = quiet[before.words[-1].end : after.words[0].start]
        assert len(gap) >= 0.2 * SAMPLE_RATE
        assert gap.max() < 1e-3
    for sentence in made.sentences:
        assert quiet[sentence.words[0].start : sentence.words[-1].end].max() > 0.3


def test_a_meeting_follows_from_its_seed() -> None:
    first, second = timeline.meeting(4, 8.0), timeline.meeting(4, 8.0)
    assert first.text() == second.text()
    assert abs(len(first.samples) - len(second.samples)) < 1600  # the synthesiser varies


def test_a_script_says_its_lines() -> None:
    voice = voices.sample(random.Random(1), "ko", "test")
    made = timeline.script(
        [("ko", "Yes.", "네.", voice), ("ko", "Thank you.", "감사합니다.", voice)]
    )
    assert made.text("ko") == "네. 감사합니다."
    assert made.text("en") == ""
