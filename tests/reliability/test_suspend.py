"""Ctrl-Z, fg, bg and SIGSTOP, in a real shell on a real terminal."""

import os
import pty
import re
import select
import shlex
import shutil
import signal
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pysubs2
import pytest

from live_whisper.streaming.recording import recordings
from live_whisper.streaming.sinks.journal import read_journal
from live_whisper.types.events import AudioLost, Notice, SessionEnded
from live_whisper.units import SAMPLE_RATE

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="job control"),
    pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash"),
]
DEADLINE_S = 40.0
HIDDEN, VISIBLE = b"\x1b[?25l", b"\x1b[?25h"


class Shell:
    """An interactive bash with job control on a terminal of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.child, self.master = pty.fork()
        if self.child == 0:
            settings = {"TERM": "xterm-256color", "PS1": "READY> ", "COLUMNS": "80", "LINES": "24"}
            arguments = ["bash", "--norc", "--noprofile", "--noediting", "-i"]
            os.execvpe("bash", arguments, {**environment, **settings})
        self.seen = b""
        self.until(b"READY> ")

    def until(self, pattern: bytes, *, since: int = 0) -> int:
        """Read until the output after ``since`` matches; where the match ends."""
        deadline = time.monotonic() + DEADLINE_S
        while not (found := re.compile(pattern).search(self.seen, since)):
            assert time.monotonic() < deadline, (pattern, self.seen[since:][-2000:])
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
        return found.end()

    def quiet(self, seconds: float) -> bytes:
        """What appears within a time."""
        before, end = len(self.seen), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                self.seen += os.read(self.master, 65536)
        return self.seen[before:]

    def type(self, text: str) -> int:
        """Keys; gives the place in the output at which they were pressed."""
        place = len(self.seen)
        os.write(self.master, text.encode())
        return place

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def close(self) -> None:
        os.close(self.master)
        for number in (signal.SIGHUP, signal.SIGKILL):
            if os.waitpid(self.child, os.WNOHANG)[0]:
                return
            os.kill(self.child, number)
            time.sleep(0.2)
        os.waitpid(self.child, os.WNOHANG)


@pytest.fixture
def shell(program) -> Iterator[Shell]:
    shell = Shell(program.environment)
    yield shell
    shell.close()


def start(shell: Shell, program, tmp_path: Path, *options: str, end: str = "\n") -> int:
    options = ("-o", str(tmp_path / "out.srt"), *options)
    return shell.type(shlex.join(program.arguments(*options, pace="realtime")) + end)


def go_on(shell: Shell) -> int:
    return shell.type("fg; echo status=$?\n")


def finish(shell: Shell, place: int, program, tmp_path: Path) -> None:
    """Ctrl-C after the next sentence: complete, nothing lost, one line about the pause."""
    shell.until(rb"w21", since=place)
    shell.type("\x03")
    end = shell.until(rb"status=\d+\r", since=place)
    assert shell.seen[:end].endswith(b"status=0\r"), shell.seen[-2000:]
    words = " ".join(cue.plaintext for cue in pysubs2.load(str(tmp_path / "out.srt"))).split()
    (folder,) = recordings(tmp_path / "state" / "live-whisper" / "recordings")
    events = read_journal(folder.journal).events
    ended = events[-1]
    assert isinstance(ended, SessionEnded)
    captured = ended.summary.captured_samples
    assert words == program.meeting.text_until(captured).split()
    assert captured < 20 * SAMPLE_RATE, "the pause was taken for sound"
    assert not any(isinstance(event, AudioLost) for event in events)
    pauses = [event for event in events if isinstance(event, Notice) and "pause" in event.message]
    assert len(pauses) == 1
    assert folder.meta().clean
    assert b"Traceback" not in shell.seen


@pytest.mark.slow
def test_ctrl_z_and_fg_in_the_live_view(shell: Shell, program, tmp_path: Path) -> None:
    start(shell, program, tmp_path)
    shell.until(re.escape(HIDDEN))
    shell.until(rb"w2")
    stopped = shell.type("\x1a")
    prompt = shell.until(rb"READY> ", since=stopped)
    given_back = shell.seen[stopped:prompt]
    assert VISIBLE in given_back, given_back
    assert given_back.rindex(VISIBLE) < given_back.index(b"Stopped")
    assert HIDDEN not in given_back[given_back.rindex(VISIBLE) :]
    assert shell.echoes()
    assert shell.quiet(2.5) == b"", "something was drawn while the program stood still"
    place = go_on(shell)
    shell.until(re.escape(HIDDEN), since=place)
    shell.until(rb"listening", since=place)
    finish(shell, place, program, tmp_path)
    assert shell.seen.rindex(VISIBLE) > shell.seen.rindex(HIDDEN)


@pytest.mark.slow
def test_ctrl_z_and_fg_with_plain_lines(shell: Shell, program, tmp_path: Path) -> None:
    start(shell, program, tmp_path, "-f", "plain", "--set", "engine.isolation=thread")
    shell.until(rb"w10\.")
    stopped = shell.type("\x1a")
    shell.until(rb"Stopped", since=stopped)
    assert b"w" not in shell.quiet(2.5).replace(b"READY> ", b"")
    place = go_on(shell)
    finish(shell, place, program, tmp_path)


@pytest.mark.slow
def test_a_stop_that_cannot_be_caught(shell: Shell, program, tmp_path: Path) -> None:
    """SIGSTOP leaves the area on the screen; afterwards nothing of the shell's is painted over."""
    start(shell, program, tmp_path)
    shell.until(rb"w2")
    (pid,) = children_of(shell.child)
    os.kill(pid, signal.SIGSTOP)
    shell.until(rb"(?s)Stopped.*READY> ")
    shell.quiet(2.5)
    place = go_on(shell)
    shell.until(re.escape(HIDDEN), since=place)
    drawn = shell.seen[place:]
    # moving up before anything was drawn again would erase the shell's lines
    assert b"\x1b[1A" not in drawn[: drawn.index(HIDDEN)]
    finish(shell, place, program, tmp_path)


