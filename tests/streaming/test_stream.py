"""One input's stream with hand-made hypotheses: what is published, carried, trimmed, unlocked."""

from dataclasses import replace

import pytest
from support.scripted_recognizer import sentence

from live_whisper.config.schema import RecognitionConfig, StreamingConfig
from live_whisper.streaming.stream import CaptionStream
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Span, SpeechEnded, SpeechStarted
from live_whisper.types.events import (
    Committed,
    Event,
    LanguageChosen,
    SegmentClosed,
    Tentative,
    TextSuppressed,
)
from live_whisper.types.text import Hypothesis, Suppressed, Word
from live_whisper.units import SAMPLE_RATE, samples_to_ns

SECOND = SAMPLE_RATE


class Driver:
    """Tells a stream what happens, in order, with stream time as the clock."""

    def __init__(self, *, language: str | None = "en", **settings: object) -> None:
        recognition = RecognitionConfig(detect_seconds=2.0, redetect_after_seconds=10.0)
        self.stream = CaptionStream(
            StreamingConfig(**{"carry_prompt": "always", "show_probability": 0.0} | settings),  # type: ignore[arg-type]
            language=language,
            recognition=recognition,
        )
        self.at = 0
        self.events: list[Event] = []

    def speak(self, start: int) -> None:
        self.events += self.stream.edge(SpeechStarted(start))

    def pause(self, start: int, end: int) -> None:
        self.events += self.stream.edge(SpeechEnded(Span(start, end), "pause"))

    def hear(self, sample: int) -> WindowRequest | None:
        self.stream.captured(sample)
        self.at = sample
        return self.stream.next_request(samples_to_ns(sample))

    def answer(self, request: WindowRequest | None, hypothesis: Hypothesis) -> list[Event]:
        assert request is not None
        new = self.stream.accept(request, hypothesis, 0)
        self.events += new
        return new


def hypothesis(words: tuple[Word, ...], stable: int = 0, **facts: object) -> Hypothesis:
    return Hypothesis(words, stable=stable, language="en", **facts)  # type: ignore[arg-type]


def only(events: list[Event], kind: type) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def test_stable_words_are_committed_and_become_the_next_prefix() -> None:
    run = Driver()
    run.speak(0)
    words = sentence(0, 6)
    events = run.answer(run.hear(2 * SECOND), hypothesis(words, stable=4))
    assert only(events, Committed)[0].words == words[:4]  # type: ignore[attr-defined]
    assert only(events, Tentative)[0].words == words[4:]  # type: ignore[attr-defined]
    request = run.hear(3 * SECOND)
    assert request is not None
    assert request.committed == words[:4]
    assert request.not_before == words[3].end
    assert request.carried == ()


def test_a_pause_commits_everything_and_closes_the_segment() -> None:
    run = Driver()
    run.speak(0)
    run.pause(0, 3 * SECOND)
    words = sentence(0, 6)
    events = run.answer(run.hear(3 * SECOND), hypothesis(words))
    assert only(events, Committed)[0].words == words  # type: ignore[attr-defined]
    assert only(events, SegmentClosed)
    assert run.stream.idle
    assert run.stream.lag_samples == 0


def test_committed_text_is_the_prompt_of_the_next_segment() -> None:
    run = Driver()
    run.speak(0)
    run.pause(0, 3 * SECOND)
    words = sentence(0, 6)
    run.answer(run.hear(3 * SECOND), hypothesis(words))
    run.speak(4 * SECOND)
    request = run.hear(5 * SECOND)
    assert request is not None
    assert request.carried == tuple(token for word in words for token in word.tokens)
    assert request.committed == ()


@pytest.mark.parametrize(
    "doubt",
    [
        {"temperature": 0.6},
        {"average_log_probability": -1.5},
        {"suppressed": (Suppressed((), "repetition"),)},
    ],
    ids=["sampled", "unsure", "repetitive"],
)
def test_a_doubtful_text_is_not_carried(doubt: dict[str, object]) -> None:
    run = Driver()
    run.speak(0)
    run.pause(0, 3 * SECOND)
    run.answer(run.hear(3 * SECOND), hypothesis(sentence(0, 6), **doubt))
    run.speak(4 * SECOND)
    request = run.hear(5 * SECOND)
    assert request is not None
    assert request.carried == ()


def test_a_long_silence_ends_the_prompt() -> None:
    run = Driver(prompt_reset_silence_seconds=20.0)
    run.speak(0)
    run.pause(0, 3 * SECOND)
    run.answer(run.hear(3 * SECOND), hypothesis(sentence(0, 6)))
    run.speak(40 * SECOND)
    request = run.hear(41 * SECOND)
    assert request is not None
    assert request.carried == ()


def test_a_long_window_moves_up_to_a_committed_boundary() -> None:
    run = Driver(trim_after_seconds=5.0)
    run.speak(0)
    words = sentence(0, 10)
    run.answer(run.hear(8 * SECOND), hypothesis(words, stable=10))
    request = run.hear(9 * SECOND)
    assert request is not None
    assert request.window.span == Span(words[-1].end, 9 * SECOND)
    assert request.committed == ()
    assert request.carried


