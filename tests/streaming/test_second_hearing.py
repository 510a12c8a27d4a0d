"""Speech without words is found by its sound, and heard again with what stood before it."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from support.fake_decoding import make_tokenizer

from live_whisper.decoding.fallback import FallbackSettings
from live_whisper.decoding.types import Decoded, Stop
from live_whisper.decoding.unheard import Stretch, unheard_speech
from live_whisper.streaming.second_hearing import (
    ALONE_SAMPLES,
    Heard,
    SecondHearing,
    sentence_before,
)
from live_whisper.types.audio import Samples, Span
from live_whisper.types.text import Word
from live_whisper.units import SAMPLE_RATE, SAMPLES_PER_POSITION, ms_to_samples
from live_whisper.vad.voices import EDGE_SAMPLES, VoiceMap

TOKENIZER = make_tokenizer()
START = 7 * SAMPLE_RATE
LEAST = ms_to_samples(250)


def voice(seconds: float, level: float = 0.2) -> Samples:
    """A buzz at 120 Hz that swells and fades like syllables."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20))
    return (level * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))).astype(np.float32)


def quiet(seconds: float, level: float = 1e-3) -> Samples:
    noise = np.random.default_rng(1).standard_normal(round(seconds * SAMPLE_RATE))
    return (level * noise).astype(np.float32)


def said(text: str, start: float, end: float, **more: int) -> Word:
    """A word, in seconds of the window."""
    tokens = tuple(TOKENIZER.encode(text))
    return Word(text, START + sample(start), START + sample(end), tokens=tokens, **more)


def sample(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def stretches(words: list[Word], sound: list[Samples], since: int = START) -> list[Stretch]:
    audio = np.concatenate(sound)
    span = Span(START, START + len(audio))
    voices = VoiceMap(start=START)
    for at in range(0, len(audio), 4000):
        voices.push(audio[at : at + 4000])
    return list(unheard_speech(words, span, voices.speaks, since=since, least=LEAST))


def test_a_voice_behind_the_last_word_is_found() -> None:
    sound = [quiet(0.3), voice(1.0), voice(0.6), quiet(0.5)]
    words = [said(" hello", 0.3, 1.3)]
    assert stretches(words, sound) == [Stretch(1, Span(words[0].end, START + sample(2.4)))]


def test_so_is_one_between_words_and_before_the_first() -> None:
    sound = [quiet(0.3), voice(0.8), voice(0.8), voice(0.8), quiet(0.5)]
    first, last = said(" hello", 0.3, 1.1), said(" world", 1.9, 2.7)
    assert stretches([first, last], sound) == [Stretch(1, Span(first.end, last.start))]
    assert [found.index for found in stretches([last], sound)] == [0]
    assert stretches([last], sound, since=last.start) == []  # already committed


@pytest.mark.parametrize("after", [quiet(1.5), np.zeros(sample(1.5), np.float32), quiet(1.5, 0.02)])
def test_silence_and_noise_are_not(after: Samples) -> None:
    assert stretches([said(" hello", 0.3, 1.3)], [quiet(0.3), voice(1.0), after]) == []


def test_nor_is_the_rest_of_a_word_whose_end_is_a_little_early() -> None:
    early = 1.3 - EDGE_SAMPLES / SAMPLE_RATE
    sound = [quiet(0.3), voice(1.0), quiet(0.5)]
    assert stretches([said(" hello", 0.3, early)], sound) == []


def test_context_is_the_open_sentence_and_no_more() -> None:
    words = [said(" good", 0, 1), said(" day.", 1, 2), said(" hello", 2, 3)]
    ended = said(" world", 3, 4, segment_end=START + sample(4))
    assert sentence_before([*words, ended], START) == (words[2], said(" world", 3, 4))
    assert sentence_before([*words, ended], START + sample(2.5)) == (said(" world", 3, 4),)
    assert sentence_before([], START) == ()


class Model:
    """Decodes parts as it is told to and notes what it was asked."""

    def __init__(self, *answers: Callable[[Span], Decoded]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Span, int, tuple[int, ...]]] = []

    def __call__(self, part: Span, samples: Samples, prefix: tuple[int, ...]) -> Decoded:
        self.asked.append((part, len(samples), prefix))
        return self.answers.pop(0)(part)


