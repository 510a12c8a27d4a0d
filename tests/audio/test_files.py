import os
import random
import socket

import numpy as np
import pytest

from live_whisper.audio.files import open_media
from live_whisper.errors import InputError
from live_whisper.units import SAMPLE_RATE


def read(path) -> tuple[np.ndarray, list[str]]:
    with open_media(path) as reader:
        blocks = list(reader.blocks())
        for block in blocks:
            assert block.dtype == np.float32
            assert block.ndim == 1
            assert len(block) <= 11 * SAMPLE_RATE
        return np.concatenate(blocks), reader.notices


@pytest.mark.parametrize(
    ("name", "codec", "rate", "exact"),
    [
        ("a.wav", "pcm_s16le", 16_000, True),
        ("a.wav", "pcm_f32le", 44_100, True),
        ("a.flac", "flac", 48_000, True),
        ("a.mp3", "libmp3lame", 44_100, False),
        ("a.m4a", "aac", 48_000, False),
        ("a.ogg", "libopus", 48_000, False),
        ("a.webm", "libopus", 48_000, False),
    ],
)
def test_reads_every_common_format(make_media, make_tone, name, codec, rate, exact):
    path = make_media(make_tone(3.0, rate), name, codec, rate=rate)
    samples, notices = read(path)
    want = make_tone(3.0)
    assert notices == []
    assert len(samples) == len(want) if exact else abs(len(samples) - len(want)) < 1600
    inner = slice(8000, 40000)
    shift = 0 if exact else best_shift(samples[inner], want[inner])
    assert abs(shift) <= 16  # a millisecond: encoders' own delay is taken out
    assert np.corrcoef(samples[inner], want[inner])[0, 1] > 0.95


def best_shift(a: np.ndarray, b: np.ndarray) -> int:
    shifts = range(-17, 18)
    return max(shifts, key=lambda s: float(np.dot(np.roll(a, s), b)))


def test_stereo_wav_is_mixed(make_wav, make_tone):
    left = make_tone(1.0, 44_100)
    path = make_wav(np.stack([left, np.zeros_like(left)], axis=1), rate=44_100)
    samples, _ = read(path)
    assert np.abs(samples).max() == pytest.approx(0.25, abs=0.01)


def test_video_with_sound(make_media, make_tone):
    samples, _ = read(make_media(make_tone(1.0, 48_000), "v.mkv", "flac", video=True))
    assert abs(len(samples) - SAMPLE_RATE) <= 1


def test_sound_that_starts_late_in_a_video_keeps_its_time(make_media, make_tone):
    path = make_media(make_tone(1.0, 48_000), "v.mkv", "flac", video=True, first_pts=24_000)
    samples, _ = read(path)
    assert abs(len(samples) - 1.5 * SAMPLE_RATE) <= 32
    assert not samples[:7900].any()
    assert samples[8100:8300].any()


def test_duration_is_known_where_the_file_says_it(make_wav, make_tone):
    with open_media(make_wav(make_tone(2.5))) as reader:
        assert reader.duration_samples == pytest.approx(2.5 * SAMPLE_RATE, abs=2)


def test_names_that_look_like_protocols_are_files(make_wav, make_tone, tmp_path):
    make_wav(make_tone(0.5)).rename(tmp_path / "concat:a|b.wav")
    samples, _ = read(tmp_path / "concat:a|b.wav")
    assert len(samples) == 8000


def refused(path, says):
    with pytest.raises(InputError, match=says) as caught, open_media(path) as reader:
        list(reader.blocks())
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert caught.value.exit_status == 3


def test_missing(tmp_path):
    refused(tmp_path / "no.wav", "no file '.*no.wav'")


def test_folder(tmp_path):
    refused(tmp_path, "is a folder")


def test_device_file():
    refused("/dev/null", "neither a file nor a pipe")


def test_zero_bytes(tmp_path):
    (tmp_path / "e.mp3").touch()
    refused(tmp_path / "e.mp3", "is empty")


def test_not_media(tmp_path):
    (tmp_path / "x.mp3").write_bytes(b"certainly not media " * 100)
    refused(tmp_path / "x.mp3", "not a media file|holds no sound|cannot be")


def test_text_with_escape_sequences_in_its_name(tmp_path):
    path = tmp_path / "\x1b[31mred.wav"
    path.write_bytes(b"no")
    refused(path, "red.wav is not")


def test_name_with_a_zero_byte():
    refused("a\0b", "cannot be read")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(make_wav, make_tone):
    path = make_wav(make_tone(0.1))
    path.chmod(0)
    refused(path, "permission")


def test_video_without_sound(make_media):
    refused(make_media(np.zeros(0), "v.mp4", "", video=True), "no audio stream")


def test_wav_of_length_zero(make_wav):
    refused(make_wav(np.zeros(0, np.float32)), "holds no sound|cannot be decoded|not a media")


def test_playlist_cannot_reach_the_network(tmp_path):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        port = server.getsockname()[1]
        (tmp_path / "p.m3u8").write_text(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
            f"http://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
        )
        refused(tmp_path / "p.m3u8", "p.m3u8")
        with pytest.raises(BlockingIOError):
            server.accept()


def test_absurd_sample_rate(tmp_path, make_wav, make_tone):
    path = make_wav(make_tone(1.0))
    data = bytearray(path.read_bytes())
    data[24:28] = (1).to_bytes(4, "little")
    path.write_bytes(data)
    refused(path, "sample rate of 1 Hz")


@pytest.mark.parametrize(("name", "codec"), [("t.flac", "flac"), ("t.mp3", "libmp3lame")])
def test_truncated_media_gives_what_is_there(make_media, make_tone, name, codec):
    path = make_media(make_tone(4.0, 48_000), name, codec)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    samples, _ = read(path)
    assert SAMPLE_RATE < len(samples) <= 4 * SAMPLE_RATE


def test_truncated_mp4_is_refused(make_media, make_tone):
    path = make_media(make_tone(2.0, 48_000), "t.m4a", "aac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, "t.m4a")


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("f.wav", "pcm_s16le"),
        ("f.flac", "flac"),
        ("f.mp3", "libmp3lame"),
        ("f.m4a", "aac"),
        ("f.ogg", "libopus"),
        ("f.mkv", "libopus"),
    ],
)
def test_damaged_files_end_or_are_refused(make_media, make_tone, tmp_path, capfd, name, codec):
    whole = make_media(make_tone(1.0, 48_000), name, codec).read_bytes()
    rng = random.Random(name)
    endings, messages = set(), []
    for attempt in range(60):
        data = bytearray(whole)
        if attempt % 3:
            for _ in range(rng.choice([1, 4, 32, 256])):
                data[rng.randrange(len(data))] = rng.randrange(256)
        if attempt % 3 != 1:
            del data[rng.randrange(len(data)) :]
        path = tmp_path / f"d{attempt}{os.path.splitext(name)[1]}"
        path.write_bytes(data)
        total = 0
        try:
            with open_media(path) as reader:
                for block in reader.blocks():
                    assert np.isfinite(block).all()
                    total += len(block)
                endings.add("notice" if reader.notices else "end")
        except InputError as error:
            endings.add("refused")
            messages.append(str(error))
    assert "refused" in endings
    assert len(endings) > 1
    assert not [message for message in messages if not message.isprintable()]
    assert capfd.readouterr() == ("", "")