def test_suppressed_text_is_published_with_its_reason() -> None:
    run = Driver()
    run.speak(0)
    run.pause(0, 2 * SECOND)
    ghost = Suppressed(sentence(0, 2), "no_speech")
    events = run.answer(run.hear(2 * SECOND), hypothesis((), suppressed=(ghost,)))
    assert only(events, TextSuppressed)[0].suppressed == ghost  # type: ignore[attr-defined]
    assert not only(events, Committed)


def test_nothing_is_committed_before_the_language_is_chosen() -> None:
    run = Driver(language=None)
    run.speak(0)
    words = sentence(0, 6)
    unsure = hypothesis(words, stable=4, language_probabilities=(("ko", 0.97), ("en", 0.03)))
    request = run.hear(SECOND)
    assert request is not None
    assert request.language is None
    assert not only(run.answer(request, unsure), Committed)
    events = run.answer(run.hear(3 * SECOND), unsure)
    chosen = only(events, LanguageChosen)[0]
    assert chosen.language == "ko"  # type: ignore[attr-defined]
    assert only(events, Committed)
    request = run.hear(4 * SECOND)
    assert request is not None
    assert request.language == "ko"


def test_a_language_holds_through_pauses_and_is_chosen_again_after_a_long_silence() -> None:
    run = Driver(language=None)
    korean = hypothesis(sentence(0, 6), language_probabilities=(("ko", 0.99), ("en", 0.01)))
    run.speak(0)
    run.pause(0, 3 * SECOND)
    run.answer(run.hear(3 * SECOND), korean)
    run.speak(5 * SECOND)
    request = run.hear(6 * SECOND)
    assert request is not None
    assert request.language == "ko"
    run.pause(5 * SECOND, 7 * SECOND)
    run.answer(request, replace(korean, words=()))
    run.answer(run.hear(7 * SECOND), replace(korean, words=()))
    run.speak(30 * SECOND)
    request = run.hear(31 * SECOND)
    assert request is not None
    assert request.language is None
    english = hypothesis((), language_probabilities=(("en", 0.99), ("ko", 0.01)))
    assert not only(run.answer(request, english), LanguageChosen)
    events = run.answer(run.hear(33 * SECOND), english)
    assert only(events, LanguageChosen)[0].language == "en"  # type: ignore[attr-defined]


def test_a_slow_machine_chooses_again_when_the_silence_comes_to_be_decoded() -> None:
    run = Driver(language=None)
    korean = hypothesis(sentence(0, 6), language_probabilities=(("ko", 0.99), ("en", 0.01)))
    run.speak(0)
    run.pause(0, 4 * SECOND)
    run.speak(5 * SECOND)
    run.pause(5 * SECOND, 6 * SECOND)
    run.speak(17 * SECOND)
    run.pause(17 * SECOND, 20 * SECOND)  # all of it is heard before the first decode
    first = run.hear(20 * SECOND)
    assert first is not None
    assert first.window.closes == (Span(0, 4 * SECOND), Span(5 * SECOND, 6 * SECOND))
    assert first.language is None
    run.answer(first, korean)
    second = run.hear(20 * SECOND)
    assert second is not None
    assert second.window.closes == (Span(17 * SECOND, 20 * SECOND),)
    assert second.language is None


def test_being_late_is_no_silence() -> None:
    run = Driver(language=None, prompt_reset_silence_seconds=20.0)
    words = sentence(10 * SECOND, 36)
    korean = hypothesis(words, language_probabilities=(("ko", 0.99), ("en", 0.01)))
    run.speak(0)
    run.pause(0, 25 * SECOND)
    run.speak(26 * SECOND)
    run.answer(run.hear(27 * SECOND), korean)
    run.pause(26 * SECOND, 28 * SECOND)
    late = run.hear(28 * SECOND)
    assert late is not None
    assert late.language == "ko"
    assert late.carried


def test_the_same_language_again_is_no_news() -> None:
    run = Driver(language=None)
    korean = hypothesis((), language_probabilities=(("ko", 0.99), ("en", 0.01)))
    for start in (0, 30):
        run.speak(start * SECOND)
        run.pause(start * SECOND, (start + 3) * SECOND)
        run.answer(run.hear((start + 3) * SECOND), korean)
        assert run.stream.language == "ko"
    assert len(only(run.events, LanguageChosen)) == 1


def test_a_failed_request_is_asked_again_unchanged() -> None:
    run = Driver()
    run.speak(0)
    run.pause(0, 2 * SECOND)
    request = run.hear(2 * SECOND)
    assert request is not None
    run.stream.failed(request)
    assert run.stream.next_request(samples_to_ns(2 * SECOND)) == request


def test_commit_latency_counts_from_the_end_of_the_word() -> None:
    run = Driver()
    run.speak(0)
    words = sentence(0, 4)  # the last ends at 1.2 s
    run.answer(run.hear(2 * SECOND), hypothesis(words, stable=4))
    assert run.stream.latency.quantile_seconds(0.01) == pytest.approx(0.8, abs=0.01)
    assert run.stream.latency.quantile_seconds(1.0) == pytest.approx(1.7, abs=0.01)
