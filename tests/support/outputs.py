"""Outputs as a run opens them."""

from pathlib import Path

from live_whisper.streaming.sinks.base import Sink
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.files import claim_output
from live_whisper.streaming.sinks.subtitle_file import open_output


def new_output(output: OutputSpec, *, journal: Path) -> Sink:
    """The sink of a file that did not exist."""
    claim_output(output.path)
    return open_output(output, journal=journal)
