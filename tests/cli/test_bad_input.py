"""Everything a user can get wrong: one clear line, the documented exit status, nothing lost."""

import errno
import io
import os
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from live_whisper.decoding import file_mel
from live_whisper.streaming.recording import RecordingFolder, RecordingMeta
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.journal import JournalSink

Run = Callable[..., tuple[int, str, str]]


def write_wav(path: Path, seconds: float) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\0\0" * round(16_000 * seconds))


def one_line(err: str, said: str) -> None:
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) == 1, err
    assert lines[0].startswith("live-whisper: ")
    assert said in lines[0]
    assert "Traceback" not in err


BAD_OPTIONS = [
    (("--lang", "klingon"), 2, "unknown language"),
    (("--policy", "magic"), 2, "'align_att', 'local_agreement' or 'phrase'"),
    (("--format", "video"), 2, "display.format"),
    (("--task", "sing"), 2, "'transcribe' or 'translate'"),
    (("--pace", "slow", "--input", "x.wav"), 2, "realtime or fast"),
    (("--set", "vad.agressiveness=1"), 2, "Did you mean 'vad.aggressiveness'?"),
    (("--set", "streaming.step_ms=soon"), 2, "valid integer"),
    (("--profile", "nope"), 2, "low-latency"),
    (("--profile", "./nope.toml"), 2, "nope.toml"),
    (("--glossary", "nope.txt"), 3, "nope.txt"),
    (("--model", "./nowhere"), 5, "nowhere"),
    (("--model", "bese"), 5, "base"),
    ((), 5, "live-whisper demo"),
    (("-o", "x.docx", "--input", "sound.wav"), 2, ".srt"),
    (("-o", "nowhere/x.srt", "--input", "sound.wav"), 6, "does not exist"),
    (("--input", "nofile.wav"), 3, "nofile.wav"),
    (("--input", "text.txt"), 3, "not a media file"),
    (("--input", "empty.wav"), 3, "empty"),
    (("--input", "folder"), 3, "folder"),
    (("--bogus",), 2, "--bogus"),
    (("transcribe",), 2, "FILE"),
    (("transcribe", "sound.wav", "--beam", "17"), 2, "1 to 16"),
    (("--set", "decoding.temperatures=[]"), 2, "at least 1 item"),
    (("--set", "recognition.language=klingon"), 2, "unknown language"),
    (("--set", "recognition.candidate_languages=['ko', 'klingon']"), 2, "unknown language"),
    (("--set", "decoding.beam_size=0"), 2, "greater than or equal to 1"),
    (("--set", "decoding.length_penalty=2"), 2, "less than or equal to 1"),
    (("models", "path", "large"), 5, "not on disk"),
    (("--set", "streaming.step_ms=" + "9" * 5000), 2, "streaming.step_ms"),
    (("-o", "loop/x.srt", "--input", "sound.wav"), 2, "no usable file name"),
    (("-o", "~nobody-at-all/x.srt", "--input", "sound.wav"), 2, "no usable file name"),
    (("--set", "captions.maximum_seconds=0.5"), 2, "must not be above maximum_seconds"),
    (("--set", "captions.maximum_seconds=inf"), 2, "less than or equal to 600"),
    (("--set", "engine.deadline_seconds=1e300"), 2, "less than or equal to 86400"),
    (("recordings", "stats", "text.txt"), 3, "neither a journal nor an event log"),
    (("models", "rm", "demo"), 5, "cannot be removed"),
]


