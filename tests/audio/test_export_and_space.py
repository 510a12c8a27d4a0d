import os
import stat
from pathlib import Path

import numpy as np
import pytest

from live_whisper.audio.c_stderr import silence_c_stderr
from live_whisper.audio.export import export_recording
from live_whisper.audio.files import open_media
from live_whisper.audio.pcm import quantise
from live_whisper.audio.space import SpaceWatch, free_bytes, seconds_left
from live_whisper.audio.spool import SpoolReader, SpoolWriter
from live_whisper.errors import OutputError
from live_whisper.types.audio import Span

MIB = 1 << 20


@pytest.fixture
def recording(tmp_path):
    """A spool of 70 s with a hole of 5 s, and what it says."""
    rng = np.random.default_rng(2)
    audio = quantise(rng.uniform(-0.5, 0.5, 70 * 16000).astype(np.float32))
    audio[10 * 16000 : 15 * 16000] = 0
    for start, end in ((0, 10), (15, 70)):
        writer = SpoolWriter(tmp_path / "spool", start=start * 16000)
        writer.append(audio[start * 16000 : end * 16000])
        writer.close()
    return SpoolReader(tmp_path / "spool"), audio


@pytest.mark.parametrize("name", ["a.flac", "b.WAV"])
def test_exported_audio_is_the_recording_bit_for_bit(recording, tmp_path, name):
    reader, audio = recording
    path = tmp_path / name
    assert export_recording(reader, path) == Span(0, len(audio))
    with open_media(path) as media:
        np.testing.assert_array_equal(np.concatenate(list(media.blocks())), audio)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([name, "spool"])


def test_nothing_is_written_over_unless_asked(recording, tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        export_recording(recording[0], path)
    assert path.read_bytes() == b"mine"
    export_recording(recording[0], path, overwrite=True)
    assert path.stat().st_size > 1000


def test_names_without_a_format_are_refused(recording, tmp_path):
    with pytest.raises(OutputError, match=r"\.flac or \.wav"):
        export_recording(recording[0], tmp_path / "a.mp3")


def test_folder_that_is_not_there(recording, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        export_recording(recording[0], tmp_path / "no" / "a.flac")


def test_full_disk_leaves_no_half_file(recording, tmp_path, monkeypatch):
    def full(_file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        export_recording(recording[0], tmp_path / "a.wav")
    assert [entry.name for entry in tmp_path.iterdir()] == ["spool"]


def test_the_disk_is_announced_in_steps():
    watch = SpaceWatch()
    hour = 3600 * 32000 + 64 * MIB
    assert watch.poll(10 * hour) is None
    assert "59 more minutes" in (watch.poll(hour - 60 * 32000) or "")
    assert watch.poll(hour - 70 * 32000) is None
    assert "5 more minutes" in (watch.poll(300 * 32000 + 64 * MIB) or "")
    assert "nearly full" in (watch.poll(10) or "")
    assert watch.poll(0) is None
    assert watch.poll(2 * hour) is None
    assert watch.poll(None) is None
    assert "nearly full" in (watch.poll(0) or "")


def test_free_space_of_a_folder_that_is_still_to_be_made(tmp_path):
    free = free_bytes(tmp_path / "a" / "b")
    assert free is not None
    assert free > 0
    assert seconds_left(64 * MIB + 32000) == 1


def test_python_stderr_survives_the_silencing_of_c(capfd):
    silence_c_stderr()
    os.write(2, b"still here\n")
    assert capfd.readouterr().err == "still here\n"


def test_a_name_with_a_colon_is_no_protocol(recording, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader, audio = recording
    assert export_recording(reader, Path("10:30.flac")) == Span(0, len(audio))
    assert (tmp_path / "10:30.flac").stat().st_size > 44
