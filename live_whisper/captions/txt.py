"""Plain text (.txt): one line per cue, nothing else."""

from live_whisper.captions.cues import Cue
from live_whisper.captions.writer import DocumentInfo, WriterOptions


class TxtWriter:
    """The words as text."""

    def __init__(self, info: DocumentInfo, options: WriterOptions) -> None:
        """Plain text has neither header nor options."""

    def header(self) -> str:
        """Nothing."""
        return ""

    def footer(self) -> str:
        """Nothing."""
        return ""

    def cue(self, cue: Cue) -> str:
        """The cue's text on one line."""
        return cue.text + "\n"
