"""Files in, segments out; progress, skipped silence, many files on one engine."""

import wave

import numpy as np
import pytest

from live_whisper.clock import VirtualClock
from live_whisper.decoding.longform import LongFormSettings
from live_whisper.engines.scripted import (
    ScriptedCosts,
    ScriptedEngine,
    ScriptedToken,
    ScriptedWindow,
)
from live_whisper.errors import InputError
from live_whisper.runtime.transcriber import Transcriber, merge_spans
from live_whisper.types.audio import Span, SpeechEnded
from live_whisper.units import SAMPLE_RATE


@pytest.fixture
def recording(tmp_path):
    def write(name, seconds):
        samples = np.random.default_rng(0).normal(0, 0.1, round(seconds * SAMPLE_RATE))
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes((samples * 32767).astype("<i2").tobytes())
        return tmp_path / name

    return write


def engine_saying(checkpoint, text, clock=None):
    tokenizer = checkpoint.tokenizer
    begin = tokenizer.timestamp_begin
    tokens = (begin, *tokenizer.encode(text), begin + 50)
    window = ScriptedWindow(tuple(ScriptedToken(token) for token in tokens))
    costs = ScriptedCosts(encode_ns=10**9)
    return ScriptedEngine(checkpoint, lambda _mel: window, clock=clock, costs=costs)


class Finder:
    """A detector with its answer known."""

    def __init__(self, *spans):
        self.spans, self.heard = spans, 0

    def push(self, samples):
        self.heard += len(samples)
        return []

    def flush(self):
        return [SpeechEnded(span, "pause") for span in self.spans]


def test_a_file_becomes_segments_and_words(checkpoint, recording):
    engine = engine_saying(checkpoint, " hello world")
    transcriber = Transcriber(engine, checkpoint, LongFormSettings(language="en"))
    transcript = transcriber.transcribe(recording("a.wav", 40))
    assert transcript.text == " hello world hello world"
    assert "".join(word.text for word in transcript.words) == transcript.text
    assert [segment.start for segment in transcript.segments] == [0, 30 * SAMPLE_RATE]
    assert transcript.samples == 40 * SAMPLE_RATE
    assert transcript.skipped_samples == 0
    assert transcript.language == "en"
    assert transcript.notices == ()


def test_one_engine_serves_many_files_that_know_nothing_of_each_other(checkpoint, recording):
    engine = engine_saying(checkpoint, " hello")
    transcriber = Transcriber(engine, checkpoint, LongFormSettings(language="en"))
    first = transcriber.transcribe(recording("a.wav", 5))
    second = transcriber.transcribe(recording("b.wav", 5))
    assert first.segments == second.segments
    assert engine.log.encodes == 2
    assert not engine.closed


def test_progress_tells_the_time_left(checkpoint, recording):
    clock = VirtualClock()
    engine = engine_saying(checkpoint, " hello", clock)
    transcriber = Transcriber(engine, checkpoint, LongFormSettings(language="en"), clock=clock)
    told = []
    transcript = transcriber.transcribe(recording("a.wav", 90), told.append)
    reading = [report for report in told if report.stage == "reading"]
    decoding = [report for report in told if report.stage == "decoding"]
    assert reading[-1].done_samples == 90 * SAMPLE_RATE
    assert [report.seconds_left for report in decoding] == pytest.approx([2.0, 1.0, 0.0])
    assert [report.done_samples for report in decoding] == [
        seconds * SAMPLE_RATE for seconds in (30, 60, 90)
    ]
    assert transcript.decode_seconds == pytest.approx(3.0)


def test_silence_is_not_decoded(checkpoint, recording):
    second = SAMPLE_RATE
    finders = []

    def make():
        finders.append(
            Finder(
                Span(0, 4 * second), Span(5 * second, 8 * second), Span(70 * second, 75 * second)
            )
        )
        return finders[-1]

    engine = engine_saying(checkpoint, " hello")
    transcriber = Transcriber(
        engine, checkpoint, LongFormSettings(language="en"), speech_finder=make
    )
    transcript = transcriber.transcribe(recording("a.wav", 90))
    assert [segment.start for segment in transcript.segments] == [0, 70 * second]
    assert transcript.skipped_samples == (90 - 13) * second
    assert finders[0].heard == 90 * second


def test_a_silent_file_is_not_decoded_at_all(checkpoint, recording):
    engine = engine_saying(checkpoint, " hello")
    transcriber = Transcriber(engine, checkpoint, speech_finder=Finder)
    transcript = transcriber.transcribe(recording("a.wav", 5))
    assert transcript.segments == ()
    assert transcript.skipped_samples == 5 * SAMPLE_RATE
    assert engine.log.encodes == 0


def test_what_cannot_be_read_is_the_file_s_error(checkpoint, tmp_path):
    transcriber = Transcriber(engine_saying(checkpoint, " hello"), checkpoint)
    with pytest.raises(InputError):
        transcriber.transcribe(tmp_path / "missing.wav")
    (tmp_path / "text.wav").write_text("this is no sound")
    with pytest.raises(InputError):
        transcriber.transcribe(tmp_path / "text.wav")


def test_short_pauses_are_not_cut_out():
    spans = [Span(0, 10), Span(12, 20), Span(30, 40), Span(33, 50)]
    assert merge_spans(spans, 5) == [Span(0, 20), Span(30, 50)]
    assert merge_spans([], 5) == []
