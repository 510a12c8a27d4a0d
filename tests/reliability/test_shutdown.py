"""The program as a process: signals, closed pipes and terminals, exit statuses."""

import json
import os
import pty
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pysubs2
import pytest

from live_whisper.streaming.recording import RecordingFolder, recordings

REALTIME = "realtime"
DEADLINE_S = 30.0


def lines_until(process: "subprocess.Popen[str]", stop: Callable[[dict], bool]) -> list[dict]:
    """JSON lines from a process, up to the first that ``stop`` likes."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(json.loads(line))
        if stop(seen[-1]):
            return seen
    assert process.stderr is not None
    raise AssertionError(f"the output ended after {len(seen)} lines: {process.stderr.read()}")


def is_committed(event: dict) -> bool:
    return event["event"] == "committed"


@pytest.fixture
def started(program, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A paced run that has committed words."""
    command = program.arguments("-o", str(tmp_path / "out.srt"), "-f", "jsonl", pace=REALTIME)
    with program.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        lines_until(process, is_committed)
        yield process
        process.kill()


def only_recording(tmp_path: Path) -> RecordingFolder:
    (found,) = recordings(tmp_path / "state" / "live-whisper" / "recordings")
    return found


def ended(process: "subprocess.Popen[str]") -> tuple[int, list[dict], str]:
    out, err = process.communicate(timeout=DEADLINE_S)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


@pytest.fixture(autouse=True)
def hangups_count():
    """Tests started with ``nohup`` would hand its ignored SIGHUP on to what they start."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_finishes_what_was_heard(
    number: signal.Signals, started: "subprocess.Popen[str]", program, tmp_path: Path
) -> None:
    started.send_signal(number)
    status, events, err = ended(started)
    assert status == 0, err
    summary = events[-1]["summary"]
    assert events[-1]["event"] == "session_ended"
    assert events[-1]["reason"] == "stopped"
    assert summary.get("undecoded_samples", 0) == 0
    words = " ".join(line.plaintext for line in pysubs2.load(str(tmp_path / "out.srt"))).split()
    said = program.meeting.text_until(summary["captured_samples"]).split()
    assert words == said
    assert only_recording(tmp_path).meta().clean
    assert "Traceback" not in err


def test_a_second_one_leaves_the_rest_for_recover(
    started: "subprocess.Popen[str]", program, tmp_path: Path
) -> None:
    began = time.monotonic()
    started.send_signal(signal.SIGINT)
    started.send_signal(signal.SIGINT)
    lines_until(started, lambda event: event["event"] == "session_ended")
    status, _, err = ended(started)
    assert status == 0, err
    assert time.monotonic() - began < 15
    folder = only_recording(tmp_path)
    if not folder.meta().clean:  # the second came before everything was decoded
        assert "live-whisper recover" in err
        done = program.recover()
        assert done.returncode == 0, done.stderr
    assert folder.meta().clean


def test_a_third_one_is_the_systems(program, tmp_path: Path) -> None:
    environment = {**program.environment, "SCRIPTED_COST_MS": "20000"}
    command = program.arguments("-o", str(tmp_path / "out.srt"), "-f", "jsonl", pace=REALTIME)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines_until(process, lambda event: event.get("at", 0) > 1.5)
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            threading.Event().wait(0.3)  # let the handler run
        process.communicate(timeout=DEADLINE_S)
    assert process.returncode == -signal.SIGINT
    assert not only_recording(tmp_path).meta().clean


def test_a_closed_pipe_ends_a_run_that_writes_no_file(program, tmp_path: Path) -> None:
    command = program.arguments("-f", "jsonl", pace=REALTIME)
    with program.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        assert process.wait(DEADLINE_S) == 0
    assert err == ""
    assert only_recording(tmp_path).meta().clean


def test_a_closed_pipe_does_not_end_a_run_that_writes_a_file(program, tmp_path: Path) -> None:
    command = program.arguments("-o", str(tmp_path / "out.srt"), "-f", "jsonl")
    with program.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        assert process.wait(DEADLINE_S) == 0
    assert "Traceback" not in err
    words = " ".join(line.plaintext for line in pysubs2.load(str(tmp_path / "out.srt"))).split()
    assert words == program.meeting.text.split()


def read_terminal(master: int, until: Callable[[bytes], bool]) -> bytes:
    seen, deadline = b"", time.monotonic() + DEADLINE_S
    while not until(seen) and time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                seen += os.read(master, 65536)
            except OSError:  # the other side is closed
                break
    return seen


@pytest.mark.parametrize("signals", [1, 2])
def test_the_terminal_is_as_before(signals: int, program, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    environment = {**program.environment, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    command = program.arguments("-o", str(tmp_path / "out.srt"), pace=REALTIME)
    process = subprocess.Popen(
        command, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    try:
        seen = read_terminal(master, lambda seen: b"w2" in seen)
        assert b"\x1b[?25l" in seen, "the live display never began"
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
        seen += read_terminal(master, lambda _: process.poll() is not None)
        seen += read_terminal(master, lambda _: True)
        process.wait(DEADLINE_S)
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert process.returncode == 0
    assert seen.rindex(b"\x1b[?25h") > seen.rindex(b"\x1b[?25l"), "the cursor stays hidden"
    assert b"Traceback" not in seen


def test_a_closed_terminal_finishes_the_file(program, tmp_path: Path) -> None:
    """The system sends SIGHUP, and nothing can be written to standard output any more."""
    command = program.arguments("-o", str(tmp_path / "out.srt"), pace=REALTIME)
    environment = {**program.environment, "TERM": "xterm-256color"}
    child, master = pty.fork()
    if child == 0:
        os.execve(command[0], command, environment)
    try:
        seen = read_terminal(master, lambda seen: b"w2" in seen)
        assert b"w2" in seen, seen
    finally:
        os.close(master)  # the window is closed
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    folder = only_recording(tmp_path)
    assert folder.meta().clean
    words = " ".join(line.plaintext for line in pysubs2.load(str(tmp_path / "out.srt"))).split()
    assert words == program.meeting.text.split()[: len(words)]
    assert len(words) > 2


def test_errors_have_their_exit_status_and_no_traceback(program, tmp_path: Path) -> None:
    cases = [
        (program.arguments("--pace", "sideways"), 2),
        ([*program.command, "--lang", "en", "-i", str(tmp_path / "missing.wav")], 3),
        ([*program.command[:2], "--model", str(tmp_path), "-i", str(program.audio)], 5),
        (program.arguments("-o", str(tmp_path / "no" / "folder" / "x.srt")), 6),
        ([*program.command[:2], "recover", "20200101"], 2),
    ]
    for command, status in cases:
        done = program.run(command)
        assert done.returncode == status, (command, done.stderr)
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith("live-whisper: ")
        assert done.stderr.count("\n") == 1, done.stderr
