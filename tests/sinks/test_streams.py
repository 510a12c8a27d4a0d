"""Plain lines and JSON lines, and readers that go away."""

import io
import json
import os
import subprocess
import sys

import pytest

from live_whisper.streaming.sinks.base import DisplayClosed
from live_whisper.streaming.sinks.jsonl import JsonLinesSink
from live_whisper.streaming.sinks.plain import PlainSink
from live_whisper.types.events import Committed, Notice, Progress, Tentative, WindowDone
from live_whisper.types.text import Word


def test_plain_lines(meeting):
    out, err = io.StringIO(), io.StringIO()
    sink = PlainSink(out, err)
    for event in meeting:
        sink.handle(event)
    sink.close()
    assert out.getvalue().splitlines() == [
        "안녕하세요 여러분. 오늘 회의에서는 다음 분기 예산을 확인하고",
        "새로운 제품의 일정도 봅니다.",
        "It costs 3.5 million dollars, which is a lot but <we> can manage.",
        "Goodbye",
    ]
    assert err.getvalue() == "live-whisper: the microphone was reopened\n"


def test_plain_close_prints_the_open_caption(words):
    out = io.StringIO()
    sink = PlainSink(out)
    sink.handle(Committed(9000, words("Hello there")))
    assert out.getvalue() == ""
    sink.close()
    sink.close()
    assert out.getvalue() == "Hello there\n"


def test_json_lines(meeting):
    out = io.StringIO()
    sink = JsonLinesSink(out)
    for event in meeting:
        sink.handle(event)
    sink.close()
    objects = [json.loads(line) for line in out.getvalue().splitlines()]
    shown = [event for event in meeting if not isinstance(event, WindowDone)]
    assert len(objects) == len(shown)
    for entry, event in zip(objects, shown, strict=True):
        assert entry["at_sample"] == event.at
        assert entry["at"] == pytest.approx(event.at / 16000, abs=0.001)
    kinds = {entry["event"]: entry for entry in objects}
    assert kinds["committed"]["words"] == [
        {
            "text": " Goodbye",
            "start": 18.75,
            "end": 19.0,
            "start_sample": 300_000,
            "end_sample": 304_000,
            "probability": 1.0,
        }
    ]
    assert kinds["committed"]["text"] == " Goodbye"
    assert (kinds["segment_closed"]["start"], kinds["segment_closed"]["end"]) == (12.438, 17.438)
    assert kinds["text_suppressed"]["reason"] == "no_speech"
    assert kinds["progress"]["level_dbfs"] == -20.0
    assert kinds["session_ended"]["summary"]["captured_samples"] == 160_000
    assert kinds["session_ended"]["summary"]["files"] == ["m.srt"]
    assert kinds["notice"] == {
        "event": "notice",
        "at": 16.875,
        "at_sample": 270_001,
        "message": "the microphone was reopened",
        "level": "warning",
    }


def test_json_lines_have_no_control_characters_and_no_nan():
    out = io.StringIO()
    sink = JsonLinesSink(out)
    sink.handle(Tentative(0, (Word(" a\x1b[31mb\ud800", 0, 1, float("nan")),)))
    sink.handle(Notice(0, "x\x1b]0;t\x07y", "info"))
    sink.handle(Progress(0, 0, float("-inf"), False, float("nan"), 0.0, "listening"))
    assert "\\u001b" not in out.getvalue()
    objects = [json.loads(line) for line in out.getvalue().splitlines()]
    assert objects[0]["text"] == " ab\ufffd"
    assert objects[0]["words"][0]["probability"] is None
    assert objects[1]["message"] == "xy"
    assert objects[2]["level_dbfs"] is None


def test_a_stream_that_cannot_spell_korean(words):
    raw = io.BytesIO()
    sink = PlainSink(io.TextIOWrapper(raw, encoding="ascii"))
    sink.handle(Committed(9000, words("안녕 hi")))
    sink.close()
    assert raw.getvalue() == b"\\uc548\\ub155 hi\n"


def test_a_pipe_whose_reader_left(words):
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", encoding="utf-8") as stream:
        sink = JsonLinesSink(stream)
        with pytest.raises(DisplayClosed):
            sink.handle(Notice(0, "x", "info"))
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)


def test_a_closed_stream():
    stream = io.StringIO()
    stream.close()
    with pytest.raises(DisplayClosed):
        JsonLinesSink(stream).handle(Notice(0, "x", "info"))


def test_a_full_disk_behind_standard_output_is_an_error(words):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        JsonLinesSink(Full()).handle(Notice(0, "x", "info"))


PROGRAM = """
from live_whisper.streaming.sinks.base import DisplayClosed
from live_whisper.streaming.sinks.jsonl import JsonLinesSink
from live_whisper.types.events import Notice
sink = JsonLinesSink()
try:
    while True:
        sink.handle(Notice(0, "x" * 1000, "info"))
except DisplayClosed:
    raise SystemExit(7)
"""


def test_head_leaves_no_complaint():
    """Not even from the interpreter, which flushes standard output once more when it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 7


def test_captions_outlive_the_place_for_notices(words):
    captions = io.StringIO()
    closed = io.StringIO()
    closed.close()
    sink = PlainSink(captions, closed)
    sink.handle(Notice(0, "the disk is nearly full", "warning"))
    sink.handle(Notice(0, "again", "warning"))
    sink.handle(Committed(0, words(" It goes on.")))
    sink.close()
    assert captions.getvalue() == "It goes on.\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_lines_are_json_in_any_encoding(encoding, words):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    JsonLinesSink(stream).handle(Committed(0, words(" 안녕 é")))
    stream.flush()
    assert json.loads(raw.getvalue().decode("utf-8"))["text"] == " 안녕 é"
