"""Which display a run gets."""

import io
import sys

import pytest

from live_whisper.cli.display import choose_display
from live_whisper.config.schema import Config, DisplayConfig
from live_whisper.errors import UsageError
from live_whisper.streaming.sinks.jsonl import JsonLinesSink
from live_whisper.streaming.sinks.plain import PlainSink
from live_whisper.streaming.sinks.terminal import TerminalSink


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def chosen(kind: str) -> type:
    sink = choose_display(Config(display=DisplayConfig(format=kind)))
    sink.close()
    return type(sink)


@pytest.mark.parametrize(
    ("kind", "display"), [("auto", PlainSink), ("plain", PlainSink), ("jsonl", JsonLinesSink)]
)
def test_in_a_pipe(monkeypatch, kind, display):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert chosen(kind) is display


@pytest.mark.parametrize(
    ("term", "kind", "display"),
    [
        ("xterm", "auto", TerminalSink),
        ("xterm", "rich", TerminalSink),
        ("xterm", "plain", PlainSink),
        ("dumb", "auto", PlainSink),
    ],
)
def test_on_a_terminal(monkeypatch, term, kind, display):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert chosen(kind) is display


def test_rich_needs_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with pytest.raises(UsageError, match="--format plain"):
        choose_display(Config(display=DisplayConfig(format="rich")))
