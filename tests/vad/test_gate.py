"""The detector with the segmenter, on made-up noises and on synthetic speech."""

import shutil
import subprocess
import wave

import numpy as np
import pytest
import soxr

from live_whisper.types.audio import SpeechEnded, SpeechStarted
from live_whisper.units import SAMPLE_RATE
from live_whisper.vad.gate import SpeechGate
from live_whisper.vad.noise import NoiseFloor
from live_whisper.vad.pitch import pitch_strength
from live_whisper.vad.segmenter import Segmenter
from live_whisper.vad.webrtc import WebRtcOptions, WebRtcVoiceActivity


def gate():
    return SpeechGate(WebRtcVoiceActivity(), Segmenter())


def run(samples, block=480):
    """Push in blocks; returns the segments after checking the accounting."""
    subject, edges = gate(), []
    for at in range(0, len(samples), block):
        edges += subject.push(samples[at : at + block])
    edges += subject.flush()
    found = [edge.span for edge in edges if isinstance(edge, SpeechEnded)]
    assert subject.segmenter.settled == len(samples)
    assert sum(span.length for span in found) + subject.segmenter.silent == len(samples)
    return found


def share(found, start, end):
    return sum(max(0, min(s.end, end) - max(s.start, start)) for s in found) / (end - start)


def db(value):
    return 10 ** (value / 20)


def grid(samples):
    return (np.clip(np.rint(samples * 32768), -32768, 32767) / 32768).astype(np.float32)


def white(rng, count):
    return rng.standard_normal(count)


def pink(rng, count):
    spectrum = np.fft.rfft(rng.standard_normal(count))
    shaped = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), count)
    return shaped / shaped.std()


def hum(_rng, count):
    t = np.arange(count) / SAMPLE_RATE
    wave_ = sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in range(1, 20))
    return wave_ / wave_.std()


def fan(rng, count):
    t = np.arange(count) / SAMPLE_RATE
    return pink(rng, count) * (1 + 0.3 * np.sin(2 * np.pi * 7 * t)) + 0.2 * hum(rng, count)


