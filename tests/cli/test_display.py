"""Which display a run gets."""

import io
import sys

import pytest

from live_whisper.cli.display import choose_display, event_log
from live_whisper.config.schema import Config, DisplayConfig, OutputConfig
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


def test_an_event_log_whose_folder_goes_away_ends_nothing(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    config = Config(output=OutputConfig(event_log=str(folder / "run.jsonl")))
    with event_log(config) as (log,):
        folder.rename(tmp_path / "elsewhere")
    log.close()
    assert not folder.exists()
