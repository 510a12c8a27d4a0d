"""Whole runs with a scripted recognizer: real threads, real files, no model."""

import json
from pathlib import Path

import numpy as np
import pysubs2
import pytest
from support.scripted_recognizer import Script, ScriptedRecognizer, load_scripted, sentence

from live_whisper.audio.source import SourceChunk
from live_whisper.config.schema import Config
from live_whisper.errors import EngineError, InputError, OutputError
from live_whisper.runtime.captioner import Captioner, Request
from live_whisper.runtime.inputs import Input
from live_whisper.runtime.ports import RecognizerPort, ThreadPort
from live_whisper.runtime.worker import ProcessPort
from live_whisper.types.audio import Samples, Span
from live_whisper.types.events import Committed, Event, SessionEnded
from live_whisper.units import SAMPLE_RATE

NS = 1_000_000_000


def speech_like(seconds: float, seed: int = 0) -> Samples:
    """Noise bursts in syllables of a voiced pitch: enough for the gate to open."""
    n = round(seconds * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    rng = np.random.default_rng(seed)
    voice = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 25))
    envelope = 0.25 + 0.75 * np.clip(np.sin(2 * np.pi * 3 * t), 0, 1)
    return (0.1 * voice * envelope + 0.002 * rng.standard_normal(n)).astype(np.float32)


class ArraySource:
    """Samples from memory, in chunks, as fast as they are read."""

    name = "array"
    live = False

    def __init__(self, samples: Samples, *, step: int = 8000, gap: Span | None = None) -> None:
        self._samples, self._step, self._gap = samples, step, gap
        self._at = 0
        self._stopped = False
        self.on_read = lambda at: None

    def open(self) -> None: ...

    def read(self, timeout_ns: int) -> SourceChunk:
        self.on_read(self._at)
        start = self._at
        block = (
            self._samples[start : start + self._step]
            if not self._stopped
            else np.empty(0, np.float32)
        )
        self._at += len(block)
        gaps = (self._gap,) if self._gap and start <= self._gap.start < self._at else ()
        ended = self._stopped or self._at >= len(self._samples)
        return SourceChunk(start, block.astype(np.float32), gaps=gaps, ended=ended)

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None: ...


class Collector:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None: ...


def meeting() -> tuple[Samples, Script]:
    """Three sentences with pauses; words lie where the gate hears something."""
    silence = np.zeros(SAMPLE_RATE * 2, np.float32)
    audio = np.concatenate([silence, speech_like(3), silence, speech_like(3, 1), silence])
    words = (*sentence(2 * SAMPLE_RATE, 9, name="a"), *sentence(7 * SAMPLE_RATE, 9, name="b"))
    return audio, Script(words)


def captioner(
    tmp_path: Path, source: ArraySource, port: RecognizerPort, *displays: Collector
) -> Captioner:
    config = Config.model_validate(
        {
            "recognition": {"language": "en"},
            "output": {"files": [str(tmp_path / "out.srt"), str(tmp_path / "out.json")]},
        }
    )
    return Captioner(
        Request(
            config,
            Input(source),
            port,
            model_name="scripted",
            displays=displays,
            recordings=tmp_path / "recordings",
        )
    )


def texts(collector: Collector) -> list[str]:
    return [
        word.text.strip()
        for event in collector.events
        if isinstance(event, Committed)
        for word in event.words
    ]


def test_a_run_writes_every_word_and_accounts_for_every_sample(tmp_path: Path) -> None:
    audio, script = meeting()
    seen = Collector()
    run = captioner(
        tmp_path, ArraySource(audio), ThreadPort(lambda: ScriptedRecognizer(script)), seen
    )
    summary = run.run()
    assert texts(seen) == [word.text.strip() for word in script.words]
    assert summary.captured_samples == len(audio)
    assert summary.lost_samples == 0
    assert summary.decoded_samples + summary.silent_samples == len(audio)
    assert summary.words == len(script.words)
    subtitles = pysubs2.load(str(tmp_path / "out.srt"))
    assert " ".join(line.plaintext for line in subtitles).split() == texts(seen)
    assert len(subtitles) == summary.cues
    assert (tmp_path / "out.srt").stat().st_mode & 0o777 == 0o600
    document = json.loads((tmp_path / "out.json").read_text())
    assert document
    assert isinstance(seen.events[-1], SessionEnded)
    assert seen.events[-1].summary == summary
    recording = run.recording
    assert recording.meta().clean
    assert not list(recording.path.glob("audio-*.wav"))


