"""When a decode is tried again."""

from dataclasses import replace

import pytest
from support.fake_decoding import GOOD, FakeFeatures

from live_whisper.decoding.fallback import (
    FallbackSettings,
    decode_with_fallback,
    is_silence,
    needs_fallback,
)
from live_whisper.decoding.types import DecodeRequest

REPETITIVE = replace(GOOD, compression_ratio=2.5)
UNSURE = replace(GOOD, average_log_probability=-1.1)
LOOP = replace(GOOD, stop="loop")
SILENT = replace(UNSURE, no_speech_probability=0.7)
SURE_DESPITE_NO_SPEECH = replace(GOOD, no_speech_probability=0.9)


class Answers:
    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    def decode(self, features, request, monitor):
        self.requests.append(request)
        return replace(self.answers.pop(0), temperature=request.temperature)


@pytest.mark.parametrize(
    ("decoded", "again", "silence"),
    [
        (GOOD, False, False),
        (REPETITIVE, True, False),
        (UNSURE, True, False),
        (LOOP, True, False),
        (SILENT, False, True),
        (SURE_DESPITE_NO_SPEECH, False, False),
        (replace(SILENT, compression_ratio=3.0), False, True),
    ],
)
def test_thresholds(decoded, again, silence):
    assert needs_fallback(decoded, FallbackSettings()) is again
    assert is_silence(decoded, FallbackSettings()) is silence


def test_tests_can_be_switched_off():
    off = FallbackSettings(
        compression_ratio=None, average_log_probability=None, no_speech_probability=None
    )
    assert not needs_fallback(replace(REPETITIVE, average_log_probability=-9), off)
    assert not is_silence(SILENT, off)
    assert is_silence(SURE_DESPITE_NO_SPEECH, FallbackSettings(average_log_probability=None))


def test_tries_hotter_until_one_passes():
    decoder = Answers(REPETITIVE, UNSURE, GOOD)
    decoded = decode_with_fallback(decoder, FakeFeatures(), DecodeRequest(language="en", seed=7))
    assert decoded.temperature == 0.4
    assert [request.temperature for request in decoder.requests] == [0.0, 0.2, 0.4]
    assert [request.seed for request in decoder.requests] == [7, 8, 9]
    assert decoded.costs_ns == {"prefill": 3, "decode": 30}


def test_the_last_answer_stands():
    decoder = Answers(*[UNSURE] * 6)
    decoded = decode_with_fallback(decoder, FakeFeatures(), DecodeRequest(language="en"))
    assert decoded.temperature == 1.0
    assert not decoder.answers


def test_needs_a_temperature():
    with pytest.raises(ValueError, match="temperature"):
        decode_with_fallback(
            Answers(), FakeFeatures(), DecodeRequest(language="en"), FallbackSettings(())
        )
