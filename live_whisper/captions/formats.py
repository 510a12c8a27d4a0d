"""Subtitle formats by file name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from live_whisper.captions.fcpxml import FcpxmlWriter
from live_whisper.captions.json_document import JsonWriter
from live_whisper.captions.srt import SrtWriter
from live_whisper.captions.ttml import TtmlWriter
from live_whisper.captions.txt import TxtWriter
from live_whisper.captions.vtt import VttWriter
from live_whisper.captions.writer import CaptionWriter, DocumentInfo, WriterOptions
from live_whisper.errors import UsageError


@dataclass(frozen=True, slots=True)
class CaptionFormat:
    """A subtitle format."""

    name: str
    suffixes: tuple[str, ...]
    rolling: bool
    """Valid after every complete cue, so it can grow while captions come. The others are written
    whole when the run ends."""
    writer: Callable[[DocumentInfo, WriterOptions], CaptionWriter]


FORMATS: tuple[CaptionFormat, ...] = (
    CaptionFormat("srt", (".srt",), rolling=True, writer=SrtWriter),
    CaptionFormat("vtt", (".vtt", ".webvtt"), rolling=True, writer=VttWriter),
    CaptionFormat("txt", (".txt",), rolling=True, writer=TxtWriter),
    CaptionFormat("json", (".json",), rolling=False, writer=JsonWriter),
    CaptionFormat("ttml", (".ttml", ".xml", ".dfxp"), rolling=False, writer=TtmlWriter),
    CaptionFormat("fcpxml", (".fcpxml",), rolling=False, writer=FcpxmlWriter),
)


def format_for(path: str | PurePath) -> CaptionFormat:
    """The format that a file name's suffix asks for. Raises ``UsageError`` for an unknown one."""
    suffix = PurePath(path).suffix.lower()
    for known in FORMATS:
        if suffix in known.suffixes:
            return known
    name = suffix or "no suffix"
    raise UsageError(
        f"{PurePath(path).name!r}: {name} is not a subtitle format.",
        hint="Use one of " + ", ".join(f.suffixes[0] for f in FORMATS) + ".",
    )
