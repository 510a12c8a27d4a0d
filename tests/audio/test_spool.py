import errno
import os
import stat
import wave

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_whisper.audio import spool
from live_whisper.audio.pcm import quantise
from live_whisper.audio.spool import SpoolGapError, SpoolReader, SpoolWriter, part_name
from live_whisper.errors import InputError
from live_whisper.runtime.spool import LaneSpool
from live_whisper.types.audio import Span


def noise(count: int, seed: int = 0) -> np.ndarray:
    return quantise(np.random.default_rng(seed).uniform(-1, 1, count).astype(np.float32))


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    blocks=st.lists(st.integers(0, 300), max_size=12),
    part=st.integers(50, 400),
    start=st.integers(0, 10**9),
    data=st.data(),
)
def test_what_is_appended_reads_back_bit_for_bit(tmp_path_factory, blocks, part, start, data):
    folder = tmp_path_factory.mktemp("spool")
    audio = noise(sum(blocks))
    writer = SpoolWriter(folder, start=start, part_samples=part, sync_samples=64)
    reader = SpoolReader(folder)
    at = 0
    for count in blocks:
        assert writer.append(audio[at : at + count])
        at += count
        assert writer.end == start + at
        if at:
            assert reader.coverage() == (Span(start, start + at),)
            low = data.draw(st.integers(0, at))
            high = data.draw(st.integers(low, at))
            got = reader.read(Span(start + low, start + high))
            np.testing.assert_array_equal(got, audio[low:high])
    writer.close()
    assert all(path.stat().st_size <= 44 + 2 * part for path in folder.iterdir())


def test_cut_off_anywhere_it_can_be_read(tmp_path):
    audio = noise(200)
    writer = SpoolWriter(tmp_path)
    writer.append(audio)
    path = tmp_path / part_name(0)
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        held = max(0, size - 44) // 2
        assert SpoolReader(tmp_path).end == held
        np.testing.assert_array_equal(SpoolReader(tmp_path).read(Span(0, held)), audio[:held])


def test_every_player_can_read_it_while_it_grows_and_after_repair(tmp_path):
    writer = SpoolWriter(tmp_path, sync_samples=100)
    for seed in range(5):
        writer.append(noise(100, seed))
    path = tmp_path / part_name(0)
    with wave.open(str(path)) as file:
        assert 300 <= file.getnframes() <= 500
    with path.open("ab") as file:
        file.write(b"\1")  # a torn sample
    assert spool.repair(tmp_path) == (Span(0, 500),)
    with wave.open(str(path)) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels()) == (500, 16000, 1)
        assert len(file.readframes(1000)) == 1000
    with av.open(str(path)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 500


def test_missing_samples_are_refused_or_filled(tmp_path):
    for start in (0, 500):
        writer = SpoolWriter(tmp_path, start=start)
        writer.append(noise(100))
        writer.close()
    reader = SpoolReader(tmp_path)
    assert reader.coverage() == (Span(0, 100), Span(500, 600))
    with pytest.raises(SpoolGapError, match="lacks 400 samples"):
        reader.read(Span(50, 550))
    filled = reader.read(Span(50, 550), fill=True)
    np.testing.assert_array_equal(filled[:50], noise(100)[50:])
    np.testing.assert_array_equal(filled[450:], noise(100)[:50])
    assert not filled[50:450].any()


@pytest.mark.skipif(os.name != "posix", reason="POSIX modes")
def test_private(tmp_path):
    writer = SpoolWriter(tmp_path / "new" / "folder")
    writer.append(noise(10))
    assert stat.S_IMODE((tmp_path / "new" / "folder").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "folder" / part_name(0)).stat().st_mode) == 0o600


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_failing_disk_costs_only_what_did_not_fit(tmp_path, monkeypatch, code):
    real = os.write
    room = [44 + 2 * 1000 + 101]

    def full(file, data):
        if room[0] <= 0:
            raise OSError(code, os.strerror(code))
        done = real(file, data[: room[0]])
        room[0] -= done
        return done

    monkeypatch.setattr(os, "write", full)
    writer = SpoolWriter(tmp_path)
    audio = noise(60 * 16000)
    at = 0
    results = []
    for _ in range(600):
        if at == 20 * 16000:
            room[0] = 10**9
        results.append(writer.append(audio[at : at + 1600]))
        at += 1600
    writer.close()
    assert writer.failure is None
    reader = SpoolReader(tmp_path)
    first, second = reader.coverage()
    assert first == Span(0, 1050)
    assert 20 * 16000 <= second.start <= 31 * 16000
    assert second.end == at == writer.end
    assert not results[0]
    assert results[-1]
    np.testing.assert_array_equal(reader.read(second), audio[second.start : second.end])
    np.testing.assert_array_equal(reader.read(first), audio[:1050])


