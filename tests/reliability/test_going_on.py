"""``--resume``, ``--keep-audio``, ``recordings`` and several inputs at once."""

import dataclasses
import itertools
import json
import wave
from pathlib import Path

import numpy as np
import pysubs2
import pytest
from support.meeting import Meeting, make_meeting
from support.scripted_recognizer import Script, ScriptedRecognizer

from live_whisper.audio.source import SourceChunk
from live_whisper.config.schema import Config
from live_whisper.runtime import captioner as captioner_module
from live_whisper.runtime.captioner import Captioner, Request
from live_whisper.runtime.inputs import Input
from live_whisper.runtime.ports import ThreadPort
from live_whisper.runtime.recover import Recovery
from live_whisper.runtime.space import Room, SpaceSink
from live_whisper.runtime.spool import LaneSpool
from live_whisper.streaming.rebuild import journal_events
from live_whisper.streaming.recording import RecordingFolder
from live_whisper.types.audio import Span
from live_whisper.types.events import Committed, Progress


def text_of(srt: Path) -> list[str]:
    return " ".join(line.plaintext for line in pysubs2.load(str(srt), format_="srt")).split()


def test_resume_goes_on_with_number_clock_and_text(program, tmp_path: Path) -> None:
    srt = tmp_path / "meeting.srt"
    first = "7\n00:01:00,000 --> 00:01:02,000\nBefore the break.\n\n"
    srt.write_text(first + "8\n00:01:03,0")  # what a crash may leave
    done = program.run(program.arguments("--resume", str(srt), "-f", "plain"))
    assert done.returncode == 0, done.stderr
    content = srt.read_text()
    assert content.startswith(first)
    assert content.removeprefix(first).startswith("8\n00:01:02,")
    cues = list(pysubs2.load(str(srt), format_="srt"))
    assert text_of(srt) == ["Before", "the", "break.", *program.meeting.text.split()]
    assert cues[1].start >= cues[0].end == 62_000
    refused = program.run(program.arguments("--resume", str(tmp_path / "none.srt")))
    assert refused.returncode == 3
    assert "Traceback" not in refused.stderr


def test_a_resumed_file_survives_a_run_that_heard_nothing(program, tmp_path: Path) -> None:
    srt, silent = tmp_path / "meeting.srt", tmp_path / "empty.wav"
    srt.write_text("1\n00:00:00,000 --> 00:00:01,000\nKeep me.\n\n")
    silent.write_bytes(b"not audio at all")
    done = program.run([*program.command, "--lang", "en", "-i", str(silent), "--resume", str(srt)])
    assert done.returncode == 3
    assert srt.read_text() == "1\n00:00:00,000 --> 00:00:01,000\nKeep me.\n\n"


@pytest.mark.parametrize("suffix", [".flac", ".wav"])
def test_keep_audio_keeps_every_sample(suffix: str, program, tmp_path: Path) -> None:
    from live_whisper.audio.files import open_media

    kept = tmp_path / f"kept{suffix}"
    done = program.run(program.arguments("--keep-audio", str(kept), "-f", "plain"))
    assert done.returncode == 0, done.stderr
    with open_media(kept) as media:
        samples = np.concatenate(list(media.blocks()))
    assert np.array_equal(samples, program.meeting.samples)
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_recordings_are_listed_shown_exported_and_removed(program, tmp_path: Path) -> None:
    command = [*program.command[:2], "recordings"]
    assert program.run(program.arguments("-f", "plain")).returncode == 0
    listed = program.run(command).stdout.splitlines()
    assert len(listed) == 1
    name, _, length, state, words, _, source = listed[0].split("\t")
    assert (length, state, source) == ("40.0 s", "finished", "meeting.wav")
    assert int(words) == len(program.meeting.script.words)
    shown = program.run([*command, "show", name[:8]])
    assert "meeting.wav" in shown.stdout
    captions = shown.stdout.split("\n\n", 1)[1]
    assert " ".join(line[10:] for line in captions.splitlines()).split() == (
        program.meeting.text.split()
    )
    out = [tmp_path / "x.srt", tmp_path / "x.vtt", tmp_path / "x.json"]
    options = [part for path in out for part in ("-o", str(path))]
    assert program.run([*command, "export", name, *options]).returncode == 0
    assert text_of(out[0]) == program.meeting.text.split()
    assert out[1].read_text().startswith("WEBVTT")
    assert json.loads(out[2].read_text())
    again = program.run([*command, "export", name, "-o", str(out[0])])
    assert again.returncode == 6
    audio = program.run([*command, "export", name, "-o", str(tmp_path / "x.wav")])
    assert audio.returncode == 3
    assert "not kept" in audio.stderr
    assert program.run([*command, "rm", name]).returncode == 0
    assert program.run(command).stdout == ""


# --- two inputs ---


class Track:
    """A live-like input from memory."""

    live = False

    def __init__(self, name: str, meeting: Meeting) -> None:
        self.name, self._samples, self._at = name, meeting.samples, 0

    def open(self) -> None: ...

    def read(self, timeout_ns: int) -> SourceChunk:
        start, self._at = self._at, min(len(self._samples), self._at + 8000)
        ended = self._at == len(self._samples)
        return SourceChunk(start, self._samples[start : self._at], ended=ended)

    def stop(self) -> None:
        self._samples = self._samples[: self._at]

    def close(self) -> None: ...


