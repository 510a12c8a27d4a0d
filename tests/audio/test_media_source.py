import numpy as np
import pytest

from live_whisper.audio.media_source import MediaFileSource
from live_whisper.errors import InputError
from live_whisper.units import NS_PER_SECOND

MS = 1_000_000


def drain(source, timeout_ns=100 * MS, limit=10_000):
    parts, end, notices = [], 0, []
    for _ in range(limit):
        chunk = source.read(timeout_ns)
        assert chunk.start == end
        end = chunk.end
        parts.append(chunk.samples)
        notices += chunk.notices
        if chunk.ended:
            return np.concatenate(parts), notices
    raise AssertionError("no end")


def test_fast_gives_everything_without_waiting(make_wav, make_tone, clock):
    source = MediaFileSource(make_wav(make_tone(30.0)), clock, pace="fast")
    source.open()
    before = clock.now_ns()
    samples, notices = drain(source)
    assert len(samples) == 30 * 16000
    assert notices == []
    assert clock.now_ns() == before
    assert not source.live
    assert source.name == "a.wav"


def test_real_time_follows_the_clock_exactly(make_wav, make_tone, clock):
    source = MediaFileSource(make_wav(make_tone(3.0)), clock, pace="realtime")
    source.open()
    begin, end = clock.now_ns(), 0
    while True:
        chunk = source.read(100 * MS)
        end = chunk.end
        due = (clock.now_ns() - begin) * 16000 // NS_PER_SECOND
        assert end <= due
        if chunk.ended:
            break
        assert due - end < 480
    assert end == 3 * 16000
    assert 3 * NS_PER_SECOND <= clock.now_ns() - begin < 3.1 * NS_PER_SECOND


def test_a_late_reader_loses_nothing(make_wav, make_tone, clock):
    path = make_wav(make_tone(20.0))
    whole = MediaFileSource(path, clock, pace="fast")
    whole.open()
    source = MediaFileSource(path, clock, pace="realtime")
    source.open()
    clock.advance(15 * NS_PER_SECOND)
    samples, _ = drain(source)
    np.testing.assert_array_equal(samples, drain(whole)[0])


def test_a_file_waits_while_the_program_is_stopped(make_wav, make_tone, clock):
    source = MediaFileSource(make_wav(make_tone(20.0)), clock, pace="realtime")
    source.open()
    begin, end, notices = clock.now_ns(), 0, []
    while end < 5 * 16000:
        end = source.read(100 * MS).end
    clock.advance(600 * NS_PER_SECOND)
    while True:
        chunk = source.read(100 * MS)
        assert len(chunk.samples) < 8000, "all that was due meanwhile came at once"
        notices += chunk.notices
        if chunk.ended:
            break
    assert chunk.end == 20 * 16000
    assert clock.now_ns() - begin == pytest.approx(620 * NS_PER_SECOND, abs=NS_PER_SECOND // 5)
    assert notices == ["Going on after a pause of 600 s."]


def test_waits_no_longer_than_told(make_wav, make_tone, clock):
    source = MediaFileSource(make_wav(make_tone(1.0)), clock, pace="realtime")
    source.open()
    before = clock.now_ns()
    assert len(source.read(5 * MS).samples) == 0
    assert clock.now_ns() - before == 5 * MS


def test_stop_ends_it(make_wav, make_tone, clock):
    source = MediaFileSource(make_wav(make_tone(30.0)), clock, pace="realtime")
    source.open()
    heard = source.read(100 * MS).end
    source.stop()
    last = source.read(100 * MS)
    assert last.ended
    assert heard == last.end == 480
    source.close()
    source.close()


def test_damage_is_told_at_the_end(make_media, make_tone, clock):
    path = make_media(make_tone(4.0, 48_000), "t.flac", "flac")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\xff" * (len(data) - len(data) // 2)
    path.write_bytes(data)
    source = MediaFileSource(path, clock)
    source.open()
    samples, notices = drain(source)
    assert len(samples) > 16000
    assert all(notice.isprintable() for notice in notices)


def test_bad_files_are_refused_at_once(tmp_path, clock):
    source = MediaFileSource(tmp_path / "none.wav", clock)
    with pytest.raises(InputError, match="no file"):
        source.open()
    with pytest.raises(ValueError, match="opened"):
        source.read(0)
    source.close()