@pytest.mark.parametrize(
    ("arguments", "status", "said"), BAD_OPTIONS, ids=lambda value: str(value)[:40]
)
def test_one_line_and_a_status(
    run: Run, checkpoint: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    Path("text.txt").write_bytes(bytes(range(256)) * 16)
    Path("empty.wav").touch()
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    write_wav(Path("sound.wav"), 1)
    needs_model = "--model" not in arguments and arguments[:1] not in {
        ("transcribe",),
        ("models",),
        ("recordings",),
        (),
    }
    extra = ("--model", str(checkpoint), "--format", "plain") if needs_model else ()
    if "--format" in arguments:
        extra = extra[:2]
    got, _, err = run(*arguments, *extra)
    one_line(err, said)
    assert got == status


def test_an_existing_output_is_not_touched(run: Run, checkpoint: Path) -> None:
    write_wav(Path("a.wav"), 1)
    Path("out.srt").write_text("precious")
    status, _, err = run("--model", str(checkpoint), "-i", "a.wav", "-o", "out.srt", "-f", "plain")
    one_line(err, "--overwrite")
    assert status == 6
    assert Path("out.srt").read_text() == "precious"


SAME_FILE = [
    (("-i", "in.txt", "-o", "in.txt"), "is the input itself"),
    (("-i", "a.wav", "--keep-audio", "./a.wav"), "is the input itself"),
    (("-i", "a.wav", "-o", "x.srt", "-o", "./x.srt"), "written twice"),
    (("--resume", "x.srt", "-o", "x.srt"), "written twice"),
    (("transcribe", "in.txt", "-o", "in.txt"), "is the input itself"),
    (("transcribe", "a.wav", "a.txt", "-o", ".srt"), "written twice"),
]


@pytest.mark.parametrize(("arguments", "said"), SAME_FILE, ids=lambda value: " ".join(value)[:60])
def test_one_file_has_one_use(
    run: Run, checkpoint: Path, arguments: tuple[str, ...], said: str
) -> None:
    for name in ("a.wav", "in.txt"):
        write_wav(Path(name), 1)
    before = Path("in.txt").read_bytes()
    status, _, err = run(*arguments, "--model", str(checkpoint), "--overwrite")
    one_line(err, said)
    assert status == 2
    assert Path("in.txt").read_bytes() == Path("a.wav").read_bytes() == before
    assert not Path("x.srt").exists()


def test_a_file_that_another_run_writes(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    write_wav(Path("a.wav"), 1)
    Path("out.srt").write_text("1\n")
    output = OutputSpec(Path("out.srt").absolute())
    other = RecordingFolder.create(
        RecordingMeta("mic", "base", "en", "transcribe", 1, (output,)), tmp_path / "all"
    )
    arguments = ("--model", str(checkpoint), "-i", "a.wav", "-f", "plain", "-o", "out.srt",
                 "--overwrite", "--set", f"output.recordings={tmp_path / 'all'}")  # fmt: skip
    status, _, err = run(*arguments)
    other.release()
    one_line(err, "is being written by another run")
    assert status == 6
    assert Path("out.srt").read_text() == "1\n"


def test_no_command_writes_into_another_runs_file(
    run: Run, checkpoint: Path, tmp_path: Path
) -> None:
    write_wav(Path("a.wav"), 1)
    Path("out.srt").write_text("1\n")
    root = tmp_path / "all"
    meta = RecordingMeta("mic", "base", "en", "transcribe", 1)
    done = RecordingFolder.create(meta, root)
    JournalSink(done.journal).close()
    done.release()
    output = OutputSpec(Path("out.srt").absolute())
    other = RecordingFolder.create(replace(meta, outputs=(output,)), root)
    for arguments in (
        ("transcribe", "a.wav", "--model", str(checkpoint), "-o", "out.srt", "--overwrite",
         "--set", f"output.recordings={root}"),
        ("recordings", "export", done.name, "-o", "out.srt", "--overwrite",
         "--recordings", str(root)),
    ):  # fmt: skip
        status, _, err = run(*arguments)
        one_line(err, "is being written by another run")
        assert status == 6
    other.release()
    assert Path("out.srt").read_text() == "1\n"


def test_silence_overwrites_nothing(run: Run, checkpoint: Path) -> None:
    write_wav(Path("a.wav"), 2)
    Path("out.srt").write_text("precious")
    status, _, err = run(
        "--model", str(checkpoint), "-i", "a.wav", "-f", "plain", "--pace", "fast", "-o", "out.srt",
        "--overwrite", "--set", "engine.isolation=thread",
    )  # fmt: skip
    assert status == 0
    assert "out.srt is as before: nothing was said" in err
    assert Path("out.srt").read_text() == "precious"


def test_a_second_pass_that_cannot_be_is_refused_at_once(run: Run, checkpoint: Path) -> None:
    write_wav(Path("a.wav"), 1)
    Path("out.final.srt").write_text("precious")
    arguments = ("--model", str(checkpoint), "-i", "a.wav", "-f", "plain", "--refine")
    status, _, err = run(*arguments, "-o", "out.srt")
    one_line(err, "out.final.srt")
    assert status == 6
    status, _, err = run(*arguments, "-o", "other.srt", "--refine-model", "nowhere-at-all")
    one_line(err, "nowhere-at-all")
    assert status == 5
    assert not Path("out.srt").exists()
    assert not Path("other.srt").exists()


MISPLACED = [
    (("--model", "demo", "transcribe", "a.wav"), "--model stands before 'transcribe'"),
    (("--set", "output.recordings=x", "recordings"), "--set stands before 'recordings'"),
    (("recordings", "--recordings", "x", "rm", "y"), "--recordings stands before 'rm'"),
]


@pytest.mark.parametrize(("arguments", "said"), MISPLACED, ids=lambda value: " ".join(value)[:40])
def test_an_option_before_a_command_is_not_ignored(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    status, _, err = run(*arguments)
    one_line(err, said)
    assert status == 2


def test_bytes_that_are_no_text(run: Run, checkpoint: Path) -> None:
    write_wav(Path("a.wav"), 1)
    status, _, err = run("--model", str(checkpoint), "-i", "a.wav", "-o", "\udcc7\udcd1.srt")
    one_line(err, "is not valid text")
    assert status == 2


NOWHERE = [(("--version",), ">&-", 0, ""), (("config", "show"), ">/dev/full", 6, "No space left")]


@pytest.mark.skipif(sys.platform == "win32", reason="a shell and a device of Unix")
@pytest.mark.parametrize(("arguments", "to", "status", "said"), NOWHERE)
def test_standard_output_that_takes_nothing(
    arguments: tuple[str, ...], to: str, status: int, said: str
) -> None:
    command = f"{sys.executable} -m live_whisper.cli.main {' '.join(arguments)} {to}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert said in done.stderr


FAILING = [
    ("--model", "nowhere-at-all", "-i", "a.wav", "-o", "out.srt", "-o", "out.json"),
    ("-i", "nofile.wav", "-o", "out.srt", "-o", "out.json"),
    ("-i", "a.wav", "--lang", "sw", "-o", "out.srt", "-o", "out.json"),
    ("-i", "a.wav", "-o", "out.srt", "-o", "out.json", "-o", "folder"),
    ("transcribe", "a.wav", "--model", "nowhere-at-all", "-o", "out.srt"),
    ("transcribe", "text.txt", "-o", "out.srt"),
    ("transcribe", "a.wav", "-o", "new.srt", "-o", "folder/out.srt", "-o", "out.srt"),
]


@pytest.mark.parametrize("arguments", FAILING, ids=" ".join)
def test_nothing_is_overwritten_by_a_run_that_fails(
    run: Run, checkpoint: Path, arguments: tuple[str, ...]
) -> None:
    write_wav(Path("a.wav"), 1)
    Path("text.txt").write_bytes(bytes(range(256)) * 16)
    for name in ("out.srt", "out.json"):
        Path(name).write_text("precious")
    model = () if "--model" in arguments else ("--model", str(checkpoint))
    format_ = () if arguments[0] == "transcribe" else ("-f", "plain")
    isolation = ("--set", "engine.isolation=thread")
    status, _, err = run(*arguments, *model, *format_, *isolation, "--overwrite")
    one_line(err, "")
    assert status
    assert Path("out.srt").read_text() == "precious"
    assert Path("out.json").read_text() == "precious"
    assert not Path("new.srt").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder(run: Run, checkpoint: Path) -> None:
    write_wav(Path("a.wav"), 1)
    Path("locked").mkdir(mode=0o500)
    status, _, err = run("--model", str(checkpoint), "-i", "a.wav", "-o", "locked/out.srt")
    one_line(err, "locked")
    assert status == 6


def test_a_language_the_checkpoint_lacks(run: Run, checkpoint: Path) -> None:
    write_wav(Path("a.wav"), 1)
    status, _, err = run(
        "--model", str(checkpoint), "-i", "a.wav", "--lang", "sw", "-f", "plain", "-o", "a.srt",
        "--set", "engine.isolation=thread",
    )  # fmt: skip
    one_line(err, "(sw)")
    assert status == 2
    assert not Path("a.srt").exists()


def test_truncated_weights(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    write_wav(Path("a.wav"), 1)
    broken = tmp_path / "broken"
    shutil.copytree(checkpoint, broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    status, _, err = run("--model", str(broken), "-i", "a.wav", "-f", "plain")
    one_line(err, "truncated")
    assert status == 5


def test_truncated_media_is_captioned_as_far_as_it_goes(run: Run, checkpoint: Path) -> None:
    write_wav(Path("a.wav"), 2)
    data = Path("a.wav").read_bytes()
    Path("cut.wav").write_bytes(data[: len(data) // 2])
    status, _, err = run(
        "--model", str(checkpoint), "-i", "cut.wav", "-f", "plain", "--pace", "fast",
        "--set", "engine.isolation=thread",
    )  # fmt: skip
    assert status == 0
    assert "1.0 s recorded" in err
    assert "Traceback" not in err


def test_control_codes_in_a_file_name_never_reach_the_terminal(run: Run, checkpoint: Path) -> None:
    status, out, err = run("--model", str(checkpoint), "-i", "evil\x1b[31m.wav")
    assert status == 3
    assert "\x1b" not in out + err


def test_help_and_version(run: Run) -> None:
    status, out, _ = run("--help")
    assert status == 0
    for option in ("--lang", "--model", "--task", "--device", "--input", "--pace", "--output",
                   "--format", "--policy", "--profile", "--set", "--version"):  # fmt: skip
        assert option in out
    status, out, _ = run("--version")
    assert status == 0
    assert out.startswith("live-whisper ")


def test_a_full_temporary_folder_is_named(
    run: Run, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    write_wav(Path("a.wav"), 1)
    monkeypatch.setattr(file_mel.tempfile, "TemporaryFile", lambda *_, **__: Full())
    status, _, err = run("transcribe", "a.wav", "--model", str(checkpoint), "--lang", "en")
    one_line(err, "The temporary folder")
    assert status == 6
