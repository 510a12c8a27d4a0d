"""``bench``: cutting the clip, measuring an engine, judging what it means."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.checkpoints import make_random_checkpoint

from live_whisper.clock import VirtualClock
from live_whisper.config.schema import Config
from live_whisper.errors import EngineError, InputError
from live_whisper.runtime.bench import Bench, Clip, load_clip, timed_events
from live_whisper.runtime.engine_speed import (
    PREFILL_TOKENS,
    SIZES,
    STEP_TOKENS,
    EngineSpeed,
    measure_size,
    measure_speed,
)
from live_whisper.runtime.estimates import Estimate, advice, is_live, next_size, verdict
from live_whisper.streaming.evaluation.past_run import read_past_run
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
    rows = [{"text": "hi", "start": 0.75, "end": 1.5, "lang": "en"}]
    for nothing in ([], rows):
        (tmp_path / "c.json").write_text(json.dumps(nothing), "utf-8")
        with pytest.raises(InputError, match="no words, or words after the end"):
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
    bench = Bench.load(folder, config, short_context=False)
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
    past = read_past_run(event for _, event in timed_events(result.live[0], config))
    assert (past.language, past.ended) == ("en", "end of input")
    assert past.audio_seconds == 4.0
    assert past.inputs[0].cues == report.timing.cue_count
    assert past.missing == ("memory: not recorded (benchmarks/soak.py measures it)",)


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


def estimate(size: str, context: str, found: str) -> Estimate:
    speed = EngineSpeed(((1500, 1),), 1, 1)
    return Estimate(size, context, speed, 0.5, 0.3, 0.5, 0.7, 1.0, "align_att", found)


def test_advice_names_models_one_can_get() -> None:
    table = [
        estimate("base", "full", "phrase by phrase"),
        estimate("base", "fit", "live"),
        estimate("small", "full", "too slow"),
        estimate("small", "fit", "too slow"),
        estimate("large-v3-turbo", "fit", "live"),  # no such checkpoint is published
    ]
    live, fair, slow = advice(table)
    assert live.startswith("Live here: acft-base. The largest is acft-base")
    assert fair.endswith("late: base (--policy phrase).")
    assert slow == "This machine is too slow for small and acft-small; try acft-base."


def test_advice_for_a_machine_that_is_too_slow() -> None:
    none, slow = advice([estimate("base", c, "too slow") for c in ("full", "fit")])
    assert none == "None of these models is live on this machine."
    assert slow.endswith("base and acft-base; try tiny (--size tiny measures it).")
    assert list(advice([estimate("tiny", "full", "too slow")]))[1].endswith("try the demo.")


def test_what_is_measured_after_base() -> None:
    assert next_size([estimate("base", "full", "too slow"), estimate("base", "fit", "live")]) == (
        "small"
    )
    assert next_size([estimate("base", "fit", "phrase by phrase")]) == "tiny"


def test_an_engine_needs_room_on_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    usage = shutil.disk_usage("/")._replace(free=10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(EngineError, match=r"large-v3-turbo needs 1\.\d GB for a while"):
        measure_size(SIZES["large-v3-turbo"], load_checkpoint(folder), threads=1, rounds=1)
