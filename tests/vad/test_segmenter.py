from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.types.audio import Span, SpeechEnded, SpeechStarted
from live_whisper.units import SAMPLE_RATE, WINDOW_SAMPLES, ms_to_samples
from live_whisper.vad.base import VoiceFrame
from live_whisper.vad.segmenter import Segmenter, SegmenterOptions

FRAME = 320


def run(pattern, segmenter=None, levels=None):
    """Feed 20 ms frames, True for speech; returns edges, checking the accounting on the way."""
    segmenter = segmenter or Segmenter()
    edges, closed, settled = [], 0, 0
    for number, speech in enumerate(pattern):
        level = levels[number] if levels else (-20.0 if speech else -60.0)
        new = segmenter.push(VoiceFrame(number * FRAME, FRAME, speech, level))
        edges += new
        closed += sum(edge.span.length for edge in new if isinstance(edge, SpeechEnded))
        assert segmenter.settled >= settled, "what was settled stays settled"
        settled = segmenter.settled
        assert closed + segmenter.silent == settled
    edges += segmenter.flush()
    return edges, segmenter


def spans(edges):
    return [edge.span for edge in edges if isinstance(edge, SpeechEnded)]


def frames(ms):
    return ms // 20


def ms_span(start, end):
    return Span(ms_to_samples(start), ms_to_samples(end))


runs = st.lists(st.tuples(st.booleans(), st.integers(1, 120)), max_size=25).map(
    lambda parts: [speech for speech, count in parts for _ in range(count)]
)


@settings(deadline=None, max_examples=200)
@given(pattern=runs, long=st.integers(0, 2500), where=st.integers(0, 500))
def test_every_sample_is_in_one_segment_or_silent(pattern, long, where):
    pattern = pattern[:where] + [True] * long + pattern[where:]
    edges, segmenter = run(pattern)
    total = len(pattern) * FRAME
    found = spans(edges)
    assert all(span.length <= WINDOW_SAMPLES for span in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert sum(span.length for span in found) + segmenter.silent == total == segmenter.settled
    assert not found or found[-1].end <= total
    # Started and ended take turns, about the same place.
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        assert isinstance(start, SpeechStarted)
        assert isinstance(end, SpeechEnded)
        assert start.at == end.span.start


@settings(deadline=None, max_examples=200)
@given(pattern=runs)
def test_no_long_speech_is_left_out(pattern):
    edges, _ = run(pattern)
    found = spans(edges)
    at = 0
    while at < len(pattern):
        end = at
        while end < len(pattern) and pattern[end] == pattern[at]:
            end += 1
        if pattern[at] and (end - at) * FRAME >= SegmenterOptions().min_speech:
            whole = Span(at * FRAME, end * FRAME)
            assert sum(span.overlap(whole) for span in found) == whole.length
        at = end


@given(ms=st.integers(1, 4).map(lambda n: n * 20))
def test_a_click_does_not_open(ms):
    edges, segmenter = run([False] * 50 + [True] * frames(ms) + [False] * 50)
    assert edges == []
    assert segmenter.silent == segmenter.settled


def test_pre_roll_and_hangover_belong_to_the_segment():
    edges, _ = run([False] * frames(1000) + [True] * frames(1000) + [False] * frames(1000))
    assert edges == [
        SpeechStarted(ms_to_samples(700)),
        SpeechEnded(ms_span(700, 2500), "pause"),
    ]


def test_pre_roll_never_reaches_into_the_segment_before():
    speech = [True] * frames(500)
    edges, _ = run(speech + [False] * frames(600) + speech)
    assert spans(edges) == [ms_span(0, 1000), ms_span(1000, 1600)]


def test_short_pauses_do_not_close():
    edges, _ = run([True] * 20 + ([False] * frames(480) + [True] * 20) * 5)
    assert len(spans(edges)) == 1
    assert edges[-1].reason == "end"


def test_the_word_before_the_decision_is_kept():
    """Speech with short pauses inside its first 100 ms opens at its beginning."""
    pattern = [False] * 50 + [True, False, True, True, False, True, True, True] + [False] * 50
    edges, _ = run(pattern)
    assert edges[0] == SpeechStarted(ms_to_samples(700))


def test_long_speech_is_split_at_a_pause_after_the_soft_limit():
    pattern = [True] * frames(22_000) + [False] * frames(200) + [True] * frames(5000)
    edges, _ = run(pattern)
    first, second = spans(edges)
    assert edges[1].reason == "pause"
    assert first.end == ms_to_samples(22_160)
    assert second.start == first.end


def test_without_a_pause_it_is_split_at_the_quietest_place():
    levels = [-20.0] * 2000
    dip = frames(26_000)
    levels[dip : dip + 5] = [-45.0] * 5
    edges, _ = run([True] * 2000, levels=levels)
    assert dip * FRAME <= spans(edges)[0].end <= (dip + 5) * FRAME


def test_a_minute_without_any_quiet_place():
    edges, _ = run([True] * 50 * 60)
    found = spans(edges)
    assert [edge.reason for edge in edges if isinstance(edge, SpeechEnded)][:2] == ["limit"] * 2
    assert found[0].start == 0
    assert found[-1].end == 60 * SAMPLE_RATE
    assert all(a.end == b.start for a, b in pairwise(found))


def test_hole_between_frames_is_refused():
    segmenter = Segmenter()
    with pytest.raises(ValueError, match="expected the frame at 0"):
        segmenter.push(VoiceFrame(320, 320, False, -60.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_speech": 0},
        {"pre_roll": -1},
        {"hard_limit": WINDOW_SAMPLES + 1},
        {"soft_limit": WINDOW_SAMPLES},
        {"soft_pause": ms_to_samples(600)},
    ],
)
def test_options_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match=r"segmenter|soft_pause|limits"):
        SegmenterOptions(**wrong)
