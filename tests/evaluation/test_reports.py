"""Every figure of a report on cases made by hand."""

import json

import pytest

from live_whisper.streaming.evaluation.judge import Said, judge, offline_rates, quantiles
from live_whisper.streaming.evaluation.report import Cost, Report, bars
from live_whisper.streaming.evaluation.units import ReferenceWord
from live_whisper.types.audio import Span
from live_whisper.types.events import Committed, Event, SegmentClosed, Tentative
from live_whisper.types.text import Word

SECOND = 16_000


def at(seconds: float) -> int:
    return round(seconds * SECOND)


def reference(text: str, *, start: float = 1.0, language: str = "en") -> tuple[ReferenceWord, ...]:
    """Words of 0.4 s, one every half second."""
    return tuple(
        ReferenceWord(word, at(start + i / 2), at(start + i / 2 + 0.4), language)
        for i, word in enumerate(text.split())
    )


def written(text: str, *, start: float = 1.0, late: float = 0.0) -> tuple[Word, ...]:
    return tuple(
        Word(f" {word}", at(start + i / 2 + late), at(start + i / 2 + 0.4 + late))
        for i, word in enumerate(text.split())
    )


def report(
    said: tuple[ReferenceWord, ...], events: list[Event], *, seconds: float = 60.0
) -> Report:
    return judge(Said(said, at(seconds)), events, Cost(seconds, engine_seconds=6.0))


def test_a_perfect_run() -> None:
    words = written("the meeting starts")
    events: list[Event] = [
        Committed(at(3.0), words, heard=at(2.8)),
        SegmentClosed(at(3.0), Span(at(0.7), at(2.8))),
    ]
    found = report(reference("The meeting starts."), events)
    assert found.text.words.percent == 0
    assert found.text.by_language == {"en": 0.0}
    assert found.text.hallucinated_words == 0
    assert found.text.missed_speech_percent == 0
    # word ends at 1.4, 1.9 and 2.4 s; published at 3.0, decoded from audio up to 2.8
    assert found.delay.commit.p50 == pytest.approx(1.1)
    assert found.delay.commit.largest == pytest.approx(1.6)
    assert found.delay.commit_unaware.p50 == pytest.approx(0.9)
    assert found.delay.first_seen.p50 == pytest.approx(1.1)
    assert found.delay.matched_percent == 100
    assert found.stability.normalized_erasure == 0
    assert found.stability.committed_erasure == 0
    assert found.timing.word_start_error == 0
    assert found.timing.cue_boundary_error == 0
    assert found.timing.cue_count == 1
    assert found.timing.drift_per_hour is None
    assert found.cost.real_time_factor == pytest.approx(0.1)


def test_latency_is_of_correct_words_only() -> None:
    events: list[Event] = [
        Committed(at(2.0), written("the"), heard=at(1.9)),
        Committed(at(9.0), written("wrong", start=1.5), heard=at(8.9)),
    ]
    found = report(reference("the meeting"), events)
    assert found.delay.commit.largest == pytest.approx(0.6)
    assert found.delay.matched_percent == 50
    assert found.text.words.substitutions == 1
    assert found.text.words.percent == 50


def test_a_word_is_first_seen_where_it_stood_as_a_guess() -> None:
    early = written("the meting", late=0.1)
    events: list[Event] = [
        Tentative(at(2.0), early, heard=at(1.9)),
        Tentative(at(2.5), written("the meeting"), heard=at(2.4)),
        Committed(at(3.5), written("the meeting"), heard=at(3.4)),
        Tentative(at(3.5), (), heard=at(3.4)),
    ]
    found = report(reference("the meeting"), events)
    # "the" (ends 1.4 s) seen at 2.0, "meeting" (ends 1.9 s) at 2.5
    assert found.delay.first_seen.p50 == pytest.approx(0.6)
    assert found.delay.first_seen.largest == pytest.approx(0.6)
    assert found.delay.first_seen_unaware.p50 == pytest.approx(0.5)
    assert found.delay.commit.p50 == pytest.approx((2.1 + 1.6) / 2)


def test_an_equal_guess_elsewhere_is_not_the_word() -> None:
    events: list[Event] = [
        Tentative(at(2.0), written("no", start=1.0), heard=at(1.9)),
        Committed(at(9.0), written("no", start=8.0), heard=at(8.9)),
    ]
    found = report(reference("no", start=8.0), events)
    assert found.delay.first_seen.p50 == pytest.approx(0.6)


def test_erasure_counts_every_guess_that_was_taken_back() -> None:
    events: list[Event] = [
        Tentative(at(2), written("the meeting start")),
        Tentative(at(3), written("the meeting starts at")),  # "start" went: 1
        Committed(at(4), written("the meeting starts")),
        Tentative(at(4), written("six", start=2.5)),  # "at" went: 1
        Committed(at(5), written("six", start=2.5)),
        Tentative(at(5), ()),
    ]
    found = report(reference("the meeting starts six"), events)
    assert found.stability.normalized_erasure == pytest.approx(2 / 4)


