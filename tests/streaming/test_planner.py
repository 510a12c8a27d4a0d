"""The planner on hand-made streams: what is decoded when, and what never is."""

from live_whisper.config.schema import StreamingConfig
from live_whisper.streaming.planner import Planner
from live_whisper.streaming.window import Window
from live_whisper.types.audio import Span, SpeechEnded, SpeechStarted
from live_whisper.units import SAMPLE_RATE, WINDOW_SAMPLES

SECOND = SAMPLE_RATE
NS = 1_000_000_000


def planner(**settings: object) -> Planner:
    return Planner(StreamingConfig(**settings), decodes_open_speech=True)  # type: ignore[arg-type]


def test_silence_asks_for_nothing() -> None:
    plan = planner()
    plan.captured(600 * SECOND)
    assert plan.poll(600 * NS) is None
    assert plan.idle
    assert plan.oldest_pending == 600 * SECOND


def test_open_speech_is_decoded_from_its_beginning_to_now() -> None:
    plan = planner()
    plan.edge(SpeechStarted(SECOND))
    plan.captured(2 * SECOND)
    window = plan.poll(2 * NS)
    assert window == Window(Span(SECOND, 2 * SECOND), final=False)


def test_only_one_window_is_in_flight() -> None:
    plan = planner()
    plan.edge(SpeechStarted(0))
    plan.captured(2 * SECOND)
    assert plan.poll(2 * NS) is not None
    plan.captured(9 * SECOND)
    assert plan.poll(9 * NS) is None


def test_the_newest_audio_is_asked_for_when_the_engine_is_free_again() -> None:
    plan = planner(step_ms=300)
    plan.edge(SpeechStarted(0))
    plan.captured(2 * SECOND)
    first = plan.poll(2 * NS)
    assert first is not None
    plan.captured(5 * SECOND)
    plan.finished(first, 1 * NS)
    window = plan.poll(5 * NS)
    assert window is not None
    assert window.span == Span(0, 5 * SECOND)


def test_the_step_follows_the_cost_of_a_decode() -> None:
    plan = planner(step_ms=300, compute_share=0.5)
    plan.edge(SpeechStarted(0))
    plan.captured(2 * SECOND)
    first = plan.poll(2 * NS)
    assert first is not None
    plan.finished(first, NS)
    plan.captured(4 * SECOND)
    assert plan.poll(2 * NS + 1_900_000_000) is None
    assert plan.poll(4 * NS) is not None


