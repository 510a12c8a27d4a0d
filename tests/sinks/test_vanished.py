"""Subtitle files and folders that are deleted, moved away or unmounted while they are written."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pysubs2
import pytest
from support.outputs import new_output

from live_whisper.streaming.rebuild import rebuild_text
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.fanout import FanOut
from live_whisper.streaming.sinks.files import Place
from live_whisper.streaming.sinks.journal import JournalSink
from live_whisper.streaming.sinks.subtitle_file import continue_output, open_output
from live_whisper.types.audio import Span
from live_whisper.types.events import Committed, SegmentClosed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="open files stay on Windows")


class Run:
    """Captions that come one after the other."""

    def __init__(self, folder: Path, *names: str, words, started) -> None:
        self.out = folder / "out"
        self.out.mkdir()
        recording = folder / "recording"
        recording.mkdir()
        self.journal = recording / "journal.jsonl"
        self.outputs = [OutputSpec(self.out / name) for name in names]
        self.sinks = [new_output(spec, journal=self.journal) for spec in self.outputs]
        self.fanout = FanOut([JournalSink(self.journal), *self.sinks, self])
        self.notices: list[str] = []
        self.said: list[str] = []
        self._words = words
        self.fanout.handle(started())

    def handle(self, event) -> None:
        if hasattr(event, "message"):
            self.notices.append(event.message)

    def close(self) -> None:
        pass

    def say(self, count: int = 1) -> None:
        for _ in range(count):
            number = len(self.said)
            self.said.append(f"Caption{number}.")
            at = 40_000 * (number + 1)
            words = self._words(self.said[-1], at)
            self.fanout.handle(Committed(at + 30_000, words))
            end = words[-1].end
            self.fanout.handle(SegmentClosed(at + 30_000, Span(at, end)))

    def end(self) -> list[str]:
        return [notice.message for notice in self.fanout.close()]

    def captions(self, path: Path | None = None) -> list[str]:
        path = path or self.outputs[0].path
        return [line.plaintext for line in pysubs2.load(str(path), format_=path.suffix[1:])]

    def check_whole(self) -> None:
        for output in self.outputs:
            expected = "".join(rebuild_text(self.journal, output)).encode()
            assert output.path.read_bytes() == expected


@pytest.fixture
def make_run(tmp_path, words, started):
    return lambda *names: Run(tmp_path, *names, words=words, started=started)


@pytest.mark.parametrize("name", ["m.srt", "m.vtt"])
def test_a_deleted_file_is_made_again_whole(make_run, name) -> None:
    run = make_run(name)
    run.say(3)
    run.outputs[0].path.unlink()
    run.say(1)
    assert run.captions() == run.said
    assert run.outputs[0].path.stat().st_mode & 0o777 == 0o600
    run.say(2)
    assert run.end() == []
    run.check_whole()
    assert run.sinks[0].complete
    assert sum("was gone" in line for line in run.notices) == 1


def test_a_renamed_file_stays_as_it_was_and_a_new_one_has_everything(make_run) -> None:
    run = make_run("m.srt")
    run.say(2)
    run.outputs[0].path.rename(run.out / "mine.srt")
    run.say(2)
    assert run.captions(run.out / "mine.srt") == run.said[:2]
    assert run.end() == []
    assert run.captions() == run.said


def test_a_folder_that_comes_back(make_run) -> None:
    """Moved away and back: the file it still holds is continued."""
    run = make_run("m.srt")
    run.say(2)
    away = run.out.rename(run.out.with_name("away"))
    run.say(3)
    assert run.captions(away / "m.srt") == run.said[:2]
    assert run.sinks[0].complete is False
    away.rename(run.out)
    run.say(1)
    assert run.captions() == run.said
    run.end()
    run.check_whole()
    assert "No such file" in run.notices[0]
    assert "written again, complete" in run.notices[1]


def test_a_folder_that_is_made_anew(make_run) -> None:
    run = make_run("m.srt", "m.json")
    run.say(2)
    shutil.rmtree(run.out)
    run.say(2)
    run.out.mkdir()
    run.say(1)
    assert run.captions() == run.said
    run.end()
    run.check_whole()
    assert all(sink.complete and sink.elsewhere is None for sink in run.sinks)


def test_a_folder_that_never_comes_back(make_run) -> None:
    """Everything is in the recording's folder in the end, and a line says so."""
    run = make_run("m.srt", "m.txt", "meta.json")
    (run.journal.parent / "meta.json").write_text("{}")
    run.say(2)
    shutil.rmtree(run.out)
    run.say(3)
    said = run.end()
    assert not run.out.exists()
    assert [sink.complete for sink in run.sinks] == [True] * 3
    places = [sink.elsewhere for sink in run.sinks]
    assert [place.name for place in places] == ["m.srt", "m.txt", "meta-2.json"]
    assert all(place.parent == run.journal.parent for place in places)
    assert run.captions(places[0]) == run.said
    assert places[1].read_text().splitlines() == run.said
    for output, place in zip(run.outputs, places, strict=True):
        assert any(str(output.path) in line and str(place) in line for line in said)


