"""The program with a scripted recognizer, and the meeting it hears."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from support.meeting import Meeting, make_meeting, save  # noqa: E402


@dataclass(frozen=True)
class Program:
    """How to start ``live-whisper`` on a meeting whose words are known."""

    meeting: Meeting
    audio: Path
    command: list[str]
    environment: dict[str, str]

    def arguments(self, *options: str, pace: str = "fast") -> list[str]:
        return [
            *self.command, "--lang", "en", "-i", str(self.audio), "--pace", pace,
            "--set", "engine.isolation=thread", *options,
        ]  # fmt: skip

    def recover(self, *options: str) -> "subprocess.CompletedProcess[str]":
        return self.run([*self.command[:2], "recover", *options])

    def run(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    def start(self, command: list[str], **options: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(command, env=self.environment, text=True, **options)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A 40 s meeting; each decode takes 40 ms."""
    meeting = make_meeting(40.0)
    audio, words, model = tmp_path / "meeting.wav", tmp_path / "words.json", tmp_path / "model"
    save(audio, meeting)
    words.write_text(json.dumps([[w.text, w.start, w.end] for w in meeting.script.words]))
    model.mkdir()
    (model / "config.json").write_text("{}")
    command = [
        sys.executable, str(TESTS / "support" / "scripted_cli.py"), "--model", str(model),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "SCRIPTED_WORDS": str(words),
        "SCRIPTED_COST_MS": "40",
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    return Program(meeting, audio, command, environment)


@pytest.fixture(scope="session")
def kill_loop() -> ModuleType:
    """``benchmarks/kill_loop.py``."""
    path = TESTS.parent / "benchmarks" / "kill_loop.py"
    spec = importlib.util.spec_from_file_location("kill_loop", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["kill_loop"] = module
    spec.loader.exec_module(module)
    return module
