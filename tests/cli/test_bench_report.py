"""What ``live-whisper bench`` prints and writes, for a result made by hand."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from live_whisper.cli.bench import Outputs, as_document
from live_whisper.cli.bench_report import print_result, standing
from live_whisper.config.schema import Config
from live_whisper.errors import OutputError
from live_whisper.runtime.bench import BenchResult, LiveResult
from live_whisper.runtime.engine_speed import EngineSpeed
from live_whisper.runtime.estimates import Estimate
from live_whisper.runtime.lane import Accounts
from live_whisper.runtime.rehearsal import Rehearsed
from live_whisper.runtime.session import Outcome
from live_whisper.streaming.evaluation.judge import Said, judge
from live_whisper.streaming.evaluation.report import Cost
from live_whisper.streaming.evaluation.units import ReferenceWord
from live_whisper.types.events import Committed
from live_whisper.types.text import Word

Run = Callable[..., tuple[int, str, str]]
SECOND = 16_000
SPEED = EngineSpeed(((300, 5_000_000), (1500, 40_000_000)), 2_000_000, 1_500_000)


def live(language: str, late: float) -> LiveResult:
    """One word of two, published ``late`` seconds after it ended."""
    said = tuple(
        ReferenceWord(t, i * SECOND, (i + 1) * SECOND, language) for i, t in enumerate("ab")
    )
    at = round((1 + late) * SECOND)
    events = (Committed(at, (Word(" a", 0, SECOND),), heard=at),)
    cost = Cost(10.0, engine_seconds=2.0, cpu_seconds=3.0, peak_memory_bytes=100_000_000)
    report = judge(Said(said, 10 * SECOND), events, cost, offline={language: 50.0})
    accounts = Accounts(10 * SECOND, 10 * SECOND, 0, 0, 0)
    outcome = Outcome(accounts, 10 * SECOND, 1, late, late, 0.2, language, "end of input")
    run = Rehearsed(events, (at * 62_500,), outcome, 2 * 10**9, (10**9, 10**9))
    return LiveResult(language, report, run)


def result(*late: float) -> BenchResult:
    runs = tuple(live(code, delay) for code, delay in zip(("en", "ko"), late, strict=False))
    slow = Estimate("base", "full", SPEED, 1.2, 2.0, 0.4, 2.8, 5.6, "phrase", "phrase by phrase")
    good = Estimate("base", "fit", SPEED, 0.2, 0.3, 0.5, 0.7, 1.0, "align_att", "live")
    return BenchResult("Engine X", SPEED, runs, (slow, good), 42.0)


def printed(found: BenchResult) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    print_result(console, found)
    return console.export_text()


def test_where_the_machine_stands_comes_first() -> None:
    text = printed(result(0.5, 0.8))
    assert text.startswith("This model is live on this machine: half of the words are final 0.8 s")
    assert "busy 20 % of the time" in " ".join(text.split())


def test_what_is_off_target_is_marked() -> None:
    assert "*" not in printed(result(0.5, 0.55))
    lines = printed(result(0.5, 1.5)).splitlines()
    row = next(line for line in lines if "half of the words are final within" in line)
    assert row.split("within")[1].split()[:5] == ["0.50", "s", "*", "1.50", "s"]
    assert any("*: off target" in line for line in lines)


def test_every_figure_has_its_unit_and_fits_a_narrow_terminal() -> None:
    lines = printed(result(0.5, 0.8)).splitlines()
    row = next(line for line in lines if "half of the words are final within" in line)
    assert row.split("within")[1].split() == ["0.50", "s", "0.80", "s", "≤", "0.90", "s"]
    assert any("words wrong (Korean: characters), live" in line for line in lines)
    model = next(line for line in lines if "acft-base" in line)
    assert model.split()[-1] == "live"
    assert max(map(len, lines)) <= 80


def test_a_model_that_is_too_slow_or_says_nothing() -> None:
    assert next(standing(result(6.0))).startswith("This model is not live on this machine")
    silent = result(0.5)
    report = judge(Said((), SECOND), (), Cost(1.0))
    runs = (LiveResult("en", report, silent.live[0].run),)
    nothing = BenchResult("X", SPEED, runs, (), 1.0)
    assert list(standing(nothing)) == ["No word of the clip was recognised."]
    assert "–" in printed(nothing)


def test_json_has_the_bars_and_the_advice() -> None:
    document = json.loads(json.dumps(as_document(result(0.5, 0.8), "demo")))
    bars = {bar["name"]: bar for bar in document["live"]["ko"]["bars"]}
    assert bars["commit latency p50"] == {
        "name": "commit latency p50", "value": 0.8, "limit": 0.9, "unit": "s", "met": True,
    }  # fmt: skip
    assert [item["model"] for item in document["estimates"]] == ["base", "acft-base"]
    assert document["estimates"][1]["step_seconds"] == 0.3
    assert document["advice"][0].startswith("Live here: acft-base.")


def test_an_event_log_for_each_language(run: Run, tmp_path: Path) -> None:
    outputs = Outputs(log_path=tmp_path / "run.jsonl")
    outputs.check()
    outputs.write(result(0.5, 0.8), "demo", Config())
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == [
        "run-en.jsonl",
        "run-ko.jsonl",
    ]
    status, out, _ = run("recordings", "stats", str(tmp_path / "run-ko.jsonl"))
    assert status == 0
    assert "0.80 s for half" in out
    Outputs(log_path=tmp_path / "one.jsonl").write(result(0.5), "demo", Config())
    assert (tmp_path / "one.jsonl").is_file()


def test_unusable_names_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    for outputs, said in (
        (Outputs(json_path=tmp_path), "is a folder"),
        (Outputs(log_path=tmp_path / "no" / "x.jsonl"), "no folder to be in"),
    ):
        with pytest.raises(OutputError, match=said):
            outputs.check()


def test_a_picture_has_a_kind_that_can_be_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(OutputError, match="no kind of picture"):
        Outputs(plot_path=tmp_path / "x.docx").check()
    outputs = Outputs(plot_path=tmp_path / "x.png")
    outputs.check()
    outputs.write(result(0.5, 0.8), "demo", Config())
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
