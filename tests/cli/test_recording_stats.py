"""``live-whisper recordings stats`` and the event log it can read."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from live_whisper.streaming.recording import RecordingFolder, RecordingMeta
from live_whisper.streaming.sinks.journal import JournalSink
from live_whisper.types.events import Committed, SessionStarted
from live_whisper.types.text import Word

Run = Callable[..., tuple[int, str, str]]
SECOND = 16_000


@pytest.fixture
def recording(tmp_path: Path) -> RecordingFolder:
    meta = RecordingMeta("Microphone", "base", "en", "transcribe", 1)
    folder = RecordingFolder.create(meta, tmp_path / "kept")
    journal = JournalSink(folder.journal)
    journal.handle(SessionStarted(0, folder.name, "Microphone", "base", "en", "transcribe", 1))
    words = (Word(" Hello", SECOND, 2 * SECOND), Word(" there\x1b[31m", 2 * SECOND, 3 * SECOND))
    for label in ("me", "them"):
        journal.handle(Committed(4 * SECOND, words, source=label, heard=4 * SECOND))
    journal.close()
    folder.release()
    return folder


def test_a_recording_by_its_name(run: Run, recording: RecordingFolder) -> None:
    root = str(recording.path.parent)
    status, out, err = run("recordings", "stats", recording.name[:10], "--recordings", root)
    assert (status, err) == (0, "")
    assert "cut off" in out
    assert out.count("1.50 s for half, 1.95 s for 95 %, 2.00 s at most") == 4
    assert "input:               them" in out
    assert "first-seen latency and erasure: a journal holds no guesses" in out
    assert "\x1b" not in out


def test_a_journal_file_and_json(run: Run, recording: RecordingFolder) -> None:
    status, _, _ = run("recordings", "stats", str(recording.journal), "--json", "out.json")
    assert status == 0
    found = json.loads(Path("out.json").read_text("utf-8"))
    assert [item["label"] for item in found["inputs"]] == ["me", "them"]
    assert found["inputs"][0]["commit"]["largest"] == 2.0


def test_bad_arguments_are_one_line(run: Run, recording: RecordingFolder) -> None:
    Path("notes.txt").write_text("nothing\n")
    Path("truth.json").write_text('[{"text": "Hello", "start": 1, "end": 2}]')
    for arguments, status, said in (
        (("nothing",), 2, "No recording is called"),
        (("notes.txt",), 3, "neither a journal nor an event log"),
        ((str(recording.journal), "--truth", "notes.txt"), 3, "no word times"),
        ((str(recording.journal), "--truth", "truth.json"), 3, "2 inputs"),
        ((str(recording.journal), "--json", "no/where.json"), 6, "no/where.json"),
    ):
        found, _, err = run("recordings", "stats", *arguments)
        assert err.count("\n") == 1, arguments
        assert said in err
        assert found == status, arguments


def test_a_live_run_writes_the_log_it_is_told_to(run: Run, checkpoint: Path) -> None:
    tone = 0.2 * np.sin(np.arange(3 * SECOND) * 0.05)
    soundfile.write("a.wav", tone, SECOND)
    live = (
        "-i", "a.wav", "--pace", "fast", "--model", str(checkpoint), "--lang", "en",
        "--set", "engine.isolation=thread", "--set", "decoding.temperatures=[0.0]",
        "--set", "output.event_log=run.jsonl",
    )  # fmt: skip
    status, _, err = run(*live)
    assert status == 0, err
    names = [json.loads(line)["event"] for line in Path("run.jsonl").read_text().splitlines()]
    assert names[0] == "session_started"
    assert names[-1] == "session_ended"
    assert "progress" in names
    status, out, _ = run("recordings", "stats", "run.jsonl")
    assert status == 0
    assert "end of input" in out
    assert "largest backlog" in out
    status, _, err = run(*live)
    assert status == 6
    assert "'run.jsonl' already exists." in err
    assert run(*live, "--overwrite")[0] == 0


def test_a_run_that_never_began_leaves_no_log(run: Run, checkpoint: Path) -> None:
    soundfile.write("a.wav", np.zeros(SECOND), SECOND)
    Path("there.srt").touch()
    status, _, _ = run(
        "-i", "a.wav", "--model", str(checkpoint), "-o", "there.srt",
        "--set", "output.event_log=run.jsonl",
    )  # fmt: skip
    assert status == 6
    assert not Path("run.jsonl").exists()