def answer(
    text: str,
    at: float = 0.0,
    *,
    log_probability: float = -0.1,
    stop: Stop = "eot",
    no_speech: float = 0.0,
) -> Callable[[Span], Decoded]:
    """``text``, attended to from ``at`` seconds of the window on."""

    def decoded(part: Span) -> Decoded:
        tokens = TOKENIZER.encode(text)
        positions = part.length // SAMPLES_PER_POSITION
        attention = np.full((len(tokens) + 1, 1, positions), 1e-3, np.float32)
        first = (START + sample(at) - part.start) // SAMPLES_PER_POSITION
        for row in range(len(tokens) + 1):
            attention[row, 0, min(max(first + row, 0), positions - 1)] = 1.0
        return Decoded(
            tokens=tuple(tokens),
            log_probabilities=(log_probability,) * len(tokens),
            attention=attention,
            language="en",
            language_probability=1.0,
            no_speech_probability=no_speech,
            average_log_probability=log_probability,
            compression_ratio=1.0,
            temperature=0.0,
            finished=stop == "eot",
            stop=stop,
        )

    return decoded


def complete(
    words: list[Word], sound: list[Samples], model: Model, committed: tuple[Word, ...] = ()
) -> list[str]:
    audio = np.concatenate(sound)
    since = committed[-1].end if committed else START
    heard = Heard(Span(START, START + len(audio)), committed, since, LEAST)
    found = SecondHearing(TOKENIZER, FallbackSettings()).complete(tuple(words), heard, audio, model)
    for before, after in itertools.pairwise(found):
        assert before.start <= before.end <= after.start
    return [word.text for word in found]


TAIL = [quiet(0.3), voice(1.0), voice(0.7), quiet(0.5)]


def test_a_lost_end_is_heard_with_the_words_before_it() -> None:
    hello = said(" hello", 0.3, 1.3)
    model = Model(answer(" world", 1.4))
    assert complete([hello], TAIL, model) == [" hello", " world"]
    ((part, length, prefix),) = model.asked
    assert part == Span(START + sample(0.3), START + sample(2.5))
    assert length == part.length
    assert prefix == (TOKENIZER.timestamp_begin, *hello.tokens)


def test_committed_words_are_context_too() -> None:
    hello = said(" hello", 0.3, 1.3)
    model = Model(answer(" world", 1.4))
    assert complete([], TAIL, model, committed=(hello,)) == [" world"]
    assert model.asked[0][2][1:] == hello.tokens


@pytest.mark.parametrize(
    "poor", [{"log_probability": -0.9}, {"stop": "loop"}, {"no_speech": 0.9}], ids=str
)
def test_an_unsure_answer_a_loop_or_silence_is_not_taken(poor: dict) -> None:
    hello = said(" hello", 0.3, 1.3)
    assert complete([hello], TAIL, Model(answer(" no", 1.4, **poor))) == [" hello"]


def test_a_long_stretch_is_tried_without_its_context_as_well() -> None:
    hello = said(" hello", 0.3, 1.3)
    long = [quiet(0.3), voice(1.0), voice(ALONE_SAMPLES / SAMPLE_RATE), quiet(0.3)]
    model = Model(answer(""), answer(" good day", 1.6))
    assert complete([hello], long, model) == [" hello", " good", " day"]
    assert model.asked[1][2] == ()
    assert model.asked[1][0].start < hello.end < model.asked[1][0].end


def test_the_word_after_a_stretch_is_not_said_twice() -> None:
    hello, world = said(" hello", 0.3, 1.1), said(" world", 1.9, 2.7)
    sound = [quiet(0.3), voice(0.8), voice(0.8), voice(0.8), quiet(0.2)]
    found = complete([hello, world], sound, Model(answer(" good world", 1.3)))
    assert found == [" hello", " good", " world"]


def test_a_window_that_said_nothing_stays_silent() -> None:
    assert complete([], TAIL, Model()) == []
