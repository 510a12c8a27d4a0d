"""Going back to speech that a window's text leaves out, with a scripted model."""

from support.scripted_recording import Recording, said

from live_whisper.decoding.fallback import FallbackSettings
from live_whisper.decoding.second_look import SHORTER_FRAMES, SecondLook, up_to
from live_whisper.decoding.segments import Segment, Window
from live_whisper.decoding.unheard import Stretch
from live_whisper.types.audio import Span
from live_whisper.types.text import Word
from live_whisper.units import HOP_SAMPLES, SAMPLE_RATE

LEAST = SAMPLE_RATE // 4


class Voices:
    """Somebody speaks all the time, but for some pauses (seconds)."""

    def __init__(self, *pauses: tuple[float, float]) -> None:
        self.pauses = [Span(round(a * SAMPLE_RATE), round(b * SAMPLE_RATE)) for a, b in pauses]

    def speaks(self, gap: Span, least: int) -> bool:
        silent = sum(max(0, min(gap.end, p.end) - max(gap.start, p.start)) for p in self.pauses)
        return gap.length - silent >= least


def run(recording: Recording, *pauses: tuple[float, float]) -> list[str]:
    fallback = FallbackSettings(temperatures=(0.0, 0.5), compression_ratio=None)
    return [
        segment.text.split()[0] + f" {segment.start / SAMPLE_RATE:g}-{segment.end / SAMPLE_RATE:g}"
        for segment in recording.run(
            voices=Voices(*pauses), unheard_samples=LEAST, fallback=fallback
        )
    ]


def talk(checkpoint, *parts: tuple[float, str, float]):
    """A window of sentences: where they begin, the word said twice a second, where they end."""
    items: list[float | str] = []
    for start, word, end in parts:
        items += [start, f" {word}" * round(2 * (end - start)), end]
    return said(checkpoint, *items)


def lengths(recording: Recording) -> list[float]:
    """Seconds of audio in each window that the model was given."""
    return [int(mel.any(axis=0).sum()) / 100 for mel in recording.mels]


def test_the_next_window_begins_at_the_hole(checkpoint, record):
    recording = record(
        30,
        talk(checkpoint, (0, "hello", 8), (12, "lost", 30)),
        talk(checkpoint, (0, "world", 6), (6, "again", 22)),
    )
    assert run(recording) == ["hello 0-8", "world 8-14", "again 14-30"]
    assert lengths(recording) == [30, 22]


def test_a_pause_is_no_hole(checkpoint, record):
    recording = record(30, talk(checkpoint, (0, "hello", 8), (12, "world", 30)))
    assert run(recording, (8, 12)) == ["hello 0-8", "world 12-30"]
    assert lengths(recording) == [30]


def test_without_being_asked_nothing_is_looked_at_twice(checkpoint, record):
    recording = record(30, talk(checkpoint, (0, "hello", 8), (12, "world", 30)))
    fallback = FallbackSettings(compression_ratio=None)
    assert len(recording.run(voices=Voices(), fallback=fallback)) == 2


def segment(*words: Word) -> Segment:
    text = "".join(word.text for word in words)
    tokens = (7000, *(token for word in words for token in word.tokens), 7001)
    return Segment(words[0].start, words[-1].end + 50, text, tokens, words, 0, 0.0, -0.1, 1.0, 0.0)


def test_a_hole_in_a_sentence_keeps_the_words_before_it():
    one, two, three = (Word(f" {n}", 100 * n, 100 * n + 60, tokens=(n,)) for n in (1, 2, 3))
    first, second = segment(one, two), segment(three)
    hole = Span(160, 200)
    assert up_to([first, second], Stretch(3, hole)) == [first, second]
    assert up_to([first, second], Stretch(2, hole)) == [first]
    (cut,) = up_to([first, second], Stretch(1, hole))
    assert (cut.words, cut.text, cut.tokens, cut.end) == ((one,), " 1", (1,), one.end)
    assert up_to([first], Stretch(0, hole)) == []


def test_a_hole_at_the_beginning_is_given_by_itself(checkpoint, record):
    recording = record(
        30,
        talk(checkpoint, (1, "world", 30)),
        talk(checkpoint, (0, "hello", 1)),
        talk(checkpoint, (0, "world", 29)),
    )
    assert run(recording) == ["hello 0-1", "world 1-30"]
    assert lengths(recording) == [30, 1, 29]


def test_a_hole_that_stays_silent_is_left(checkpoint, record):
    recording = record(
        30,
        talk(checkpoint, (1, "world", 30)),
        said(checkpoint, no_speech=0.9, probability=0.01),
        talk(checkpoint, (0, "world", 29)),
    )
    assert run(recording) == ["world 1-30"]


def test_what_fails_at_every_temperature_is_tried_shorter(checkpoint, record):
    poor = said(checkpoint, 0.0, " no", 5.0, probability=0.05)
    recording = record(
        20, poor, talk(checkpoint, (0, "hello", 12)), talk(checkpoint, (0, "world", 8))
    )
    assert run(recording) == ["hello 0-12", "world 12-20"]
    assert lengths(recording)[-2:] == [SHORTER_FRAMES[0] / 100, 8]


def test_progress_is_made_whatever_the_model_says(checkpoint, record):
    """A model that leaves out everything but a word near the beginning of each window."""
    recording = record(60, *[talk(checkpoint, (0.5, "no", 1))] * 100)
    run(recording)
    assert len(recording.requests) < 100


def test_a_window_is_free_again_after_a_short_one():
    look = SecondLook(Voices(), least=LEAST)
    assert look.again(Window(0, 3000))
    assert look.frames(3000) == SHORTER_FRAMES[0]
    assert look.frames(3000) == 3000
    assert not look.again(Window(0, SHORTER_FRAMES[-1]))
    assert look.check([], Window(0, 3000), 3000).seek * HOP_SAMPLES == 30 * SAMPLE_RATE
