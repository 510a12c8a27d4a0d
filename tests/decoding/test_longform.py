"""The walk through a recording, window by window, with a scripted model."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from support.fake_decoding import GOOD
from support.scripted_recording import Recording, said, texts, times

from live_whisper.decoding.fallback import FallbackSettings
from live_whisper.decoding.segments import Window, cut
from live_whisper.types.audio import Span
from live_whisper.units import SAMPLE_RATE, WINDOW_SAMPLES


def test_an_unfinished_segment_is_decoded_again_with_the_next_window(checkpoint, record):
    recording = record(
        40,
        said(checkpoint, 0.0, " hello", 4.0, 4.0, " world", 20.0, 20.0, " this is"),
        said(checkpoint, 0.0, " this is about", 6.0),
    )
    segments = recording.run()
    assert texts(segments) == [" hello", " world", " this is about"]
    assert times(segments) == [(0, 4), (4, 20), (20, 26)]
    assert [segment.seek for segment in segments] == [0, 0, 2000]
    assert recording.progress == [(2000, 4000), (4000, 4000)]
    first, second = recording.mels
    assert first.shape == second.shape == (80, 3000)
    assert not second[:, 2000:].any()
    assert second[:, :2000].any()


def test_a_single_timestamp_at_the_end_means_silence_after_it(checkpoint, record):
    recording = record(
        45,
        said(checkpoint, 0.0, " hello", 4.0, 4.0, " world", 9.0),
        said(checkpoint, 0.0, " next", 2.0),
    )
    segments = recording.run()
    assert times(segments) == [(0, 4), (4, 9), (30, 32)]


def test_without_pairs_the_window_is_one_segment(checkpoint, record):
    recording = record(20, said(checkpoint, 0.0, " hello world"))
    (segment,) = recording.run()
    assert times([segment]) == [(0, 20)]
    assert segment.text == " hello world"


@pytest.mark.parametrize(("n_text_ctx", "goes_on"), [(32, True), (448, False)])
def test_a_short_text_context_skips_no_speech(checkpoint, n_text_ctx, goes_on):
    """Where the context ends the text before a pair of timestamps, the rest is decoded next."""
    few = replace(checkpoint, dims=replace(checkpoint.dims, n_text_ctx=n_text_ctx))
    words = [" hello", " world"] * 5
    recording = Recording(few, 30, said(few, 0.0, *words), said(few, 0.0, " next", 2.0))
    plain = recording.decoder.decode

    def decode(features, request, monitor=None):
        decoded = plain(features, request, monitor)
        rows = len(decoded.tokens) + 1
        attention = np.full((rows, 1, 1500), 1e-6, np.float32)
        for row in range(rows):  # 0.4 s a token
            attention[row, 0, 20 * row : 20 * row + 20] = 1.0
        stop = "length" if len(recording.mels) == 1 else "eot"
        return replace(decoded, attention=attention, stop=stop)

    recording.decoder.decode = decode
    with recording.mel:
        segments = recording.run(fallback=FallbackSettings(temperatures=(0.0,)))
    if goes_on:
        first, second = segments
        assert second.text == " next"
        assert 200 < second.seek == first.words[-1].end // 160 < 1000
    else:
        assert [segment.seek for segment in segments] == [0]


def test_the_text_so_far_is_the_next_prompt(checkpoint, record):
    windows = [said(checkpoint, 0.0, " hello", 30.0) for _ in range(3)]
    recording = record(90, *windows)
    recording.run()
    first, second, third = (request.prompt for request in recording.requests)
    tokens = tuple(token.id for token in windows[0].tokens)
    assert (first, second, third) == ((), tokens, tokens * 2)
    recording = record(90, *windows)
    recording.run(condition_on_previous_text=False)
    assert [request.prompt for request in recording.requests] == [(), (), ()]


@pytest.mark.parametrize("carry", [False, True])
def test_the_initial_prompt(checkpoint, record, carry):
    words = tuple(checkpoint.tokenizer.encode(" meeting"))
    windows = [said(checkpoint, 0.0, " hello", 30.0) for _ in range(2)]
    recording = record(60, *windows)
    recording.run(
        initial_prompt=words, carry_initial_prompt=carry, condition_on_previous_text=False
    )
    assert [request.prompt for request in recording.requests] == [words, words if carry else ()]


def test_silence_is_skipped_and_gives_no_prompt(checkpoint, record):
    recording = record(
        60,
        said(checkpoint, 0.0, " thank", 3.0, no_speech=0.95, probability=0.2),
        said(checkpoint, 0.0, " hello", 3.0),
    )
    assert texts(recording.run()) == [" hello"]
    assert recording.requests[-1].prompt == ()


def test_a_hot_window_is_no_prompt(checkpoint, record):
    sampled = said(checkpoint, 0.0, " hello", 30.0)
    recording = record(60, sampled, said(checkpoint, 0.0, " world", 30.0))
    recording.run(fallback=FallbackSettings(temperatures=(0.6,), no_speech_probability=None))
    assert recording.requests[-1].prompt == ()


def test_the_language_is_decided_once(checkpoint, record):
    windows = [said(checkpoint, 0.0, " 회의", 30.0, language="ko") for _ in range(3)]
    recording = record(60, *windows)
    recording.run(language=None)
    assert recording.longform.language == "ko"
    assert recording.longform.language_probability > 0.9
    assert [request.language for request in recording.requests] == ["ko", "ko"]


def test_clips_are_decoded_and_nothing_else(checkpoint, record):
    recording = record(
        100,
        said(checkpoint, 0.0, " hello", 2.0),
        said(checkpoint, 1.0, " world", 3.0),
    )
    second = SAMPLE_RATE
    segments = recording.run([Span(10 * second, 15 * second), Span(70 * second, 90 * second)])
    assert times(segments) == [(10, 12), (70, 73)]
    assert [request.audio_samples for request in recording.requests] == [5 * second, 20 * second]
    assert not recording.mels[0][:, 500:].any()


def test_fitted_windows_are_as_short_as_the_audio(checkpoint, record):
    recording = record(7.01, said(checkpoint, 0.0, " hello", 5.0))
    recording.run(context="fit")
    assert recording.mels[0].shape == (80, 900)  # 351 positions heard, 64 of silence, whole seconds
    recording = record(29.9, said(checkpoint, 0.0, " hello", 5.0))
    recording.run(context="fit")
    assert recording.mels[0].shape == (80, 3000)


def test_empty_segments_are_left_out(checkpoint, record):
    recording = record(20, said(checkpoint, 0.0, "  ", 2.0, 2.0, " hello", 3.0))
    segments = recording.run()
    assert texts(segments) == [" hello"]


def test_words_belong_to_their_segments(checkpoint, record):
    recording = record(
        38,
        said(checkpoint, 0.0, " hello world", 4.0, 4.0, " this is", 8.0, 8.0, " about"),
        said(checkpoint, 0.0, " about", 2.0),
    )
    segments = recording.run()
    for segment in segments:
        assert "".join(word.text for word in segment.words) == segment.text
        assert all(segment.start <= word.start <= word.end for word in segment.words)
    words = [word for segment in segments for word in segment.words]
    assert all(a.end <= b.start for a, b in itertools.pairwise(words))
    recording = record(20, said(checkpoint, 0.0, " hello", 4.0))
    assert recording.run(words=False)[0].words == ()


def test_nothing_to_decode(record):
    assert record(0).run() == []
    assert record(0.005).run() == []


def test_text_made_up_in_silence_is_dropped_and_listened_to_again(checkpoint, record):
    # A word of 40 ms and nothing else in the window: what the reference calls an anomaly.
    made_up = said(checkpoint, 0.0, " thank", 0.04)
    recording = record(30, made_up, said(checkpoint, 0.0, " hello", 0.4))
    segments = recording.run(hallucination_silence_samples=2 * SAMPLE_RATE)
    assert texts(segments) == [" hello"]
    assert segments[0].seek == 100
    recording = record(30, made_up)
    assert texts(recording.run()) == [" thank"]


def test_cutting_keeps_every_token_of_a_finished_window(checkpoint):
    tokenizer = checkpoint.tokenizer
    window = said(checkpoint, 0.0, " hello", 4.0, 4.0, " world", 9.0)
    tokens = tuple(token.id for token in window.tokens)
    decoded = replace(GOOD, tokens=tokens, log_probabilities=(0.0,) * len(tokens))
    segments, seek = cut(decoded, Window(100, 3000), tokenizer)
    assert [token for segment in segments for token in segment.tokens] == list(tokens)
    assert seek == 3100
    assert segments[0].start == 100 * 160
    assert WINDOW_SAMPLES == 3000 * 160
