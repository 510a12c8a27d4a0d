"""Folders that vanish under a running program, and what is left behind by runs that were killed."""

import json
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pysubs2
import pytest

from live_whisper.runtime.tidy import clear_leftovers
from live_whisper.streaming.recording import recordings

DEADLINE_S = 40.0


def events_until(process: "subprocess.Popen[str]", words: int) -> None:
    """Read until so many words were committed."""
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "committed":
            words -= len(event["words"])
        if words <= 0:
            return
    raise AssertionError(process.stderr.read())


def captions(path: Path) -> list[str]:
    return " ".join(line.plaintext for line in pysubs2.load(str(path), format_="srt")).split()


def interrupted(process: "subprocess.Popen[str]") -> tuple[int, dict, str]:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE_S)
    events = [json.loads(line) for line in out.splitlines()]
    # what a file has to say may come after the end
    summary = next(event["summary"] for event in reversed(events) if "summary" in event)
    return process.returncode, summary, err


def root(tmp_path: Path) -> Path:
    return tmp_path / "state" / "live-whisper" / "recordings"


@pytest.fixture
def running(program, tmp_path: Path):
    """A paced run that writes into a folder of its own."""
    (tmp_path / "out").mkdir()
    outputs = ["-o", str(tmp_path / "out" / "m.srt"), "-o", str(tmp_path / "out" / "m.json")]
    command = program.arguments(*outputs, "-f", "jsonl", pace="realtime")
    with program.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        events_until(process, 3)
        yield process
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["deleted", "moved away"])
def test_an_output_folder_that_never_comes_back(how, running, program, tmp_path: Path) -> None:
    if how == "deleted":
        shutil.rmtree(tmp_path / "out")
    else:
        (tmp_path / "out").rename(tmp_path / "elsewhere")
    events_until(running, 12)
    status, summary, err = interrupted(running)
    assert status == 6, err
    assert "Traceback" not in err
    said = program.meeting.text_until(summary["captured_samples"]).split()
    (folder,) = recordings(root(tmp_path))
    for name in ("m.srt", "m.json"):
        place = folder.path / name
        assert f"The captions of {tmp_path / 'out' / name} are in {place}." in err
        assert f"saved: {place}" in err or name == "m.json"
    assert captions(folder.path / "m.srt") == said
    assert json.loads((folder.path / "m.json").read_text())["cues"]
    assert folder.meta().clean, "nothing is owed any more"
    assert folder.parts() == []


@pytest.mark.slow
def test_an_output_folder_that_comes_back(running, program, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "out")
    events_until(running, 12)
    (tmp_path / "out").mkdir()
    status, summary, err = interrupted(running)
    assert status == 0, err
    said = program.meeting.text_until(summary["captured_samples"]).split()
    assert captions(tmp_path / "out" / "m.srt") == said


@pytest.mark.slow
@pytest.mark.parametrize("how", ["deleted", "moved away"])
def test_the_recordings_vanish(how, running, program, tmp_path: Path) -> None:
    """Captions go on and the subtitle file is whole; the status says that something is missing."""
    if how == "deleted":
        shutil.rmtree(root(tmp_path))
    else:
        root(tmp_path).rename(tmp_path / "elsewhere")
    events_until(running, 12)
    status, summary, err = interrupted(running)
    assert status == 6, err
    assert "Traceback" not in err
    said = program.meeting.text_until(summary["captured_samples"]).split()
    assert captions(tmp_path / "out" / "m.srt") == said
    assert "cannot be" in err


KILLED_THERE = """
import os, pathlib, runpy, signal, sys
from live_whisper.streaming.recording import RecordingFolder
mark = RecordingFolder.mark_finished
def mark_and_die(self):
    mark(self)
    os.kill(os.getpid(), signal.SIGKILL)
RecordingFolder.mark_finished = mark_and_die
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def killed(program, tmp_path: Path):
    """A run that was killed after its recording was finished, before its audio was deleted."""
    python, *command = program.arguments("-o", str(tmp_path / "m.srt"), "-f", "jsonl")
    done = program.run([python, "-c", KILLED_THERE, *command])
    assert done.returncode == -signal.SIGKILL, done.stderr
    (folder,) = recordings(root(tmp_path))
    assert folder.meta().clean
    assert folder.parts()
    return folder


def test_audio_left_by_a_kill_is_cleared_by_recover(killed, program) -> None:
    done = program.recover()
    assert done.returncode == 0, done.stderr
    assert killed.name in done.stderr
    assert "left behind is deleted" in done.stderr
    assert killed.parts() == []
    assert killed.journal.exists()
    assert "left behind" not in program.recover().stderr


def test_audio_left_by_a_kill_is_cleared_by_the_next_run(killed, program, tmp_path: Path) -> None:
    done = program.run(program.arguments("-o", str(tmp_path / "n.srt"), "-f", "plain"))
    assert done.returncode == 0, done.stderr
    assert f"audio left behind by {killed.name}" in done.stderr
    assert killed.parts() == []


def test_audio_of_others_is_let_alone(killed, program) -> None:
    """Of a recording that is in use, and of one that did not end well."""
    assert killed.acquire()
    assert clear_leftovers(killed.path.parent) == []
    killed.release()
    killed.write_meta(replace(killed.meta(), clean=False))
    assert clear_leftovers(killed.path.parent) == []
    assert killed.parts()
    killed.write_meta(replace(killed.meta(), clean=True))
    assert clear_leftovers(killed.path.parent) == [killed.name]
    assert clear_leftovers(killed.path.parent / "missing") == []
