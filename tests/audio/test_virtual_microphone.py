"""Real PortAudio on a private sound server: what is played is what is captured.

PortAudio reads its configuration once per process, so the capturing side is a program of its own.
"""

import importlib.util
import json
import signal
import subprocess
import sys
import textwrap
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.virtual_microphone

ROOT = Path(__file__).parents[2]

CAPTURE = textwrap.dedent(
    """
    import json, sys
    import numpy as np
    from live_whisper.audio.microphone import PortAudioBackend, list_devices
    from live_whisper.audio.microphone_source import MicrophoneSource
    from live_whisper.clock import MonotonicClock

    clock = MonotonicClock()
    wanted, seconds, path = sys.argv[1] or None, float(sys.argv[2]), sys.argv[3]
    devices = [(d.name, d.is_default, d.channels, d.default_rate) for d in list_devices()]
    source = MicrophoneSource(PortAudioBackend(clock), clock, wanted)
    began = clock.now_ns()
    source.open()
    opened = (clock.now_ns() - began) / 1e9
    parts, gaps, notices, first = [], [], [], None
    while True:
        chunk = source.read(100_000_000)
        if len(chunk.samples) and first is None:
            first = (clock.now_ns() - began) / 1e9
            print("capturing", flush=True)
        parts.append(chunk.samples)
        gaps += [(gap.start, gap.end) for gap in chunk.gaps]
        notices += chunk.notices
        if chunk.ended:
            break
        if clock.now_ns() - began > seconds * 1e9:
            source.stop()
    elapsed = (clock.now_ns() - began) / 1e9
    source.close()
    np.save(path, np.concatenate(parts))
    print(json.dumps({"devices": devices, "opened": opened, "first": first, "gaps": gaps,
                      "notices": notices, "elapsed": elapsed, "name": source.name}))
    """
)


def load_support():
    spec = importlib.util.spec_from_file_location(
        "virtual_microphone", ROOT / "tests" / "support" / "virtual_microphone.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def microphone(tmp_path_factory):
    support = load_support()
    if (program := support.missing()) is not None:
        pytest.skip(f"{program} is not installed")
    try:
        import sounddevice  # noqa: F401
    except OSError:
        pytest.skip("PortAudio is not installed")
    with support.virtual_microphone(tmp_path_factory.mktemp("pulse")) as microphone:
        yield microphone


def start(microphone, tmp_path, *, seconds, wanted=""):
    """Begin capturing; returns once sound arrives."""
    program = subprocess.Popen(
        [sys.executable, "-c", CAPTURE, wanted, str(seconds), str(tmp_path / "got.npy")],
        env={**microphone.environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = program.stdout.readline()
    if line.strip() != "capturing":
        pytest.fail(line + program.stderr.read())
    return program


def result(program, tmp_path):
    out, errors = program.communicate(timeout=60)
    assert program.returncode == 0, errors
    assert errors == ""
    return json.loads(out), np.load(tmp_path / "got.npy")


def chirp_wav(path, seconds):
    """A sweep with a noise-like correlation: one clear peak, so a shift or a hole shows."""
    rng = np.random.default_rng(11)
    low = np.repeat(rng.uniform(-0.5, 0.5, seconds * 4000), 4)
    smooth = np.convolve(low, np.hanning(9) / np.hanning(9).sum(), "same")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((smooth * 32767).astype("<i2").tobytes())
    return smooth.astype(np.float32)


def place(got, want):
    """Where ``want`` begins in ``got``, and how well it fits there."""
    size = 1 << (len(got) + len(want)).bit_length()
    spectrum = np.fft.rfft(got, size) * np.conj(np.fft.rfft(want, size))
    at = int(np.argmax(np.fft.irfft(spectrum, size)[: len(got) - len(want)]))
    return at, float(np.corrcoef(got[at : at + len(want)], want)[0, 1])


def test_nothing_is_lost_between_player_and_samples(microphone, tmp_path):
    want = chirp_wav(tmp_path / "play.wav", 4)
    program = start(microphone, tmp_path, seconds=7)
    assert microphone.play(tmp_path / "play.wav").wait(20) == 0
    report, got = result(program, tmp_path)
    at, fit = place(got, want)
    assert fit > 0.98
    for second in range(4):  # every part where it belongs: no hole, no repeat, no drift
        part = want[second * 16000 : (second + 1) * 16000]
        assert abs(place(got, part)[0] - at - second * 16000) <= 16
    assert report["gaps"] == []
    assert report["opened"] < 2
    assert len(got) / 16000 == pytest.approx(report["elapsed"], abs=0.7)
    assert any(default for _, default, _, _ in report["devices"])


def test_device_by_part_of_its_name(microphone, tmp_path):
    program = start(microphone, tmp_path, seconds=1, wanted="puls")
    report, got = result(program, tmp_path)
    assert report["name"] == "pulse"
    assert len(got) > 8000


def test_unknown_device_is_one_line(microphone, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CAPTURE, "no such thing", "1", str(tmp_path / "x.npy")],
        env={**microphone.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "DeviceError: No input device is called 'no such thing'" in done.stderr


@pytest.mark.slow
@pytest.mark.timing
def test_unplugged_and_plugged_in_again_leaves_a_gap_of_the_right_length(microphone, tmp_path):
    want = chirp_wav(tmp_path / "play.wav", 2)
    program = start(microphone, tmp_path, seconds=17)
    assert microphone.play(tmp_path / "play.wav").wait(20) == 0
    microphone.unplug()
    microphone.plug_in()
    threading.Event().wait(6)  # real time for several attempts, on a busy machine too
    assert microphone.play(tmp_path / "play.wav").wait(20) == 0
    report, got = result(program, tmp_path)
    first, last = report["gaps"][0][0], report["gaps"][-1][1]
    assert sum(end - start for start, end in report["gaps"]) == last - first > 0
    assert not got[first:last].any()
    assert place(got[:first], want)[1] > 0.98
    assert place(got[last:], want)[1] > 0.98
    assert len(got) / 16000 == pytest.approx(report["elapsed"], abs=0.7)
    assert "waiting for it to come back" in report["notices"][0]
    assert "filled with silence" in report["notices"][-1]


def test_stopped_and_continued_leaves_a_gap_of_the_right_length(microphone, tmp_path):
    """SIGSTOP: what the device kept meanwhile has no known place, so none of it is used."""
    want = chirp_wav(tmp_path / "play.wav", 2)
    program = start(microphone, tmp_path, seconds=20)
    assert microphone.play(tmp_path / "play.wav").wait(20) == 0
    threading.Event().wait(2)  # what is still under way in the sound server would be lost
    program.send_signal(signal.SIGSTOP)
    threading.Event().wait(5)
    program.send_signal(signal.SIGCONT)
    threading.Event().wait(3)  # real time to open the device again, on a busy machine too
    assert microphone.play(tmp_path / "play.wav").wait(20) == 0
    report, got = result(program, tmp_path)
    first, last = report["gaps"][0][0], report["gaps"][-1][1]
    assert sum(end - start for start, end in report["gaps"]) == last - first > 4.5 * 16000
    assert not got[first:last].any()
    assert place(got[:first], want)[1] > 0.98
    assert place(got[last:], want)[1] > 0.98
    assert len(got) / 16000 == pytest.approx(report["elapsed"], abs=0.7)
    assert "while the program was stopped or the computer slept" in report["notices"][0]
    assert "filled with silence" in report["notices"][-1]
