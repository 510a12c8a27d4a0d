"""Recording folders: private, listed, locked by the living."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from live_whisper.captions.writer import WriterOptions
from live_whisper.errors import InputError, OutputError, UsageError
from live_whisper.runtime.recover import Recovery
from live_whisper.streaming.recording import (
    RecordingFolder,
    RecordingMeta,
    default_root,
    find_recording,
    recordings,
    unfinished,
)
from live_whisper.streaming.sinks.captioning import OutputSpec

META = RecordingMeta(
    "Microphone 🎤",
    "demo",
    "ko",
    "transcribe",
    1_790_000_000_000_000_000,
    (OutputSpec(Path("/tmp/회의.srt"), WriterOptions(3, 160, words=True), 12),),
)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "state" / "recordings"


def test_a_new_folder(root):
    folder = RecordingFolder.create(META, root)
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", folder.name)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    for entry in folder.path.iterdir():
        assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    assert folder.meta() == META
    assert folder.journal == folder.path / "journal.jsonl"
    assert (folder.spool(0), folder.spools()) == (folder.path, [folder.path])
    assert folder.size_bytes() > 0
    folder.release()


def test_finished_or_not(root):
    done, crashed, running = (RecordingFolder.create(META, root) for _ in range(3))
    done.mark_finished()
    done.release()
    crashed.release()
    assert done.meta().clean
    assert {f.name for f in recordings(root)} == {done.name, crashed.name, running.name}
    assert [f.name for f in unfinished(root)] == [crashed.name]
    assert running.in_use()
    running.release()


def test_damaged_facts_are_told_and_the_journal_still_found(root):
    folder = RecordingFolder.create(META, root)
    folder.release()
    for content in (b"", b"{", b"[]", b'{"version": 1}', b"\xff", b"[" * 100_000):
        (folder.path / "meta.json").write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            folder.meta()
    assert list(unfinished(root)) == []
    folder.journal.write_bytes(b"x")
    assert [f.name for f in unfinished(root)] == [folder.name]
    (folder.path / "meta.json").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        folder.meta()


def test_deleting(root):
    folder = RecordingFolder.create(META, root)
    again = RecordingFolder(folder.path)
    with pytest.raises(UsageError, match="being recorded"):
        again.delete()
    folder.delete()
    assert list(recordings(root)) == []
    with pytest.raises(OutputError, match="cannot be deleted"):
        again.delete()


def test_finding(root):
    folder = RecordingFolder.create(META, root)
    folder.release()
    assert find_recording(folder.name, root).path == folder.path
    assert find_recording(folder.name[:10], root).path == folder.path
    for name in ("", "nothing", "../.."):
        with pytest.raises(UsageError, match="No recording"):
            find_recording(name, root)


def test_other_folders_are_left_alone(root):
    root.mkdir(parents=True)
    (root / "notes").mkdir()
    (root / "20261123T140501Z-4f2a9c").write_text("a file")
    assert list(recordings(root)) == []
    assert list(recordings(root / "none")) == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        RecordingFolder.create(META, tmp_path / "file" / "recordings")


def test_the_default_place_follows_the_platform(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert default_root() == tmp_path / "live-whisper" / "recordings"


PROGRAM = """
import sys, time
from pathlib import Path
from live_whisper.streaming.recording import RecordingFolder, RecordingMeta
folder = RecordingFolder.create(RecordingMeta("m", "d", "ko", "transcribe", 0), Path(sys.argv[1]))
print(folder.name, flush=True)
sys.stdin.read()
"""


def test_a_killed_process_lets_go_of_its_recording(root):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        name = child.stdout.readline().decode().strip()
        folder = find_recording(name, root)
        assert folder.in_use()
        assert not folder.acquire()
        assert list(unfinished(root)) == []
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert not folder.in_use()
        assert [f.name for f in unfinished(root)] == [name]
        assert folder.acquire()
        folder.release()


def test_a_recording_that_cannot_be_looked_into_is_not_passed_over(root, monkeypatch):
    """Whoever takes it up says what is wrong with it; the others are recovered all the same."""
    hidden = RecordingFolder.create(META, root)
    hidden.release()
    (hidden.path / "meta.json").unlink()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != hidden.path)
    assert [folder.name for folder in unfinished(root)] == [hidden.name]
    with pytest.raises(InputError, match="cannot be read and written by you"):
        Recovery(hidden)
