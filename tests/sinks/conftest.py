"""Events for sink tests."""

import pytest
from hypothesis import strategies as st

from live_whisper.types.audio import Span
from live_whisper.types.events import (
    AudioLost,
    Committed,
    Evidence,
    Guess,
    LanguageChosen,
    ModelReady,
    Notice,
    Progress,
    SegmentClosed,
    SessionEnded,
    SessionStarted,
    SpeechChanged,
    Summary,
    Tentative,
    TextSuppressed,
    WindowDone,
)
from live_whisper.types.text import Suppressed, Word

SUMMARY = Summary(
    captured_samples=160_000,
    decoded_samples=120_000,
    silent_samples=40_000,
    lost_samples=0,
    undecoded_samples=0,
    words=12,
    cues=4,
    commit_latency_p50_seconds=0.5,
    commit_latency_p95_seconds=None,
    compute_ratio=0.1,
    language="ko",
    files=("m.srt",),
)


def _words(text, start=0, length=4000):
    return tuple(
        Word(" " + piece, start + i * (length + 400), start + i * (length + 400) + length)
        for i, piece in enumerate(text.split(" "))
    )


def _started(language="ko"):
    return SessionStarted(
        0, "20261123T140501Z-4f2a9c", "Microphone", "demo", language, "transcribe", 9
    )


def _meeting():
    """A short scripted run with every kind of event."""
    first = _words(
        "안녕하세요 여러분. 오늘 회의에서는 다음 분기 예산을 확인하고 새로운 제품의 일정도 봅니다.",
        8000,
    )
    second = _words("It costs 3.5 million dollars, which is a lot but <we> can manage.", 200_000)
    third = _words("Goodbye", 300_000)
    events = [
        _started(),
        ModelReady(4000, 1.5, "onnx int8, full context"),
        SpeechChanged(9000, True, 5000),
        Progress(9500, 0, -20.0, True, 0.2, 0.4, "listening"),
    ]
    for word in first:
        events += [Tentative(word.end, (word,)), Committed(word.end + 4000, (word,))]
    close = first[-1].end + 8000
    events += [
        SpeechChanged(close, False, close),
        SegmentClosed(close, Span(5000, close)),
        LanguageChosen(close, "en", 0.93),
        TextSuppressed(150_000, Suppressed(_words("Thank you.", 140_000), "no_speech")),
        WindowDone(260_000, Span(199_000, 260_000), words=7, language="en"),
        Committed(260_000, second[:7]),
        Committed(270_000, second[7:]),
        Notice(270_001, "the microphone was reopened", "warning"),
        AudioLost(275_000, Span(100_000, 101_000)),
        SegmentClosed(280_000, Span(199_000, 279_000)),
        Committed(320_000, third),
        SessionEnded(400_000, SUMMARY, "stopped"),
    ]
    return events


NUMBER = st.integers(0, 2**40)
TEXT = st.text(max_size=12)
REAL = st.floats(allow_nan=False, allow_infinity=False)
WORD = st.builds(
    Word,
    TEXT,
    NUMBER,
    NUMBER,
    REAL,
    st.lists(st.integers(0, 60_000), max_size=4).map(tuple),
    st.none() | NUMBER,
    st.none() | NUMBER,
)
WORDS = st.lists(WORD, max_size=4).map(tuple)
SPAN = st.tuples(NUMBER, NUMBER).map(lambda pair: Span(min(pair), max(pair)))
MAYBE = st.none() | REAL
SUMMARIES = st.builds(
    Summary,
    **dict.fromkeys(("captured_samples", "decoded_samples", "silent_samples", "words"), NUMBER),
    **dict.fromkeys(("lost_samples", "undecoded_samples", "cues"), NUMBER),
    commit_latency_p50_seconds=MAYBE,
    commit_latency_p95_seconds=MAYBE,
    compute_ratio=REAL,
    language=TEXT,
    files=st.lists(TEXT, max_size=3).map(tuple),
)
WINDOWS = st.builds(
    WindowDone,
    at=NUMBER,
    span=SPAN,
    closes=st.lists(SPAN, max_size=2).map(tuple),
    words=NUMBER,
    language=st.none() | TEXT,
    language_evidence=st.lists(st.builds(Evidence, TEXT, REAL), max_size=2).map(tuple),
    hypotheses=st.lists(st.builds(Guess, st.lists(TEXT, max_size=3).map(tuple)), max_size=2).map(
        tuple
    ),
)
STORED = st.one_of(
    st.builds(SessionStarted, NUMBER, TEXT, TEXT, TEXT, TEXT, TEXT, NUMBER),
    st.builds(ModelReady, NUMBER, REAL, TEXT),
    st.builds(LanguageChosen, NUMBER, TEXT, REAL),
    st.builds(SpeechChanged, NUMBER, st.booleans(), NUMBER),
    st.builds(Committed, NUMBER, WORDS, TEXT),
    st.builds(SegmentClosed, NUMBER, SPAN, TEXT),
    st.builds(TextSuppressed, NUMBER, st.builds(Suppressed, WORDS, TEXT)),
    st.builds(Notice, NUMBER, TEXT, TEXT),
    st.builds(SessionEnded, NUMBER, SUMMARIES, TEXT),
    st.builds(AudioLost, NUMBER, SPAN, TEXT),
    WINDOWS,
)
"""Every event that a journal stores."""


@pytest.fixture
def words():
    return _words


@pytest.fixture
def started():
    return _started


@pytest.fixture
def meeting():
    return _meeting()


@pytest.fixture(scope="session")
def stored_events():
    return STORED
