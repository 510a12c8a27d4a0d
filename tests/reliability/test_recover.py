"""A journal cut off anywhere, taken up again: the same words, times and captions."""

import dataclasses
import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.meeting import Meeting, make_meeting
from support.scripted_recognizer import ScriptedRecognizer

from live_whisper.audio.media_source import MediaFileSource
from live_whisper.audio.spool import SpoolReader, SpoolWriter
from live_whisper.clock import MonotonicClock
from live_whisper.config.schema import Config
from live_whisper.errors import InputError, UsageError
from live_whisper.runtime import captioner as captioner_module
from live_whisper.runtime.captioner import Captioner, Request
from live_whisper.runtime.inputs import Input
from live_whisper.runtime.ports import ThreadPort
from live_whisper.runtime.recover import Recovery
from live_whisper.streaming.rebuild import journal_events, rebuild_text
from live_whisper.streaming.recording import RecordingFolder, find_recording, unfinished
from live_whisper.streaming.sinks import journal as journal_module
from live_whisper.streaming.sinks.journal import JournalSink
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples, Span
from live_whisper.types.events import AudioLost, Committed, SessionEnded
from live_whisper.types.text import Hypothesis, Word

KINDS = (
    ("align_att", "en"),
    ("local_agreement", "en"),
    ("phrase", "en"),
    ("align_att", "auto"),
    ("local_agreement", "auto"),
)


class Unsure(ScriptedRecognizer):
    """Has an opinion on the language, where it is asked for one."""

    def recognize(self, request: WindowRequest, samples: Samples) -> Hypothesis:
        said = super().recognize(request, samples)
        if request.language is not None:
            return said
        return dataclasses.replace(said, language_probabilities=(("en", 0.62), ("ko", 0.38)))


@dataclass(frozen=True)
class Finished:
    """A run that nobody disturbed, its audio still there."""

    meeting: Meeting
    folder: RecordingFolder
    srt: bytes
    journal: bytes
    words: tuple[Word, ...]


def words_of(journal: Path) -> tuple[Word, ...]:
    events = [event for event in journal_events(journal) if isinstance(event, Committed)]
    return tuple(word for event in events for word in event.words)


def port(meeting: Meeting) -> ThreadPort:
    return ThreadPort(lambda: Unsure(meeting.script))


@contextmanager
def nothing_tidied() -> Iterator[None]:
    before = captioner_module.finish_recording
    captioner_module.finish_recording = lambda *_, **__: ()
    try:
        yield
    finally:
        captioner_module.finish_recording = before


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    from support.meeting import save

    root = tmp_path_factory.mktemp("finished")
    meeting = make_meeting(16.0)
    audio, srt = root / "meeting.wav", root / "out.srt"
    save(audio, meeting)
    config = Config.model_validate(
        {
            "recognition": {"language": request.param[1], "detect_seconds": 6.0},
            "streaming": {"policy": request.param[0]},
            "output": {"files": [str(srt)]},
        }
    )
    source = MediaFileSource(audio, MonotonicClock(), pace="fast")
    with nothing_tidied():
        run = Captioner(
            Request(config, Input(source), port(meeting), "scripted", recordings=root / "all")
        )
        run.run()
    folder = run.recording
    journal = folder.journal.read_bytes()
    found = words_of(folder.journal)
    assert "".join(word.text for word in found) == meeting.text
    return Finished(meeting, folder, srt.read_bytes(), journal, found)


def crashed(finished: Finished, root: Path, cut: int) -> RecordingFolder:
    """The same recording as a crash would have left it when the journal had ``cut`` bytes."""
    path = root / "20260101T000000Z-00000a"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(finished.folder.path, path)
    folder = RecordingFolder(path)
    folder.journal.write_bytes(finished.journal[:cut])
    return folder


