"""What journals and event logs tell of a run, on cases made by hand."""

import pytest

from live_whisper.streaming.evaluation.past_run import PastRun, read_past_run
from live_whisper.streaming.evaluation.units import ReferenceWord
from live_whisper.types.audio import Span
from live_whisper.types.events import (
    AudioLost,
    Committed,
    Event,
    ModelReady,
    Progress,
    SegmentClosed,
    SessionEnded,
    SessionStarted,
    Summary,
    Tentative,
    TextSuppressed,
    WindowDone,
)
from live_whisper.types.text import Suppressed, Word

SECOND = 16_000


def at(seconds: float) -> int:
    return round(seconds * SECOND)


def word(text: str, start: float) -> Word:
    return Word(f" {text}", at(start), at(start + 0.4))


STARTED = SessionStarted(
    0, "20260101T000000Z-abcdef", "Microphone", "base", "auto", "transcribe", 1
)
READY = ModelReady(at(0.5), 1.25, "ONNX Runtime, int8")
HELLO, THERE, ALL = word("Hello", 1.0), word("there", 1.5), word("all", 2.0)
GUESS = word("their", 1.5)
SUMMARY = Summary(at(10), at(2), at(8), 0, 0, 3, 1, None, None, 0.25, "en")

# Hello ends at 1.4 and is final at 2.0, there at 1.9 and 2.6, all at 2.4 and 2.6.
STORED: list[Event] = [
    STARTED,
    READY,
    WindowDone(at(2.0), Span(at(0.8), at(1.8)), words=1),
    Committed(at(2.0), (HELLO,), heard=at(1.8)),
    WindowDone(at(2.6), Span(at(0.8), at(2.5)), closes=(Span(at(0.8), at(2.5)),), words=2),
    Committed(at(2.6), (THERE, ALL), heard=at(2.5)),
    SegmentClosed(at(2.6), Span(at(0.8), at(2.5))),
    SessionEnded(at(10), SUMMARY, "stopped"),
]


def logged() -> list[Event]:
    """The same run with what a journal leaves out."""
    guess = Tentative(at(2.0), (GUESS,), heard=at(1.8))
    better = Tentative(at(2.2), (THERE,), heard=at(2.1))
    lag = [
        Progress(at(t), 0, -20.0, True, 0.2, s, "listening") for t, s in ((2.1, 1.2), (2.3, 0.4))
    ]
    return [*STORED[:4], guess, lag[0], better, lag[1], *STORED[4:]]


def test_a_journal_tells_delays_load_and_length() -> None:
    run = read_past_run(STORED)
    assert (run.recording, run.model, run.language) == (STARTED.recording, "base", "en")
    assert (run.audio_seconds, run.speech_seconds, run.undecoded_seconds) == (10, 2, 0)
    assert (run.real_time_factor, run.load_seconds, run.ended) == (0.25, 1.25, "stopped")
    assert run.samples_lost == run.restarts == 0
    (only,) = run.inputs
    assert (only.words, only.cues, only.decodes, only.committed_erasure) == (3, 1, 2, 0)
    assert only.commit.p50 == pytest.approx(0.6)  # 0.6, 0.7 and 0.2
    assert only.commit.largest == pytest.approx(0.7)
    assert only.commit_unaware.p50 == pytest.approx(0.4)  # 0.4, 0.6 and 0.1
    assert only.decode.largest == pytest.approx(0.2)


def test_a_journal_says_what_it_cannot_tell() -> None:
    run = read_past_run(STORED)
    assert run.backlog_seconds is None
    assert run.inputs[0].first_seen is None
    assert run.inputs[0].normalized_erasure is None
    told = " ".join(run.missing)
    assert all(name in told for name in ("first-seen", "erasure", "backlog", "memory"))


def test_a_log_has_guesses_and_load_too() -> None:
    run = read_past_run(logged())
    assert run.backlog_seconds == 1.2
    (only,) = run.inputs
    assert only.words_withdrawn == 1  # "their" gave way to "there"
    assert only.normalized_erasure == pytest.approx(1 / 3)
    assert only.first_seen is not None
    assert only.first_seen.largest == pytest.approx(0.6)  # Hello; there was seen after 0.3
    assert [text.split(":")[0] for text in run.missing] == ["memory"]


def test_a_run_that_was_cut_off() -> None:
    lost = AudioLost(at(2.3), Span(at(2.1), at(2.2)))
    kept_out = TextSuppressed(at(2.4), Suppressed((ALL, ALL), "repetition"))
    run = read_past_run([*STORED[:4], READY, lost, kept_out])
    assert (run.ended, run.real_time_factor, run.speech_seconds) == (None, None, None)
    assert run.audio_seconds == pytest.approx(2.4)
    assert run.samples_lost == at(0.1)
    assert run.restarts == 1
    assert run.suppressed_words == {"repetition": 2}
    assert any(text.startswith("real-time factor") for text in run.missing)


def test_inputs_are_told_apart() -> None:
    events: list[Event] = [
        Committed(at(2.0), (HELLO,), source="me", heard=at(1.8)),
        Committed(at(3.9), (THERE, ALL), source="them", heard=at(2.5)),
    ]
    me, them = read_past_run(events).inputs
    assert (me.label, me.words, them.label, them.words) == ("me", 1, "them", 2)
    assert them.commit.largest == pytest.approx(2.0)


def test_nothing_at_all() -> None:
    run = read_past_run([])
    assert isinstance(run, PastRun)
    assert run.inputs[0].words == 0
    assert run.inputs[0].commit.p50 is None


def test_who_knows_what_was_said_learns_more() -> None:
    spoken = (
        ReferenceWord("Hello", at(1.0), at(1.3), "en"),
        ReferenceWord("their", at(1.5), at(1.9), "en"),
        ReferenceWord("all", at(2.0), at(2.4), "en"),
    )
    truth = read_past_run(STORED, spoken).inputs[0].truth
    assert truth is not None
    assert truth.text.by_language == {"en": pytest.approx(100 / 3)}
    assert truth.commit.largest == pytest.approx(0.7)  # Hello, from 1.3 on
    assert truth.matched_percent == pytest.approx(200 / 3)
    assert truth.timing.word_end_error == pytest.approx(0.05)
