"""``live-whisper recover`` as a user runs it after a crash."""

import json
import subprocess
from pathlib import Path

import pysubs2
import pytest

from live_whisper.streaming.recording import recordings


def crash(program, output: Path) -> list[str]:
    """A paced run, killed once it has committed words; the words."""
    command = program.arguments("-o", str(output), "-f", "jsonl", pace="realtime")
    words: list[str] = []
    with program.start(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "committed":
                words += event["text"].split()
            if len(words) >= 3:
                break
        process.kill()
    return words


def text_of(srt: Path) -> list[str]:
    return " ".join(line.plaintext for line in pysubs2.load(str(srt), format_="srt")).split()


@pytest.mark.slow
def test_without_a_name_every_unfinished_recording_is_recovered(program, tmp_path: Path) -> None:
    nothing = program.recover()
    assert nothing.returncode == 0
    assert nothing.stderr == "live-whisper: No recording is unfinished.\n"

    outputs = [tmp_path / "first.srt", tmp_path / "second.srt"]
    seen = [crash(program, output) for output in outputs]
    outputs[0].unlink()  # the file itself is gone
    folders = list(recordings(tmp_path / "state" / "live-whisper" / "recordings"))
    assert len(folders) == 2

    ambiguous = program.recover("-o", str(tmp_path / "other.srt"))
    assert ambiguous.returncode == 2
    assert all(folder.name in ambiguous.stderr for folder in folders)

    done = program.recover()
    assert done.returncode == 0, done.stderr
    for folder, output, words in zip(folders, outputs, seen, strict=True):
        assert f"saved: {output}" in done.stderr
        assert folder.meta().clean
        assert not folder.parts()
        assert text_of(output)[: len(words)] == words
        assert text_of(output) == program.meeting.text.split()[: len(text_of(output))]

    again = program.recover(folders[0].name)
    assert again.returncode == 0, again.stderr
    assert "all speech was decoded" in again.stderr
    other = program.recover(folders[1].name, "-o", str(tmp_path / "other.vtt"))
    assert other.returncode == 0, other.stderr
    assert (tmp_path / "other.vtt").read_text().startswith("WEBVTT")


@pytest.mark.slow
def test_where_a_file_cannot_be_written_the_recording_stays_unfinished(
    program, tmp_path: Path
) -> None:
    folder = tmp_path / "removable"
    folder.mkdir()
    crash(program, folder / "out.srt")
    (folder / "out.srt").unlink()
    folder.rmdir()
    failed = program.recover()
    assert failed.returncode == 6
    assert "cannot be written" in failed.stderr
    assert "Traceback" not in failed.stderr
    folder.mkdir()  # plugged in again
    assert program.recover().returncode == 0
    assert text_of(folder / "out.srt")