def test_a_device_gap_is_counted_as_lost_and_times_hold(tmp_path: Path) -> None:
    audio, script = meeting()
    gap = Span(80_000, 96_000)  # within the pause
    summary = captioner(
        tmp_path, ArraySource(audio, gap=gap), ThreadPort(lambda: ScriptedRecognizer(script))
    ).run()
    assert summary.lost_samples == gap.length
    total = summary.decoded_samples + summary.silent_samples + summary.lost_samples
    assert total == summary.captured_samples == len(audio)
    assert summary.words == len(script.words)


def test_stopping_decodes_what_was_heard(tmp_path: Path) -> None:
    audio, script = meeting()
    source = ArraySource(audio)
    run = captioner(tmp_path, source, ThreadPort(lambda: ScriptedRecognizer(script)))
    source.on_read = lambda at: at >= 6 * SAMPLE_RATE and run.stop()
    summary = run.run()
    assert summary.captured_samples == 6 * SAMPLE_RATE
    assert summary.words == 9
    assert summary.undecoded_samples == 0
    assert run.recording.meta().clean


def test_stopping_twice_leaves_the_rest_for_recovery(tmp_path: Path) -> None:
    audio, script = meeting()
    source = ArraySource(audio)
    run = captioner(tmp_path, source, ThreadPort(lambda: ScriptedRecognizer(script)))

    def stop_twice(at: int) -> None:
        if at >= 3 * SAMPLE_RATE:
            run.stop()
            run.stop()

    source.on_read = stop_twice
    summary = run.run()
    assert summary.undecoded_samples > 0
    parts = (
        summary.decoded_samples
        + summary.silent_samples
        + summary.lost_samples
        + summary.undecoded_samples
    )
    assert parts == summary.captured_samples
    assert not run.recording.meta().clean
    assert list(run.recording.path.glob("audio-*.wav"))


@pytest.mark.slow
def test_a_killed_worker_costs_nothing(tmp_path: Path) -> None:
    audio, script = meeting()
    marker = tmp_path / "kill"
    source = ArraySource(audio)
    source.on_read = lambda at: marker.touch() if at in (4 * SAMPLE_RATE, 9 * SAMPLE_RATE) else None
    seen = Collector()
    script = Script(script.words, str(marker))
    port = ProcessPort(load_scripted, script, hang_ns=60 * NS)
    summary = captioner(tmp_path, source, port, seen).run()
    assert texts(seen) == [word.text.strip() for word in script.words]
    assert summary.lost_samples == 0
    notices = [event for event in seen.events if "SIGKILL" in getattr(event, "message", "")]
    assert len(notices) == 2


def test_a_recognizer_that_always_fails_ends_the_run_and_keeps_the_audio(tmp_path: Path) -> None:
    audio, _ = meeting()

    class Broken(ScriptedRecognizer):
        def recognize(self, request: object, samples: object) -> object:  # type: ignore[override]
            raise RuntimeError("segment fault")

    run = captioner(tmp_path, ArraySource(audio), ThreadPort(lambda: Broken(Script(()))))
    with pytest.raises(EngineError, match="5 times in a row"):
        run.run()


def test_an_existing_output_is_refused_and_untouched(tmp_path: Path) -> None:
    audio, script = meeting()
    (tmp_path / "out.srt").write_text("mine")
    with pytest.raises(OutputError, match="already exists"):
        captioner(tmp_path, ArraySource(audio), ThreadPort(lambda: ScriptedRecognizer(script)))
    assert (tmp_path / "out.srt").read_text() == "mine"
    assert not list((tmp_path / "recordings").iterdir())


def test_an_input_that_cannot_be_opened_leaves_nothing_behind(tmp_path: Path) -> None:
    class Missing(ArraySource):
        def open(self) -> None:
            raise InputError("There is no such file.")

    audio, script = meeting()
    with pytest.raises(InputError):
        captioner(tmp_path, Missing(audio), ThreadPort(lambda: ScriptedRecognizer(script))).run()
    assert not (tmp_path / "out.srt").exists()
    assert not list((tmp_path / "recordings").iterdir())
