"""The live display on a real pseudo-terminal, and without one."""

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
import threading
import time
import tty
import xml.etree.ElementTree as ET

import pytest
from rich.console import Console

from live_whisper.streaming.sinks.base import DisplayClosed
from live_whisper.streaming.sinks.terminal import TerminalSink
from live_whisper.types.events import Committed, Notice, Progress, Tentative


def console_on(stream, width=80, **options):
    return Console(file=stream, width=width, height=24, force_terminal=True, **options)


@pytest.fixture
def terminal():
    """A pseudo-terminal of 80 columns: (its stream, what was written to it so far)."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    written = bytearray()

    def collect():
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                return
            if not data:
                return
            written.extend(data)

    reader = threading.Thread(target=collect, daemon=True)
    reader.start()
    stream = open(slave, "w", encoding="utf-8", closefd=True)  # noqa: SIM115
    yield stream, written, reader
    if not stream.closed:
        stream.close()
    reader.join(5)
    os.close(master)


def test_a_run_on_a_terminal(terminal, meeting, monkeypatch):
    stream, written, reader = terminal
    monkeypatch.setenv("TERM", "xterm-256color")
    before = sys.stdout, sys.stderr
    sink = TerminalSink(Console(file=stream, highlight=False), outputs=("m.srt",))
    try:
        for event in meeting:
            sink.handle(event)
    finally:
        sink.close()
    sink.close()
    assert (sys.stdout, sys.stderr) == before
    stream.close()
    reader.join(5)
    text = re.sub(r"\x1b\[[\d;]*m", "", written.decode())
    hidden, visible = text.rfind("\x1b[?25l"), text.rfind("\x1b[?25h")
    assert -1 < hidden < visible  # the cursor is back
    for line in ("Goodbye", "안녕하세요 여러분. 오늘 회의에서는", "! the microphone was reopened"):
        assert line in text


def test_the_latest_state_only(words):
    out = io.StringIO()
    sink = TerminalSink(console_on(out), background=False)
    assert sink.draw()
    assert not sink.draw()  # nothing changed
    for number in range(1000):
        sink.handle(Tentative(number, words(f"guess{number}")))
    before = len(out.getvalue())
    assert sink.draw()
    drawn = out.getvalue()[before:]
    assert "guess999" in drawn
    assert "guess998" not in drawn
    sink.close()


def test_lines_scroll_away_once_and_the_tail_is_erased(words):
    out = io.StringIO()
    sink = TerminalSink(console_on(out, color_system=None), background=False)
    sink.handle(Committed(9000, words("Hello there")))
    sink.draw()
    sink.handle(Notice(9000, "hi\x1b[31m there"))
    sink.draw()
    sink.close()
    screen = emulate(out.getvalue())
    assert screen == ["· hi there", "00:00:00  Hello there"]


def emulate(data):
    """The lines left on a terminal: understands line feeds, cursor up and erase line."""
    rows, row, column, index = [""], 0, 0, 0
    while index < len(data):
        if data.startswith("\x1b[", index):
            end = index + 2
            while not data[end].isalpha():
                end += 1
            number, action = data[index + 2 : end], data[end]
            if action == "A":
                row = max(0, row - int(number or 1))
            elif action == "K":
                rows[row] = ""
            index = end + 1
            continue
        if data[index] == "\n":
            row, column = row + 1, 0
            rows += [""] * (row + 1 - len(rows))
        elif data[index] == "\r":
            column = 0
        else:
            rows[row] = rows[row][:column].ljust(column) + data[index] + rows[row][column + 1 :]
            column += 1
        index += 1
    return [line.rstrip() for line in rows if line.strip()]


def test_a_narrowed_terminal(words):
    out = io.StringIO()
    console = console_on(out, width=100)
    sink = TerminalSink(console, background=False)
    sink.handle(Committed(9000, words("Hello there " * 8)))
    sink.draw()
    console.width = 30
    assert sink.draw()
    console.width = 200
    assert sink.draw()
    sink.close()


def test_suspending_gives_the_terminal_back(words):
    out = io.StringIO()
    sink = TerminalSink(console_on(out), background=False)
    sink.draw()
    sink.suspend()
    assert out.getvalue().rfind("\x1b[?25h") > out.getvalue().rfind("\x1b[?25l")
    sink.resume()
    assert sink.draw()
    sink.close()
    assert out.getvalue().rfind("\x1b[?25h") > out.getvalue().rfind("\x1b[?25l")


def test_a_terminal_that_was_closed():
    class Gone(io.StringIO):
        gone = False

        def write(self, text):
            if self.gone:
                raise OSError(5, "Input/output error")
            return super().write(text)

    out = Gone()
    sink = TerminalSink(console_on(out), background=False)
    out.gone = True
    sink.handle(Notice(0, "x"))
    sink.draw()
    with pytest.raises(DisplayClosed):
        sink.handle(Notice(0, "y"))
    sink.close()


def test_a_slow_terminal_never_holds_up_the_captions():
    gate = threading.Event()

    class Slow(io.StringIO):
        slow = False

        def write(self, text):
            if self.slow:
                gate.wait(30)
            return super().write(text)

    out = Slow()
    sink = TerminalSink(console_on(out))
    out.slow = True
    for number in range(5000):
        sink.handle(Progress(number * 16000, 0, -20.0, True, 0.1, 0.1, "listening"))
    gate.set()
    sink.close()
    assert out.getvalue().count("listening") <= 3


def test_a_terminal_that_takes_nothing_does_not_hold_up_the_end():
    gate, stuck = threading.Event(), threading.Event()

    class Stuck(io.StringIO):
        def write(self, text):
            if stuck.is_set():
                gate.wait(20)
            return super().write(text)

    sink = TerminalSink(console_on(Stuck()))
    stuck.set()
    sink.handle(Notice(0, "x"))
    begun = time.monotonic()
    sink.close()
    assert time.monotonic() - begun < 10
    gate.set()
    sink._thread.join(10)
    assert not sink._thread.is_alive()


def test_a_defect_in_drawing_reaches_the_caller(monkeypatch):
    def broken(*args, **kwargs):
        raise KeyError("a defect")

    sink = TerminalSink(console_on(io.StringIO()))
    monkeypatch.setattr("live_whisper.streaming.sinks.terminal.render", broken)
    sink.handle(Notice(0, "x"))
    for _ in range(1000):
        if sink._failure is not None:
            break
        threading.Event().wait(0.01)
    with pytest.raises(KeyError, match="a defect"):
        sink.handle(Notice(0, "y"))
    sink.close()


def test_a_picture_of_the_live_view(words, started):
    sink = TerminalSink(console_on(io.StringIO()), outputs=("meeting.srt",), background=False)
    sink.handle(started())
    sink.handle(Notice(9000, "hello"))
    sink.handle(Committed(9000, words("안녕하세요 여러분")))
    sink.draw()
    svg = sink.picture(title="captions")
    sink.close()
    ET.fromstring(svg)
    for text in ("안녕하세요", "meeting.srt", "captions", "hello"):
        assert text in svg
    assert "font-face" not in svg