def test_an_old_state_of_the_file_is_completed_not_repeated(make_run) -> None:
    """A backup that was put back, a disk that was mounted again under another number."""
    run = make_run("m.srt")
    run.say(2)
    backup = run.out.with_name("backup.srt")
    shutil.copy(run.outputs[0].path, backup)
    run.say(2)
    run.outputs[0].path.unlink()
    shutil.copy(backup, run.outputs[0].path)
    run.say(1)
    run.end()
    run.check_whole()


def test_a_corrected_file_stays_corrected(make_run) -> None:
    run = make_run("m.srt")
    run.say(2)
    path = run.outputs[0].path
    corrected = path.with_name("new")
    corrected.write_text(path.read_text().replace("Caption0", "Chapter 0"))
    corrected.replace(path)
    run.say(1)
    run.end()
    assert run.captions() == ["Chapter 0.", "Caption1.", "Caption2."]


def test_without_a_journal_nothing_is_invented(make_run) -> None:
    """The recording's folder goes and then the file: what is in memory is kept trying."""
    run = make_run("m.srt")
    run.say(2)
    shutil.rmtree(run.journal.parent)
    run.say(1)
    assert run.captions() == run.said
    shutil.rmtree(run.out)
    run.say(1)
    said = run.end()
    assert run.sinks[0].complete is False
    assert run.fanout.failures == []
    assert any("cannot be written" in line for line in [*said, *run.notices])


def test_a_continued_file_that_is_gone_is_not_passed_off_as_whole(tmp_path, words, started) -> None:
    path, journal = tmp_path / "m.srt", tmp_path / "recording" / "journal.jsonl"
    journal.parent.mkdir()
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\nBefore\n\n")
    sink = open_output(continue_output(path).output, journal=journal)
    run = FanOut([JournalSink(journal), sink])
    run.handle(started())
    run.handle(Committed(9000, words("One.")))
    path.unlink()
    run.handle(SegmentClosed(20000, Span(0, 19000)))
    run.close()
    assert not path.exists()
    text = sink.elsewhere.read_text()
    assert text.startswith("2\n")
    assert "One." in text


@pytest.mark.parametrize("comes_back", [True, False])
def test_an_unmounted_disk_is_not_written_under(make_run, comes_back: bool) -> None:
    run = make_run("m.srt", "m.json")
    for output in run.outputs:
        output.path.unlink()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(run.out)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    kept = run.out.with_name("kept")
    try:
        run.sinks = [new_output(spec, journal=run.journal) for spec in run.outputs]
        run.fanout = FanOut([JournalSink(run.journal, resume=True), *run.sinks, run])
        run.say(2)
        kept.mkdir()
        shutil.copy(run.outputs[0].path, kept / "m.srt")
        subprocess.run(["umount", "-l", str(run.out)], check=True)
        run.say(2)
        assert list(run.out.iterdir()) == []
        assert run.sinks[0].complete is False
        if comes_back:
            subprocess.run(mount, check=True)
            shutil.copy(kept / "m.srt", run.out)
            run.say(1)
            assert run.captions() == run.said
        said = run.end()
        assert all(sink.complete for sink in run.sinks)
        if comes_back:
            run.check_whole()
        else:
            assert list(run.out.iterdir()) == []
            assert run.captions(run.sinks[0].elsewhere) == run.said
            assert len([line for line in said if "are in" in line]) == 2
    finally:
        subprocess.run(["umount", "-l", str(run.out)], capture_output=True, check=False)


def test_a_file_made_again_on_a_full_disk_is_not_taken_for_whole(make_run, monkeypatch) -> None:
    """What the failed attempt left is made whole by the next one."""
    run = make_run("m.srt")
    run.say(3)
    run.outputs[0].path.unlink()
    write = os.write
    failing = [OSError(errno.ENOSPC, "No space left on device")]

    def once(descriptor: int, data: bytes) -> int:
        if failing and b"-->" in bytes(data):
            raise failing.pop()
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", once)
    run.say(1)
    assert not failing
    run.say(1)
    assert run.captions() == run.said
    assert run.end() == []
    run.check_whole()
    assert run.sinks[0].complete


def test_windows_has_no_path_is_mount(tmp_path, monkeypatch) -> None:
    """Not before Python 3.12."""

    def refuse(self: Path) -> bool:
        raise NotImplementedError

    monkeypatch.setattr(Path, "is_mount", refuse)
    assert Place(tmp_path / "m.srt").there