class Two:
    """Hears both meetings: the sound tells which."""

    description = "scripted"

    def __init__(self, me: Meeting, them: Meeting) -> None:
        self._meetings = (me, them)

    def recognize(self, request, samples):
        span = request.window.span
        for meeting in self._meetings:
            if np.array_equal(meeting.samples[span.start : span.end], samples):
                return ScriptedRecognizer(meeting.script).recognize(request, samples)
        raise AssertionError("unknown sound")


def conversation() -> tuple[Meeting, Meeting]:
    """One speaks while the other listens."""
    me, them = make_meeting(20.0), make_meeting(20.0)
    shift = 4 * 16_000 + 8000
    samples = np.concatenate([np.zeros(shift, np.float32), them.samples[:-shift] * 0.5])
    samples = (np.rint(samples * 32768) / 32768).astype(np.float32)
    words = tuple(
        dataclasses.replace(
            word, text=word.text.replace("w", "t"), start=word.start + shift, end=word.end + shift
        )
        for word in them.script.words
        if word.end + shift <= len(samples)
    )
    return me, Meeting(samples, Script(words))


def two_lanes(tmp_path: Path, me: Meeting, them: Meeting) -> Captioner:
    config = Config.model_validate(
        {"recognition": {"language": "en"}, "output": {"files": [str(tmp_path / "both.srt")]}}
    )
    return Captioner(
        Request(
            config,
            Input(Track("microphone", me), "me"),
            ThreadPort(lambda: Two(me, them)),
            model_name="scripted",
            more_inputs=(Input(Track("monitor", them), "them"),),
            recordings=tmp_path / "recordings",
        )
    )


def said(folder: RecordingFolder, label: str) -> list[str]:
    events = journal_events(folder.journal)
    mine = [event for event in events if isinstance(event, Committed) and event.source == label]
    return "".join(word.text for event in mine for word in event.words).split()


def test_two_inputs_are_recognised_apart_and_labelled(tmp_path: Path) -> None:
    me, them = conversation()
    run = two_lanes(tmp_path, me, them)
    summary = run.run()
    assert said(run.recording, "me") == me.text.split()
    assert said(run.recording, "them") == them.text.split()
    assert summary.captured_samples == 2 * len(me.samples)
    cues = list(pysubs2.load(str(tmp_path / "both.srt"), format_="srt"))
    assert {cue.plaintext.split("]")[0] for cue in cues} == {"[me", "[them"}
    for before, after in itertools.pairwise(cues):
        assert before.end <= after.start
    assert run.recording.meta().source == "microphone + monitor"
    assert run.recording.meta().clean
    assert not run.recording.parts()


def test_two_inputs_are_recovered_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    me, them = conversation()
    monkeypatch.setattr(captioner_module, "finish_recording", lambda *_, **__: ())
    run = two_lanes(tmp_path, me, them)
    run.run()
    folder = run.recording
    whole = folder.journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(folder.parts()) == 2
    for keep in (4, len(lines) // 2, len(lines) - 3):
        folder.journal.write_bytes(b"".join(lines[:keep]))
        recovery = Recovery(folder)
        if recovery.listen():
            assert recovery.decode(ThreadPort(lambda: Two(me, them))) is not None
        recovery.close()
        assert said(folder, "me") == me.text.split(), keep
        assert said(folder, "them") == them.text.split(), keep


# --- a disk that fills up ---


def progress(at: int) -> Progress:
    return Progress(at, at, -20.0, speaking=True, compute_ratio=0.1, lag_seconds=0, state="x")


def test_a_filling_disk_is_told_early_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [10 << 30]
    monkeypatch.setattr("live_whisper.runtime.space.free_bytes", lambda _: free[0])
    sink, told = SpaceSink(tmp_path), []
    for second in range(300):
        if second == 100:
            free[0] = 100 << 20
        if second == 200:
            free[0] = 64 << 20
        sink.handle(progress(second * 16_000))
        told += sink.take_notices()
    assert len(told) == 2
    assert "minutes of audio" in told[0][0]
    assert "captions go on" in told[1][0]


def test_the_last_of_the_disk_is_left_to_the_captions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from live_whisper.audio.spool import SpoolReader, SpoolWriter

    free = [10 << 30]
    monkeypatch.setattr("live_whisper.runtime.space.free_bytes", lambda _: free[0])
    spool = LaneSpool(SpoolWriter(tmp_path), SpoolReader(tmp_path), has_room=Room(tmp_path))
    second, told = np.full(16_000, 0.25, np.float32), []
    for number in range(60):
        free[0] = (1 << 20) if 20 <= number < 40 else (10 << 30)
        told.append(spool.append(second))
    spool.close()
    assert [line for line in told if line] == [
        "The recording is not on disk at the moment (the disk is nearly full); captions go on.",
        "The recording is being written to disk again.",
    ]
    reader = SpoolReader(tmp_path)
    assert reader.coverage() == (Span(0, 20 * 16_000), Span(40 * 16_000, 60 * 16_000))
    assert spool.missing(Span(0, 60 * 16_000)) == (Span(20 * 16_000, 40 * 16_000),)
    with wave.open(str(next(tmp_path.glob("*.wav")))) as file:
        assert file.getnframes() == 20 * 16_000
