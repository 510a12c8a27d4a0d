"""Every check says what it found, or what is missing and what to do."""

from pathlib import Path

import numpy as np
import pytest

from live_whisper.cli import doctor
from live_whisper.cli.doctor import Finding, judge_level
from live_whisper.config.schema import Config
from live_whisper.errors import DeviceError

MICROPHONE = "microphone"


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has for a sound card."""
    checks = dict(doctor.CHECKS) | {MICROPHONE: lambda _: Finding("'Desk', peak -20 dBFS.")}
    monkeypatch.setattr(doctor, "CHECKS", tuple(checks.items()))


def lines(out: str) -> dict[str, str]:
    """Mark and text by the check's name."""
    return {row[6:16].strip(): f"{row[:4].strip()} {row[18:]}" for row in out.splitlines()}


def test_all_is_well(run, checkpoint: Path) -> None:
    status, out, err = run("doctor", "--model", str(checkpoint), "--lang", "ko")
    found = lines(out)
    assert (status, err) == (0, "")
    assert list(found) == [
        "program",
        "settings",
        MICROPHONE,
        "model",
        "engine",
        "recordings",
        "terminal",
    ]
    assert all(text.startswith("ok ") for text in found.values()), found
    assert str(checkpoint) in found["model"]


def test_the_first_failure_is_the_status_and_the_rest_is_still_tried(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: object) -> Finding:
        raise DeviceError("No input device was found.", hint="Connect one.")

    checks = dict(doctor.CHECKS) | {MICROPHONE: missing}
    monkeypatch.setattr(doctor, "CHECKS", tuple(checks.items()))
    status, out, _ = run("doctor")
    found = lines(out)
    assert status == 4
    assert found[MICROPHONE] == "FAIL No input device was found. Connect one."
    assert found["model"].startswith("FAIL No model is chosen")
    assert found["recordings"].startswith("ok")


def test_every_device_is_heard(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def heard(config: Config) -> Finding:
        return Finding(f"{config.audio.device!r}, peak -20 dBFS.")

    checks = dict(doctor.CHECKS) | {MICROPHONE: heard}
    monkeypatch.setattr(doctor, "CHECKS", tuple(checks.items()))
    _, out, _ = run("doctor", "--model", "demo", "--device", "mic", "--device", "system")
    assert [row[18:] for row in out.splitlines() if MICROPHONE in row] == [
        "'mic', peak -20 dBFS.",
        "'system', peak -20 dBFS.",
    ]


def test_a_language_the_model_lacks(run) -> None:
    status, out, _ = run("doctor", "--model", "demo", "--lang", "fr")
    assert status == 2
    assert "french" in lines(out)["model"]


def test_the_demo_is_for_trying_only(run) -> None:
    status, out, _ = run("doctor", "--model", "demo")
    assert status == 0
    assert lines(out)["model"].startswith("note demo")


def test_recordings_that_cannot_be_written(run, tmp_path: Path, checkpoint: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = f"output.recordings={tmp_path / 'file' / 'recordings'}"
    status, out, _ = run("doctor", "--model", str(checkpoint), "--set", folder)
    assert status == 6
    assert lines(out)["recordings"].startswith("FAIL Recordings cannot be written to")


@pytest.mark.parametrize(
    ("samples", "text", "advice"),
    [
        (np.zeros(0), "gave no sound", "monitor"),
        (np.zeros(100), "digital silence", "muted"),
        (np.full(100, 0.1), "peak -20 dBFS", ""),
        (np.ones(100), "peak 0 dBFS", "clips"),
    ],
)
def test_what_a_level_says(samples: np.ndarray, text: str, advice: str) -> None:
    found = judge_level("'Desk'", samples.astype(np.float32))
    assert text in found.text
    assert advice in found.advice
    assert bool(advice) == bool(found.advice)
