"""``bench``: cutting the clip, measuring an engine, judging what it means."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.checkpoints import make_random_checkpoint

from live_whisper.clock import VirtualClock
from live_whisper.config.schema import Config
from live_whisper.errors import InputError
from live_whisper.runtime.bench import Bench, Clip, is_live, load_clip, verdict
from live_whisper.runtime.engine_speed import (
    PREFILL_TOKENS,
    SIZES,
    STEP_TOKENS,
    EngineSpeed,
    measure_speed,
)
from live_whisper.streaming.evaluation.report import Report
from live_whisper.streaming.evaluation.units import ReferenceWord
from live_whisper.whisper.checkpoint import load_checkpoint
from live_whisper.whisper.layout import expected_shapes

SECOND = 16_000
MS = 1_000_000


def clip() -> Clip:
    samples = np.arange(10 * SECOND, dtype=np.float32) / (10 * SECOND)
    words = (
        ReferenceWord("hello", 1 * SECOND, 2 * SECOND, "en"),
        ReferenceWord("there", 2 * SECOND, 3 * SECOND, "en"),
        ReferenceWord("안녕하세요", 5 * SECOND, 7 * SECOND, "ko"),
    )
    return Clip(samples, words)


def test_a_language_is_cut_out_with_its_silence_and_its_times_moved() -> None:
    whole = clip()
    assert whole.languages == ("en", "ko")
    english, korean = whole.part("en"), whole.part("ko")
    assert [word.text for word in english.words] == ["hello", "there"]
    assert len(english.samples) == 5 * SECOND + SECOND  # up to the Korean word, and a second
    assert korean.words[0].start == 2 * SECOND
    assert korean.samples[0] == whole.samples[3 * SECOND]
    assert not korean.samples[-SECOND:].any()


def test_the_first_seconds_end_with_a_whole_word() -> None:
    short = clip().first(2.5)
    assert [word.text for word in short.words] == ["hello"]
    assert len(short.samples) == 3 * SECOND


def test_a_clip_comes_with_its_word_times(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "c.flac", np.zeros(SECOND, np.float32), SECOND)
    rows = [{"text": "hi", "start": 0.25, "end": 0.5, "lang": "en"}]
    (tmp_path / "c.json").write_text(json.dumps(rows), "utf-8")
    loaded = load_clip(tmp_path / "c.flac")
    assert loaded.words == (ReferenceWord("hi", 4000, 8000, "en"),)
    assert len(loaded.samples) == SECOND
    (tmp_path / "c.json").write_text('[{"text": "hi"}]', "utf-8")
    with pytest.raises(InputError, match="no word times"):
        load_clip(tmp_path / "c.flac")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_random_checkpoint(tmp_path_factory.mktemp("random"), d_model=64, layers=1, heads=2)


def test_a_whole_bench_on_a_random_checkpoint(folder: Path, tmp_path: Path) -> None:
    config = Config.model_validate(
        {
            "engine": {"threads": 1, "audio_context": "fit"},
            "streaming": {"policy": "phrase"},
            "decoding": {"temperatures": [0.0]},
        }
    )
    bench = Bench.load(folder, config, fit=False)
    assert bench.fit
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, 3 * SECOND).astype(np.float32)
    heard = Clip(noise, (ReferenceWord("hello", SECOND, 2 * SECOND, "en"),))
    told: list[str] = []
    result = bench.run(heard, (), told.append)
    assert [live.language for live in result.live] == ["en"]
    report = result.live[0].report
    accounts = result.live[0].run.outcome.accounts
    assert accounts.captured == 3 * SECOND + SECOND
    assert accounts.undecoded == accounts.lost == 0
    assert report.offline_by_language is not None
    assert report.cost.engine_seconds == pytest.approx(result.live[0].run.engine_ns / 1e9)
    assert [positions for positions, _ in result.speed.encode_ns] == [300, 600, 1500]
    assert any("live" in text for text in told)


def test_costs_are_medians_without_the_first_call(folder: Path) -> None:
    clock = VirtualClock()
    checkpoint = load_checkpoint(folder)
    calls: list[int] = []

    class Session:
        length = 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def append(self, ids):
            clock.advance(len(ids) * MS)

    class Engine:
        dims = checkpoint.dims
        contexts = None

        @property
        def encoder(self):
            return self

        @property
        def decoder(self):
            return self

        def encode(self, mel):
            calls.append(mel.shape[1])
            slow = 50 if calls.count(mel.shape[1]) == 1 else 1
            clock.advance(slow * mel.shape[1] * MS)
            return mel

        def open(self, features, *, want_attention):
            return Session()

    found = measure_speed(Engine(), checkpoint, positions=(100, 50), rounds=3, clock=clock)
    assert found == EngineSpeed(((50, 100 * MS), (100, 200 * MS)), PREFILL_TOKENS * MS, MS)
    assert found.encode(75) == 150 * MS
    assert STEP_TOKENS * found.token_ns == STEP_TOKENS * MS


@pytest.mark.parametrize(
    ("name", "millions"),
    [("tiny", 39), ("base", 74), ("small", 244), ("medium", 769), ("large-v3-turbo", 809)],
)
def test_sizes_have_the_published_number_of_weights(name: str, millions: int) -> None:
    shapes = expected_shapes(SIZES[name].dims()).values()
    total = sum(int(np.prod(shape)) for shape in shapes)
    assert total / 1e6 == pytest.approx(millions, rel=0.04)


def test_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    from live_whisper.streaming.evaluation.judge import Said, judge
    from live_whisper.streaming.evaluation.report import Cost
    from live_whisper.types.events import Committed
    from live_whisper.types.text import Word

    def report(late: float, engine_seconds: float) -> Report:
        word = ReferenceWord("hi", 0, SECOND, "en")
        at = round((1 + late) * SECOND)
        events = [Committed(at, (Word(" hi", 0, SECOND),))]
        return judge(Said((word,), 10 * SECOND), events, Cost(10.0, engine_seconds))

    assert is_live(report(0.8, 3.0))
    assert verdict(report(0.8, 3.0), "align_att") == "live"
    assert not is_live(report(0.8, 11.0))
    assert verdict(report(4.0, 3.0), "phrase") == "phrase by phrase"
    assert verdict(report(4.0, 9.0), "phrase") == "too slow"
