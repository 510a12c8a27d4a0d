"""The whole product, as a user has it: sound into a microphone, captions into an SRT.

A held-out clip is played into a virtual microphone (real PortAudio on a private PulseAudio server)
and captioned live by the bundled demo checkpoint in its own process. The SRT is compared with the
offline transcript of the same clip by the same checkpoint.
"""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import jiwer
import pysubs2
import pytest
import soundfile
from support.virtual_microphone import VirtualMicrophone, missing, virtual_microphone

pytestmark = [pytest.mark.virtual_microphone, pytest.mark.slow]

DEMO = Path(str(resources.files("live_whisper"))) / "assets" / "demo"
POINTS = 0.03


@pytest.fixture
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualMicrophone]:
    if lacking := missing():
        pytest.skip(f"{lacking} is not installed")
    with virtual_microphone(tmp_path_factory.mktemp("pulse")) as running:
        yield running


def words(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.casefold()))


def spoken(path: Path) -> str:
    """The text of a subtitle file, read by a subtitle library."""
    return words(" ".join(line.plaintext.replace("\n", " ") for line in pysubs2.load(str(path))))


def error_rate(language: str, reference: str, heard: str) -> float:
    """WER for English, CER for Korean, whose words are spaced in more than one right way."""
    if language == "ko":
        return float(jiwer.cer(reference.replace(" ", ""), heard.replace(" ", "")))
    return float(jiwer.wer(reference, heard))


@pytest.mark.parametrize("language", ["en", "ko"])
def test_live_captions_are_as_good_as_the_offline_transcript(
    microphone: VirtualMicrophone, tmp_path: Path, language: str
) -> None:
    environment = microphone.environment | {
        name: str(tmp_path / "home")
        for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    }
    clip = tmp_path / "clip.wav"
    samples, rate = soundfile.read(DEMO / f"clip_{language}.flac", dtype="int16")
    soundfile.write(clip, samples, rate)
    entries = json.loads((DEMO / f"clip_{language}.json").read_text(encoding="utf-8"))
    reference = words(" ".join(entry["text"] for entry in entries))
    program = [sys.executable, "-m", "live_whisper.cli.main"]

    offline = tmp_path / "offline.srt"
    transcribe = [*program, "transcribe", str(clip), "--model", "demo", "--lang", language]
    subprocess.run([*transcribe, "-o", str(offline)], env=environment, check=True, timeout=120)

    live = tmp_path / "live.srt"
    run = subprocess.Popen(
        [*program, "--model", "demo", "--lang", language, "-o", str(live), "--format", "jsonl"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    for line in run.stdout:
        if json.loads(line)["event"] == "model_ready":
            break
    microphone.play(clip).wait(timeout=120)
    # what is played is heard within a moment: stop once a second of silence has been captured
    heard_until = None
    for line in run.stdout:
        event = json.loads(line)
        if event["event"] == "progress":
            heard_until = event["at"] if heard_until is None else heard_until
            if event["at"] > heard_until + 1.5:
                break
    run.send_signal(signal.SIGINT)
    rest, errors = run.communicate(timeout=60)
    assert run.returncode == 0, errors
    ended = json.loads(rest.splitlines()[-1])
    assert ended["event"] == "session_ended"
    assert ended["summary"]["lost_samples"] == 0
    assert "samples lost: 0" in errors

    rates = {
        name: error_rate(language, reference, spoken(path))
        for name, path in (("offline", offline), ("live", live))
    }
    assert rates["live"] <= rates["offline"] + POINTS, (spoken(live), reference)
    assert rates["live"] <= 0.15, (spoken(live), reference)


def test_doctor_hears_the_microphone(microphone: VirtualMicrophone, tmp_path: Path) -> None:
    environment = microphone.environment | {"XDG_STATE_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "live_whisper.cli.main", "doctor", "--model", "demo"]
    clip = tmp_path / "clip.wav"
    samples, rate = soundfile.read(DEMO / "clip_en.flac", dtype="int16")
    soundfile.write(clip, samples, rate)
    player = microphone.play(clip)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    player.kill()
    player.wait()
    assert done.returncode == 0, done
    heard = next(line for line in done.stdout.splitlines() if " microphone " in line)
    level = re.search(r"peak (-?\d+) dBFS", heard)
    assert level, heard
    assert -40 < int(level[1]) <= 0