def test_a_guess_that_is_committed_is_not_taken_back() -> None:
    events: list[Event] = [
        Tentative(at(2), written("a b c")),
        Committed(at(3), written("a b")),
        Tentative(at(3), written("c d", start=2.0)),
        Committed(at(4), written("c d", start=2.0)),
        Tentative(at(4), ()),
    ]
    assert report(reference("a b c d"), events).stability.normalized_erasure == 0


def test_words_in_silence_are_hallucinated_and_counted_by_the_quiet_minute() -> None:
    events: list[Event] = [
        Committed(at(2.0), written("the")),
        Committed(at(30.0), written("thank you", start=29.0)),
    ]
    # 61.4 s less the word and half a second on each side of it is one minute
    found = report(reference("the"), events, seconds=61.4)
    assert found.text.hallucinated_words == 2
    assert found.text.hallucinated_per_minute == pytest.approx(2.0)
    nobody = report((), events, seconds=120)
    assert nobody.text.hallucinated_per_minute == pytest.approx(1.5)
    assert nobody.text.by_language == {}


def test_missed_speech_is_what_nothing_was_written_for() -> None:
    said = (*reference("one two"), *reference("three four", start=20.0))
    found = report(said, [Committed(at(3.0), written("one two"))])
    assert found.text.missed_speech_percent == pytest.approx(50.0)
    wrong = [*written("one two"), *written("free for", start=20.0)]
    found = report(said, [Committed(at(30.0), tuple(wrong))])
    assert found.text.missed_speech_percent == 0
    assert found.text.words.substitutions == 2


def test_korean_is_counted_in_characters() -> None:
    said = reference("회의는 금요일", language="ko")
    found = report(said, [Committed(at(3.0), written("회의가 금요일"))])
    assert found.text.by_language == {"ko": pytest.approx(100 / 6)}
    assert found.text.words.percent == 50
    assert found.text.characters.percent == pytest.approx(100 / 6)


def test_an_insertion_counts_for_the_language_it_stands_in() -> None:
    said = (*reference("one two"), *reference("세 네", start=10.0, language="ko"))
    words = (*written("one two too"), *written("세 네", start=10.0))
    found = report(said, [Committed(at(12.0), words)])
    assert found.text.by_language == {"en": pytest.approx(50.0), "ko": 0.0}


def test_the_gap_is_that_of_the_worst_language() -> None:
    said = (*reference("one two"), *reference("세 네", start=10.0, language="ko"))
    offline = offline_rates(
        Said(said, at(60)), (*written("one too"), *written("세 네", start=10.0))
    )
    assert offline == {"en": 50.0, "ko": 0.0}
    streamed: list[Event] = [
        Committed(at(12.0), (*written("one two"), *written("세 내", start=10.0)))
    ]
    found = judge(Said(said, at(60)), streamed, Cost(60), offline=offline)
    assert found.gap_points == pytest.approx(50.0)


def test_times_are_compared_at_words_and_cues() -> None:
    words = written("the meeting starts.", late=0.1)
    events: list[Event] = [
        Committed(at(3.0), words),
        SegmentClosed(at(3.0), Span(at(0.7), at(3.0))),
    ]
    found = report(reference("the meeting starts"), events)
    assert found.timing.word_start_error == pytest.approx(0.1)
    assert found.timing.word_end_error == pytest.approx(0.1)
    assert found.timing.cue_boundary_error == pytest.approx(0.1)


def test_drift_is_the_slope_of_the_errors() -> None:
    said: list[ReferenceWord] = []
    events: list[Event] = []
    for minute in range(0, 60, 2):
        said += reference("tick", start=60.0 * minute)
        late = 0.5 * minute / 60  # half a second in an hour
        events.append(
            Committed(at(60 * minute + 3), written("tick", start=60.0 * minute, late=late))
        )
    found = report(tuple(said), events, seconds=3600)
    assert found.timing.drift_per_hour == pytest.approx(0.5, abs=1e-3)


def test_events_of_another_input_are_left_out() -> None:
    events: list[Event] = [
        Committed(at(3.0), written("the")),
        Committed(at(3.0), written("noise", start=1.5), "other"),
    ]
    found = judge(Said(reference("the"), at(60)), events, Cost(60))
    assert found.text.words.errors == 0


def test_quantiles() -> None:
    found = quantiles([at(i / 100) for i in range(101)])
    assert (found.p50, found.p90, found.p95, found.largest) == (0.5, 0.9, 0.95, 1.0)
    assert quantiles([]).p50 is None


def test_bars_say_what_is_missed() -> None:
    events: list[Event] = [Committed(at(9.0), written("the"))]
    found = report(reference("the"), events)
    verdict = {bar.name: bar.met for bar in bars(found)}
    assert verdict["commit latency p50"] is False
    assert verdict["committed erasure"] is True
    assert verdict["streaming minus offline"] is None


def test_a_report_is_json() -> None:
    found = report(reference("the"), [Committed(at(2.0), written("the"))])
    again = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert again["text"]["words"]["percent"] == 0
    assert again["delay"]["commit"]["p50"] == pytest.approx(0.6)
    assert again["cost"]["real_time_factor"] == pytest.approx(0.1)