def test_folder_that_vanishes_or_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    writer = SpoolWriter(tmp_path / "file" / "spool")
    assert not writer.append(noise(100))
    assert writer.failure
    writer.close()
    assert SpoolReader(tmp_path / "nowhere").coverage() == ()


def test_sync_failure_is_told_not_raised(tmp_path, monkeypatch):
    writer = SpoolWriter(tmp_path, sync_samples=None)
    writer.append(noise(100))

    def broken(_file):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    assert not writer.sync()
    assert writer.failure == "Input/output error"
    assert not writer.append(noise(100))  # written, but who knows for how long
    monkeypatch.undo()
    assert writer.sync()
    assert writer.failure is None
    assert writer.append(noise(100))


def test_a_failing_sync_is_tried_once_a_second(tmp_path, monkeypatch):
    tried = []

    def broken(file):
        tried.append(file)
        raise OSError(errno.EIO, "Input/output error")

    writer = SpoolWriter(tmp_path)
    lane = LaneSpool(writer, SpoolReader(tmp_path))
    monkeypatch.setattr(os, "fsync", broken)
    said = [line for _ in range(1000) if (line := lane.append(noise(480)))]
    assert 28 <= len(tried) <= 30
    assert len(said) == 1
    assert "Input/output error" in said[0]
    monkeypatch.undo()
    said = [line for _ in range(100) if (line := lane.append(noise(480)))]
    assert said == ["The recording is being written to disk again."]
    assert SpoolReader(tmp_path).end == 1100 * 480


def test_a_deleted_spool_is_told_and_a_moved_one_goes_on(tmp_path):
    folder, moved = tmp_path / "spool", tmp_path / "moved"
    writer = SpoolWriter(folder, sync_samples=100)
    assert writer.append(noise(100))
    folder.rename(moved)
    assert writer.append(noise(100))
    assert SpoolReader(moved).coverage() == (Span(0, 200),)
    (moved / part_name(0)).unlink()
    assert not writer.append(noise(100))
    assert writer.failure == "it was deleted"
    assert not writer.append(noise(11 * 16000))  # until then nothing is tried
    assert not writer.append(noise(100)), "a folder that is gone is not made again"
    assert not folder.exists()
    folder.mkdir()
    assert not writer.append(noise(11 * 16000))
    assert writer.append(noise(100))
    writer.close()
    assert SpoolReader(folder).coverage()[-1].end == writer.end


def test_existing_parts_are_never_written_over(tmp_path):
    writer = SpoolWriter(tmp_path)
    writer.append(noise(100))
    writer.close()
    again = SpoolWriter(tmp_path)
    assert not again.append(noise(50, 1))
    assert "exists" in (again.failure or "")
    np.testing.assert_array_equal(SpoolReader(tmp_path).read(Span(0, 100)), noise(100))


def test_other_files_are_not_taken_for_parts(tmp_path):
    (tmp_path / "audio-x.wav").write_bytes(b"\0" * 100)
    (tmp_path / "audio-٣.wav").write_bytes(b"\0" * 100)
    assert SpoolReader(tmp_path).coverage() == ()


def test_an_unreadable_part_is_one_line(tmp_path, monkeypatch):
    writer = SpoolWriter(tmp_path)
    writer.append(noise(100))
    writer.close()
    path = tmp_path / part_name(0)
    reader = SpoolReader(tmp_path)
    parts = reader._parts()
    path.unlink()
    monkeypatch.setattr(reader, "_parts", lambda: parts)
    with pytest.raises(InputError, match="cannot be read"):
        reader.read(Span(0, 10))


def test_a_bad_place_on_the_disk_costs_a_second_and_is_known(tmp_path, monkeypatch):
    samples = (np.arange(10 * 16000) % 1000 / 32768).astype(np.float32)
    writer = SpoolWriter(tmp_path)
    writer.append(samples)
    writer.close()
    reader = SpoolReader(tmp_path)
    real = SpoolReader._read_part

    def bad(self, part, span):
        if span.overlap(Span(52_000, 53_000)):
            raise InputError("The recording cannot be read: Input/output error.")
        return real(self, part, span)

    monkeypatch.setattr(SpoolReader, "_read_part", bad)
    with pytest.raises(InputError):
        reader.read(Span(20_000, 120_000))
    got = reader.read(Span(20_000, 120_000), fill=True)
    (lost,) = reader.unreadable
    assert lost == Span(52_000, 68_000)
    expected = samples[20_000:120_000].copy()
    expected[lost.start - 20_000 : lost.end - 20_000] = 0
    np.testing.assert_array_equal(got, expected)
    spool = LaneSpool(writer, reader)
    assert spool.missing(Span(0, 60_000)) == (Span(52_000, 60_000),)
    assert spool.missing(Span(0, 52_000)) == ()