@pytest.mark.slow
def test_bg_captions_go_on_and_leave_the_terminal_alone(
    shell: Shell, program, tmp_path: Path
) -> None:
    shell.type("stty tostop\n")
    start(shell, program, tmp_path)
    shell.until(rb"w2")
    stopped = shell.type("\x1a")
    shell.until(rb"READY> ", since=stopped)
    shell.quiet(2.5)
    place = shell.type("bg\n")
    shell.until(rb"READY> ", since=place)
    srt = tmp_path / "out.srt"
    before = len(srt.read_text())
    assert shell.quiet(6.0) == b"", "the live view was drawn over somebody else's terminal"
    assert len(srt.read_text()) > before, "no captions were written in the background"
    place = go_on(shell)
    shell.until(re.escape(HIDDEN), since=place)
    end = shell.until(rb"status=0\r", since=place)
    words = " ".join(cue.plaintext for cue in pysubs2.load(str(srt))).split()
    assert words == program.meeting.text.split()
    shown = shell.seen[:end]
    for word in program.meeting.text.split():
        assert word.encode() in shown, f"{word} was never shown"


@pytest.mark.slow
def test_started_in_the_background(shell: Shell, program, tmp_path: Path) -> None:
    start(shell, program, tmp_path, end=" &\n")
    shell.until(rb"\[1\] \d+")
    shell.quiet(4.0)
    assert HIDDEN not in shell.seen
    place = go_on(shell)
    shell.until(re.escape(HIDDEN), since=place)
    shell.until(rb"w0", since=place)
    place = shell.type("\x03")
    shell.until(rb"recorded", since=place)
    shell.until(rb"status=0\r", since=place)
    assert b"Traceback" not in shell.seen


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        pytest.skip("needs Linux's list of children")
    return [int(number) for number in listed.read_text().split()]