def recover(folder: RecordingFolder, meeting: Meeting) -> None:
    recovery = Recovery(folder)
    try:
        assert recovery.rebuild() == []
        if recovery.listen():
            assert recovery.decode(port(meeting)) is not None
        assert recovery.rebuild() == []
        recovery.finish()
    finally:
        recovery.close()


def written_of(folder: RecordingFolder) -> bytes:
    """All that the subtitle file may hold by the journal."""
    try:
        return "".join(rebuild_text(folder.journal, folder.meta().outputs[0])).encode()
    except InputError:
        return b""


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_cut_at_any_byte_it_comes_out_the_same(
    finished: Finished, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("cut")
    cut = data.draw(st.integers(0, len(finished.journal)), label="journal bytes")
    srt = finished.folder.meta().outputs[0].path
    folder = crashed(finished, root, cut)
    known = written_of(folder)  # no file has more than the journal
    srt.write_bytes(known[: data.draw(st.integers(0, len(known)), label="srt")])
    try:
        before = words_of(folder.journal)
    except InputError:  # not even the first line is whole
        before = ()
    assert before == finished.words[: len(before)]
    recover(folder, finished.meeting)
    assert words_of(folder.journal) == finished.words
    assert srt.read_bytes() == finished.srt
    assert folder.meta().clean
    assert not folder.parts()


def test_cut_between_any_two_lines_it_comes_out_the_same(
    finished: Finished, tmp_path: Path
) -> None:
    ends = [i + 1 for i, byte in enumerate(finished.journal) if byte == ord("\n")]
    srt = finished.folder.meta().outputs[0].path
    for cut in ends[:: max(1, len(ends) // 12)]:
        folder = crashed(finished, tmp_path, cut)
        srt.unlink(missing_ok=True)
        recover(folder, finished.meeting)
        assert words_of(folder.journal) == finished.words, cut
        assert srt.read_bytes() == finished.srt, cut


def test_a_recovery_that_is_stopped_is_taken_up_again(finished: Finished, tmp_path: Path) -> None:
    folder = crashed(finished, tmp_path, len(finished.journal) // 3)
    first = Recovery(folder)
    assert first.listen() > 0
    first.stop()
    assert first.decode(port(finished.meeting)) is None
    first.close()
    assert not folder.meta().clean
    recover(folder, finished.meeting)
    assert words_of(folder.journal) == finished.words


def test_the_summary_counts_the_whole_recording(finished: Finished, tmp_path: Path) -> None:
    folder = crashed(finished, tmp_path, len(finished.journal) // 2)
    recovery = Recovery(folder)
    recovery.listen()
    summary = recovery.decode(port(finished.meeting))
    recovery.close()
    whole = [event for event in events(finished.folder) if isinstance(event, SessionEnded)][-1]
    assert summary is not None
    assert summary.words == whole.summary.words
    assert summary.cues == whole.summary.cues
    assert summary.captured_samples == whole.summary.captured_samples
    assert summary.decoded_samples == whole.summary.decoded_samples
    assert summary.silent_samples == whole.summary.silent_samples


def events(folder: RecordingFolder) -> list:
    return list(journal_events(folder.journal))


def test_a_recording_in_use_is_left_alone(finished: Finished, tmp_path: Path) -> None:
    folder = crashed(finished, tmp_path, 100)
    owner = RecordingFolder(folder.path)
    assert owner.acquire()
    with pytest.raises(UsageError, match="still being recorded"):
        Recovery(folder)
    assert list(unfinished(tmp_path)) == []
    owner.release()
    assert [item.name for item in unfinished(tmp_path)] == [folder.name]
    assert find_recording("20260101T", tmp_path).path == folder.path


def test_a_journal_of_rubbish_is_set_aside_and_the_audio_decoded(
    finished: Finished, tmp_path: Path
) -> None:
    folder = crashed(finished, tmp_path, 0)
    folder.journal.write_bytes(b"\x00\xff rubbish\n" * 50)
    recover(folder, finished.meeting)
    assert words_of(folder.journal) == finished.words
    assert (folder.path / "journal.jsonl.damaged").exists()


@pytest.mark.parametrize("change", ["continued", "rewritten", "taken by a later run"])
def test_a_subtitle_file_that_is_another_s_by_now_is_left_alone(
    finished: Finished, tmp_path: Path, change: str
) -> None:
    folder = crashed(finished, tmp_path / "all", len(finished.journal) // 2)
    spec = dataclasses.replace(folder.meta().outputs[0], path=tmp_path / "meeting.srt")
    folder.write_meta(dataclasses.replace(folder.meta(), outputs=(spec,)))
    before = written_of(folder)
    cue = b"99\n01:00:00,000 --> 01:00:02,000\nSaid since.\n\n"
    theirs = {"continued": before + cue, "rewritten": before.replace(b"w1", b"W1")}
    spec.path.write_bytes(theirs.get(change, before))
    if change == "taken by a later run":
        later = dataclasses.replace(
            folder.meta(), started_wall_ns=folder.meta().started_wall_ns + 1
        )
        RecordingFolder.create(later, tmp_path / "all").release()
    recover(folder, finished.meeting)
    assert spec.path.read_bytes() == theirs.get(change, before)
    assert (tmp_path / "meeting-2.srt").read_bytes() == finished.srt
    again = Recovery(folder)  # the new name is remembered
    assert again.rebuild() == []
    again.close()
    assert not (tmp_path / "meeting-3.srt").exists()


@pytest.mark.parametrize("trouble", ["unreadable", "newer"])
def test_a_journal_that_cannot_be_read_now_is_left_alone(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """Nothing is rebuilt from an empty one, and the captions that are there stay."""
    folder = crashed(finished, tmp_path, len(finished.journal))
    if trouble == "newer":
        with monkeypatch.context() as patch:
            patch.setattr(journal_module, "VERSION", 99)
            folder.journal.unlink()
            JournalSink(folder.journal).close()
    before = folder.journal.read_bytes()
    opened = Path.open

    def fail(self: Path, *args: object, **kwargs: object) -> object:
        if trouble == "unreadable" and self == folder.journal:
            raise OSError(errno.EIO, "Input/output error")
        return opened(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", fail)
        with pytest.raises(InputError, match=r"Input/output|version 99"):
            Recovery(folder)
    assert folder.journal.read_bytes() == before
    assert not list(folder.path.glob("*.damaged*"))
    assert not folder.in_use()


def test_audio_that_never_reached_the_disk_is_counted_as_lost(
    finished: Finished, tmp_path: Path
) -> None:
    """A full disk: the spool has a hole, and what was captioned stays captioned."""
    lines = finished.journal.splitlines(keepends=True)
    folder = crashed(finished, tmp_path, sum(map(len, lines[: len(lines) // 2])))
    samples = SpoolReader(folder.path).read(Span(0, len(finished.meeting.samples)))
    for part in folder.parts():
        part.unlink()
    hole = Span(12 * 16_000, 13 * 16_000)
    first = SpoolWriter(folder.path)
    first.append(samples[: hole.start])
    first.close()
    second = SpoolWriter(folder.path, start=hole.end)
    second.append(samples[hole.end :])
    second.close()
    before = words_of(folder.journal)
    recovery = Recovery(folder)
    recovery.listen()
    summary = recovery.decode(port(finished.meeting))
    recovery.close()
    assert summary is not None
    assert summary.lost_samples == hole.length
    assert (
        summary.captured_samples
        == summary.decoded_samples + summary.silent_samples + summary.lost_samples
    )
    assert words_of(folder.journal)[: len(before)] == before
    assert [event.span for event in events(folder) if isinstance(event, AudioLost)] == [hole]


def test_without_meta_and_journal_there_is_nothing_to_go_by(tmp_path: Path) -> None:
    path = tmp_path / "20260101T000000Z-00000b"
    path.mkdir()
    with pytest.raises(InputError):
        Recovery(RecordingFolder(path))
