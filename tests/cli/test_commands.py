"""Commands that need no microphone, as a user runs them."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pysubs2
import pytest
import soundfile

from live_whisper.cli.refine import Options
from live_whisper.cli.settings import settings
from live_whisper.cli.transcribe import longform_settings
from live_whisper.config.load import known_keys
from live_whisper.config.schema import Config
from live_whisper.decoding import BeamSettings
from live_whisper.whisper.checkpoint import load_checkpoint

Run = Callable[..., tuple[int, str, str]]


def test_config_show_is_a_file_that_can_be_used(run: Run) -> None:
    status, out, _ = run("config", "show", "--set", "vad.hangover_ms=700")
    assert status == 0
    shown = tomllib.loads(out)
    assert shown["vad"]["hangover_ms"] == 700
    assert sorted(f"{a}.{b}" for a in shown for b in shown[a]) == sorted(known_keys())


def test_config_show_says_where_a_value_came_from(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "home" / "live-whisper"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("[streaming]\nstep_ms = 555\n")
    monkeypatch.setenv("LIVE_WHISPER_VAD__PRE_ROLL_MS", "123")
    _, out, _ = run("config", "show", "--origin", "--profile", "meeting")
    assert f"step_ms = 555  # {folder / 'config.toml'}" in out
    assert "pre_roll_ms = 123  # LIVE_WHISPER_VAD__PRE_ROLL_MS" in out
    assert "meeting.toml" in out
    assert 'policy = "align_att"  # ' in out


def test_models_lists_what_is_there_and_what_could_be(run: Run) -> None:
    status, out, _ = run("models")
    assert status == 0
    names = [line.split("\t")[1] for line in out.splitlines()]
    assert {"demo", "base", "large-v3-turbo", "acft-base"} <= set(names)


def test_models_verify_without_models(run: Run) -> None:
    status, out, _ = run("models", "verify")
    assert (status, out.strip()) == (0, "No models are on disk.")


def test_transcribe_writes_every_format_asked_for(run: Run, checkpoint: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write("a.wav", 0.1 * rng.standard_normal(32_000), 16_000)
    soundfile.write("b.flac", 0.1 * rng.standard_normal(16_000), 16_000)
    status, _, err = run(
        "transcribe", "a.wav", "b.flac", "--model", str(checkpoint), "--lang", "en",
        "-o", ".srt", "-o", ".json", "--set", "decoding.temperatures=[0.0]",
    )  # fmt: skip
    assert status == 0, err
    for stem in ("a", "b"):
        pysubs2.load(f"{stem}.srt")
        assert json.loads(Path(f"{stem}.json").read_text(encoding="utf-8"))["title"] == stem


def test_the_beam_option_is_a_setting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int | None] = []

    def transcribed(config: Config, *args: object, **options: object) -> int:
        sizes.append(config.decoding.beam_size)
        return 0

    def refined(name: str, options: Options, *args: object) -> int:
        sizes.append(options.beam)
        return 0

    monkeypatch.setattr("live_whisper.cli.transcribe.run_transcribe", transcribed)
    monkeypatch.setattr("live_whisper.cli.refine.run_refine", refined)
    for command in ("transcribe", "refine"):
        for beam in ((), ("--beam", "4")):
            assert run(command, "name", *beam)[0] == 0
    assert sizes == [1, 4, None, 4]


@pytest.mark.parametrize(
    ("decoding", "refined", "beam"),
    [
        ({}, False, None),
        ({}, True, BeamSettings(5)),
        ({"refine_beam_size": 1}, True, None),
        ({"beam_size": 3, "patience": 2.0}, False, BeamSettings(3, 2.0)),
        ({"beam_size": 3, "length_penalty": 0.5}, True, BeamSettings(5, 1.0, 0.5)),
    ],
)
def test_beam_settings_reach_the_decoder(
    checkpoint: Path, decoding: dict[str, object], refined: bool, beam: BeamSettings | None
) -> None:
    config = Config.model_validate({"decoding": decoding})
    size = config.decoding.refine_beam_size if refined else None
    assert longform_settings(config, load_checkpoint(checkpoint), beam_size=size).beam == beam


@pytest.mark.parametrize(
    ("carry", "short", "carried"),
    [
        ("auto", False, True),
        ("auto", True, False),
        ("always", True, True),
        ("never", False, False),
    ],
)
def test_what_was_said_before_is_given_on(
    checkpoint: Path, carry: str, short: bool, carried: bool
) -> None:
    config = Config.model_validate({"streaming": {"carry_prompt": carry}})
    settings = longform_settings(config, load_checkpoint(checkpoint, short_context=short))
    assert settings.condition_on_previous_text is carried


@pytest.mark.parametrize("name", ["Korean", "ko-KR", "KO"])
def test_languages_become_codes_wherever_they_are_given(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen(**layers: object) -> str:
        return settings(**layers).config.recognition.language

    assert chosen(options={"recognition.language": name}) == "ko"
    assert chosen(assignments=[f"recognition.language={name}"]) == "ko"
    monkeypatch.setenv("LIVE_WHISPER_RECOGNITION__LANGUAGE", name)
    monkeypatch.setenv("LIVE_WHISPER_RECOGNITION__CANDIDATE_LANGUAGES", f'["{name}", "ko"]')
    assert chosen() == "ko"
    assert settings().config.recognition.candidate_languages == ("ko",)


@pytest.mark.parametrize(
    "names", [("bad.wav", "good.wav"), ("good.wav", "bad.wav"), ("good.wav", "nofile.wav")]
)
def test_a_file_that_cannot_be_read_costs_the_others_nothing(
    run: Run, checkpoint: Path, names: tuple[str, str]
) -> None:
    Path("bad.wav").write_bytes(bytes(range(256)) * 8)
    soundfile.write("good.wav", np.zeros(16_000), 16_000)
    status, _, err = run(
        "transcribe", *names, "--model", str(checkpoint), "--lang", "en",
        "-o", ".vtt", "--set", "decoding.temperatures=[0.0]",
    )  # fmt: skip
    (bad,) = set(names) - {"good.wav"}
    assert status == 3
    assert bad in err
    assert Path("good.vtt").exists()
    assert not Path(bad).with_suffix(".vtt").exists()


def test_several_files_into_one_name_are_refused(run: Run, checkpoint: Path) -> None:
    status, _, err = run("transcribe", "a.wav", "b.wav", "--model", str(checkpoint), "-o", "x.srt")
    assert status == 2
    assert "-o .srt" in err


def test_convert_writes_core_ml_packages(run: Run, checkpoint: Path) -> None:
    status, out, err = run("models", "convert", str(checkpoint), "-o", "packages")
    assert status == 0, err
    for line in out.splitlines():
        assert Path(line).suffix == ".mlpackage"
        assert Path(line).is_dir()
    assert Path("packages/manifest.json").is_file()


def test_help_imports_nothing_heavy() -> None:
    """What makes ``--help`` slow is imports: none of these belongs to the option parser."""
    heavy = ("numpy", "onnxruntime", "onnx", "av", "sounddevice", "pydantic", "coremltools", "rich")
    code = (
        "import sys; from live_whisper.cli import app, main\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_onnx_runtime_reports_to_nobody(checkpoint: Path, tmp_path: Path) -> None:
    """From 1.32 on it keeps a device id and events in the user's cache, and sends them."""
    code = (
        "import sys, os; from pathlib import Path\n"
        "from live_whisper.engines.onnx.engine import OnnxEngine\n"
        "from live_whisper.whisper.checkpoint import load_checkpoint\n"
        "OnnxEngine.load(load_checkpoint(Path(sys.argv[1]))).close()\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])\n"
    )
    home = {"HOME": str(tmp_path / "own"), "XDG_CACHE_HOME": str(tmp_path / "own" / ".cache")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(checkpoint)],
        capture_output=True, text=True, check=True, env={**os.environ, **home},
    )  # fmt: skip
    assert done.stdout == "1\n"
    assert not list((tmp_path / "own").rglob("*icrosoft*"))


def test_a_microphone_is_not_ignored_beside_a_file(run: Run, checkpoint: Path) -> None:
    status, _, err = run("--model", str(checkpoint), "-i", "a.wav", "-d", "mic")
    assert (status, "exclude each other" in err) == (2, True)
    status, _, err = run("--model", str(checkpoint), "-d", "mic", "-d", "mic")
    assert (status, "named twice" in err) == (2, True)