def clicks(rng, count):
    out = rng.standard_normal(count) * db(-65)
    for at in rng.integers(0, count - 400, count // 8000):
        length = int(rng.integers(16, 400))
        decay = np.exp(-np.arange(length) / (length / 4))
        out[at : at + length] += rng.standard_normal(length) * decay * rng.uniform(0.05, 0.6)
    return out


def door_slam(rng, count):
    out = rng.standard_normal(count) * db(-65)
    length = 5000
    spectrum = np.fft.rfft(rng.standard_normal(length))
    low_pass = 1 + (np.fft.rfftfreq(length, 1 / SAMPLE_RATE) / 300) ** 2
    thud = np.fft.irfft(spectrum / low_pass, length)
    thud *= np.exp(-np.arange(length) / (length / 6)) * 0.7 / np.abs(thud).max()
    out[count // 2 : count // 2 + length] += thud
    return out


def keys(rng, count):
    out = rng.standard_normal(count) * db(-60)
    at = 0
    while (at := at + int(rng.exponential(1600)) + 800) < count - 300:
        out[at : at + 300] += rng.standard_normal(300) * np.exp(-np.arange(300) / 60) * 0.1
    return out


def test_silence_is_all_silent():
    assert run(np.zeros(20 * SAMPLE_RATE, np.float32)) == []


@pytest.mark.parametrize("level", [-55, -40, -25])
@pytest.mark.parametrize("noise", [white, pink, hum, fan])
def test_steady_noise_does_not_open(noise, level):
    rng = np.random.default_rng(3)
    samples = grid(noise(rng, 15 * SAMPLE_RATE) * db(level))
    assert share(run(samples), 2 * SAMPLE_RATE, len(samples)) == 0


@pytest.mark.parametrize("noise", [clicks, door_slam, keys])
def test_what_is_short_or_sparse_does_not_open(noise):
    samples = grid(noise(np.random.default_rng(4), 15 * SAMPLE_RATE))
    assert share(run(samples), 2 * SAMPLE_RATE, len(samples)) < 0.05


def test_cutting_the_stream_differently_changes_nothing():
    rng = np.random.default_rng(5)
    t = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    buzz = np.sign(np.sin(2 * np.pi * 120 * t)) * (np.sin(2 * np.pi * 3 * t) > 0) * 0.1
    samples = grid(np.concatenate([white(rng, 32000) * db(-60), buzz]))
    assert run(samples, 160) == run(samples, 481) == run(samples, len(samples)) != []


def test_a_stream_may_begin_anywhere():
    subject = SpeechGate(WebRtcVoiceActivity(start=1000), Segmenter(start=1000))
    subject.push(np.zeros(16000, np.float32))
    assert subject.flush() == []
    assert (subject.segmenter.settled, subject.segmenter.silent, subject.segmenter.speaking) == (
        17000,
        16000,
        False,
    )


# Speech that espeak-ng makes; nothing of it is kept.

SENTENCES = [
    ("en-us+m3", "Good morning everyone and welcome to the meeting."),
    ("en-gb+f2", "We should decide on the budget before Friday."),
    ("ko+f3", "안녕하세요 오늘 회의를 시작하겠습니다"),
    ("ko+m1", "다음 주 금요일까지 보고서를 제출해 주세요"),
    ("en-us+f4", "Yes."),
    ("en-us+m7", "No, six."),
    ("en-us+m1", "Stop."),
]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Clean sentences at 16 kHz, full scale."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    folder = tmp_path_factory.mktemp("speech")
    out = []
    for number, (voice, text) in enumerate(SENTENCES):
        path = folder / f"{number}.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), text], check=True)
        with wave.open(str(path)) as file:
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
            out.append(soxr.resample(pcm / np.abs(pcm).max(), file.getframerate(), SAMPLE_RATE))
    return out


def audible(samples):
    """Where clean speech is within 33 dB of its loudest 20 ms."""
    power = np.convolve(samples**2, np.ones(320) / 320, "same")
    return power > power.max() * 10**-3.3


@pytest.mark.parametrize("peak", [-6, -30])
@pytest.mark.parametrize(
    ("noise", "snr", "most_missed"),
    [(white, 60, 0.01), (white, 10, 0.04), (pink, 20, 0.01), (pink, 10, 0.03), (fan, 10, 0.03)],
)
def test_speech_is_found_in_noise_and_silence_closes(spoken, peak, noise, snr, most_missed):
    gap = 3 * SAMPLE_RATE
    parts, wanted, middles = [np.zeros(gap)], [np.zeros(gap, bool)], []
    for sentence in spoken:
        parts += [sentence * db(peak), np.zeros(gap)]
        wanted += [audible(sentence), np.zeros(gap, bool)]
        middles.append(sum(map(len, parts)) - gap // 2)
    clean, speech = np.concatenate(parts), np.concatenate(wanted)
    rms = np.sqrt(np.mean(clean[speech] ** 2))
    noisy = clean + noise(np.random.default_rng(6), len(clean)) * rms * db(-snr)
    found = run(grid(noisy))
    inside = np.zeros(len(clean), bool)
    for span in found:
        inside[span.start : span.end] = True
    assert (speech & ~inside).sum() / speech.sum() <= most_missed
    assert len(found) >= len(spoken)
    for middle in middles:
        assert not inside[middle - 4000 : middle + 8000].any()


def test_the_start_is_announced_while_somebody_speaks(spoken):
    subject = gate()
    samples = grid(np.concatenate([np.zeros(16000), spoken[0]]))
    edges = []
    for at in range(0, 16000 + 8000, 320):
        edges += subject.push(samples[at : at + 320])
    assert isinstance(edges[0], SpeechStarted)
    assert subject.segmenter.speaking
    assert subject.segmenter.segment_start == edges[0].at <= 16000


def test_noise_floor_follows_and_forgets():
    floor = NoiseFloor(frames=100, quantile=0.1, min_frames=10)
    assert [floor.update(-50.0) for _ in range(9)] == [None] * 9
    assert floor.update(-50.0) == -50
    for _ in range(60):
        floor.update(-20.0)
    assert floor.update(-20.0) == -50
    for _ in range(60):
        floor.update(-20.0)
    assert floor.update(-20.0) == -20
    for _ in range(100):
        floor.update(float("-inf"))
    assert floor.update(-10.0) == -96


@pytest.mark.parametrize("hertz", [80, 120, 220, 380])
def test_a_voice_like_buzz_has_a_pitch(hertz):
    t = np.arange(640) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * hertz * k * t) / k for k in range(1, 10)).astype(np.float32)
    assert pitch_strength(buzz) > 0.9


def test_noise_and_silence_have_none():
    rng = np.random.default_rng(0)
    strengths = [pitch_strength(rng.standard_normal(640).astype(np.float32)) for _ in range(50)]
    assert max(strengths) < 0.55
    assert pitch_strength(np.zeros(640, np.float32)) == 0
    assert pitch_strength(np.ones(100, np.float32)) == 0


def test_options_are_checked():
    with pytest.raises(ValueError, match="frames of 25 ms"):
        WebRtcOptions(frame_ms=25)
    with pytest.raises(ValueError, match="aggressiveness 4"):
        WebRtcOptions(aggressiveness=4)
    with pytest.raises(ValueError, match="quantile"):
        NoiseFloor(frames=10, quantile=1.0, min_frames=5)