def test_a_closed_segment_is_decoded_at_once_and_as_final() -> None:
    plan = planner(step_ms=5000)
    plan.edge(SpeechStarted(0))
    plan.captured(2 * SECOND)
    first = plan.poll(2 * NS)
    assert first is not None
    plan.finished(first, NS // 10)
    plan.captured(3 * SECOND)
    plan.edge(SpeechEnded(Span(0, 3 * SECOND), "pause"))
    window = plan.poll(3 * NS)
    assert window == Window(Span(0, 3 * SECOND), final=True, closes=(Span(0, 3 * SECOND),))


def test_waiting_segments_share_a_window_of_at_most_thirty_seconds() -> None:
    plan = planner()
    segments = [Span(12 * i * SECOND, (12 * i + 10) * SECOND) for i in range(4)]
    for span in segments:
        plan.edge(SpeechStarted(span.start))
        plan.edge(SpeechEnded(span, "pause"))
    plan.captured(60 * SECOND)
    window = plan.poll(60 * NS)
    assert window is not None
    assert window.closes == tuple(segments[:2])
    assert window.span.length <= WINDOW_SAMPLES
    plan.finished(window, NS)
    second = plan.poll(61 * NS)
    assert second is not None
    assert second.closes == tuple(segments[2:])


def test_segments_with_a_long_silence_between_them_do_not_share_a_window() -> None:
    plan = Planner(StreamingConfig(), decodes_open_speech=True, longest_gap=SECOND)
    for span in (Span(0, 2 * SECOND), Span(2 * SECOND + 100, 4 * SECOND)):
        plan.edge(SpeechEnded(span, "pause"))
    plan.edge(SpeechEnded(Span(5 * SECOND, 6 * SECOND), "pause"))
    plan.captured(6 * SECOND)
    window = plan.poll(0)
    assert window is not None
    assert window.span == Span(0, 4 * SECOND)


def test_a_failed_window_is_planned_again() -> None:
    plan = planner()
    plan.edge(SpeechStarted(0))
    plan.edge(SpeechEnded(Span(0, SECOND), "pause"))
    plan.captured(2 * SECOND)
    first = plan.poll(2 * NS)
    assert first is not None
    plan.failed(first)
    assert plan.poll(2 * NS) == first


def test_no_window_reaches_behind_the_committed_boundary() -> None:
    plan = planner()
    plan.edge(SpeechStarted(0))
    plan.captured(20 * SECOND)
    plan.move_boundary(12 * SECOND + 7)
    window = plan.poll(20 * NS)
    assert window is not None
    assert window.span.start == 12 * SECOND
    plan.finished(window, 0)
    plan.edge(SpeechEnded(Span(0, 21 * SECOND), "pause"))
    plan.captured(21 * SECOND)
    final = plan.poll(21 * NS)
    assert final is not None
    assert final.span == Span(12 * SECOND, 21 * SECOND)


def test_far_behind_only_closed_segments_are_decoded() -> None:
    plan = planner(catch_up_after_seconds=8.0)
    plan.edge(SpeechStarted(0))
    plan.edge(SpeechEnded(Span(0, 20 * SECOND), "limit"))
    plan.edge(SpeechStarted(20 * SECOND))
    plan.edge(SpeechEnded(Span(20 * SECOND, 40 * SECOND), "limit"))
    plan.edge(SpeechStarted(40 * SECOND))
    plan.captured(55 * SECOND)
    assert plan.state.catching_up
    for expected in (Span(0, 20 * SECOND), Span(20 * SECOND, 40 * SECOND)):
        window = plan.poll(55 * NS)
        assert window is not None
        assert window.span == expected
        plan.finished(window, NS // 10)
    assert not plan.state.catching_up
    window = plan.poll(56 * NS)
    assert window is not None
    assert not window.final


def test_without_new_audio_nothing_is_decoded_again() -> None:
    plan = planner(minimum_new_audio_ms=200)
    plan.edge(SpeechStarted(0))
    plan.captured(2 * SECOND)
    first = plan.poll(2 * NS)
    assert first is not None
    plan.finished(first, 0)
    plan.captured(2 * SECOND + 1000)
    assert plan.poll(9 * NS) is None


def test_a_phrase_policy_decodes_closed_speech_only() -> None:
    plan = Planner(StreamingConfig(), decodes_open_speech=False)
    plan.edge(SpeechStarted(0))
    plan.captured(9 * SECOND)
    assert plan.poll(9 * NS) is None
    plan.edge(SpeechEnded(Span(0, 9 * SECOND), "pause"))
    assert plan.poll(9 * NS) is not None


def test_a_segment_longer_than_a_window_is_decoded_in_parts() -> None:
    plan = planner(window_seconds=10)
    speech = Span(SECOND, 26 * SECOND)
    plan.edge(SpeechStarted(speech.start))
    plan.edge(SpeechEnded(speech, "pause"))
    plan.captured(30 * SECOND)
    spans, closed = [], []
    while (window := plan.poll(0)) is not None:
        assert window.final
        spans.append(window.span)
        closed += window.closes
        plan.finished(window, NS)
    assert spans == [
        Span(SECOND, 11 * SECOND),
        Span(11 * SECOND, 21 * SECOND),
        Span(21 * SECOND, 26 * SECOND),
    ]
    assert closed == [speech]
    assert plan.idle


def test_where_open_speech_is_not_decoded_only_an_edge_can_change_anything() -> None:
    plan = Planner(StreamingConfig(), decodes_open_speech=False)
    plan.edge(SpeechStarted(0))
    plan.edge(SpeechEnded(Span(0, SECOND), "pause"))
    plan.captured(2 * SECOND)
    window = plan.poll(0)
    assert window is not None
    plan.finished(window, NS)
    plan.edge(SpeechStarted(2 * SECOND))
    plan.captured(9 * SECOND)
    assert plan.next_poll_ns(9 * NS) is None
