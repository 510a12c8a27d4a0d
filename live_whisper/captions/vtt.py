"""WebVTT (.vtt), https://www.w3.org/TR/webvtt1/, with optional word-level times."""

from live_whisper import units
from live_whisper.captions.cues import Cue
from live_whisper.captions.srt import timestamp
from live_whisper.captions.text import sanitize
from live_whisper.captions.writer import DocumentInfo, WordPiece, WriterOptions, words_by_line

_STYLE = "STYLE\n::cue(:future) { color: #999; }\n::cue(.word:past) { color: #fff; }\n\n"


def escape(text: str) -> str:
    """Text as WebVTT cue text; ``-->`` cannot survive it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class VttWriter:
    """Cues with their number as identifier; with ``words``, karaoke time stamps and classes."""

    def __init__(self, info: DocumentInfo, options: WriterOptions) -> None:
        self._language = "".join(c for c in sanitize(info.language) if c.isalnum() or c == "-")
        self._options = options
        self._number = options.first_number

    def header(self) -> str:
        """Signature, language and, for word times, a style for words still to come."""
        language = f"Language: {self._language}\n" if self._language else ""
        style = _STYLE if self._options.words else ""
        return f"WEBVTT\nKind: captions\n{language}\n{style}"

    def footer(self) -> str:
        """WebVTT has none."""
        return ""

    def cue(self, cue: Cue) -> str:
        """One cue block."""
        offset, number = self._options.offset, self._number
        self._number += 1
        start, end = timestamp(cue.start + offset, "."), timestamp(cue.end + offset, ".")
        timed = self._timed(cue) if self._options.words else None
        text = "\n".join(map(escape, cue.lines)) if timed is None else timed
        return f"{number}\n{start} --> {end}\n{text}\n\n"

    def _timed(self, cue: Cue) -> str | None:
        lines = words_by_line(cue)
        if lines is None:
            return None
        last_ms = units.samples_to_ms(cue.start)
        end_ms = units.samples_to_ms(cue.end)
        shown: list[str] = []
        for line, plain in zip(lines, cue.lines, strict=True):
            length = sum(piece.spaced + len(piece.text) for piece in line)
            parts = [escape(plain[: len(plain) - length])]
            for piece in line:
                # Time stamps inside a cue must rise strictly between its start and its end.
                ms = units.samples_to_ms(piece.word.start)
                stamped = not piece.continued and last_ms < ms < end_ms
                last_ms = ms if stamped else last_ms
                parts.append(self._piece(piece, stamped=stamped))
            shown.append("".join(parts))
        return "\n".join(shown)

    def _piece(self, piece: WordPiece, *, stamped: bool) -> str:
        stamp = timestamp(piece.word.start + self._options.offset, ".")
        space = " " if piece.spaced else ""
        return f"{space}{f'<{stamp}>' if stamped else ''}<c.word>{escape(piece.text)}</c>"
