"""Runs on the virtual clock with a cost that is measured or given."""

import numpy as np
import pytest
from support.scripted_recognizer import Script, ScriptedRecognizer, sentence

from live_whisper.clock import VirtualClock
from live_whisper.config.schema import Config
from live_whisper.runtime.engine_speed import EngineSpeed
from live_whisper.runtime.rehearsal import Conditions, Recorded, Rehearsed, rehearse
from live_whisper.streaming.evaluation.judge import Said, judge
from live_whisper.streaming.evaluation.report import Cost
from live_whisper.streaming.evaluation.units import ReferenceWord
from live_whisper.streaming.window import Window, WindowRequest
from live_whisper.types.audio import Samples, Span
from live_whisper.types.events import Committed, Tentative
from live_whisper.types.text import Hypothesis
from live_whisper.units import SAMPLE_RATE

MS = 1_000_000


def speech_like(seconds: float) -> Samples:
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    voice = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 25))
    envelope = 0.25 + 0.75 * np.clip(np.sin(2 * np.pi * 3 * t), 0, 1)
    noise = np.random.default_rng(0).standard_normal(len(t))
    return (0.1 * voice * envelope + 0.002 * noise).astype(np.float32)


SILENCE = np.zeros(2 * SAMPLE_RATE, np.float32)
AUDIO = np.concatenate([SILENCE, speech_like(3), SILENCE])
WORDS = sentence(2 * SAMPLE_RATE, 9, name="a")
SAID = Said(
    tuple(ReferenceWord(word.text, word.start, word.end, "en") for word in WORDS), len(AUDIO)
)
CONFIG = Config.model_validate({"recognition": {"language": "en"}})


def run(conditions: Conditions, recognizer: ScriptedRecognizer | None = None) -> Rehearsed:
    recorded = Recorded(lambda span: AUDIO[span.start : span.end], len(AUDIO))
    return rehearse(recorded, recognizer or ScriptedRecognizer(Script(WORDS)), CONFIG, conditions)


def delay(found: Rehearsed) -> float:
    report = judge(SAID, found.events, Cost(len(AUDIO) / SAMPLE_RATE, found.engine_ns / 1e9))
    assert report.text.words.errors == 0
    assert report.delay.commit.p50 is not None
    return report.delay.commit.p50


def test_delay_grows_by_what_a_decode_is_said_to_cost() -> None:
    free = run(Conditions(cost=lambda *_: 0))
    slow = run(Conditions(cost=lambda *_: 150 * MS))
    assert delay(slow) - delay(free) == pytest.approx(0.15, abs=0.05)
    assert slow.engine_ns == 150 * MS * len(slow.costs_ns)
    assert slow.outcome.accounts.undecoded == 0


def test_the_same_cost_gives_the_same_run() -> None:
    first, second = (run(Conditions(cost=lambda *_: 90 * MS)) for _ in range(2))
    assert first.events == second.events
    assert first.published_ns == second.published_ns


def test_by_default_the_measured_time_is_charged() -> None:
    meter = VirtualClock()

    class Slow(ScriptedRecognizer):
        def recognize(self, request: WindowRequest, samples: Samples) -> Hypothesis:
            meter.advance(70 * MS)
            return super().recognize(request, samples)

    found = run(Conditions(meter=meter), Slow(Script(WORDS)))
    assert set(found.costs_ns) == {70 * MS}


def test_events_say_how_much_audio_they_were_decoded_from() -> None:
    found = run(Conditions(cost=lambda *_: 100 * MS))
    texts = [event for event in found.events if isinstance(event, Committed | Tentative)]
    assert texts
    for event in texts:
        assert 0 < event.heard <= event.at
        assert event.at - event.heard >= 0.07 * SAMPLE_RATE  # sound comes in blocks of 30 ms


def test_a_cost_model_charges_encoder_prefill_and_tokens() -> None:
    speed = EngineSpeed(((300, 10 * MS), (1500, 130 * MS)), prefill_ns=5 * MS, token_ns=2 * MS)
    request = WindowRequest(Window(Span(0, 10 * SAMPLE_RATE), final=False))
    answer = Hypothesis((), stable=0, language="en", decoded_tokens=9)
    full, fit = speed.cost(fit=False), speed.cost(fit=True)
    # 500 positions of audio, 64 of margin, rounded up to 600: 40 ms; 5 + 10 * 2 ms; 3 ms of mel
    assert fit(request, answer, 1) == (40 + 25 + 3) * MS
    assert full(request, answer, 1) == (130 + 25 + 3) * MS
