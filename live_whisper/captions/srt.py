"""SubRip (.srt), written append-only and read tolerantly for ``--resume``."""

import re
from dataclasses import dataclass

from live_whisper import units
from live_whisper.captions.cues import Cue
from live_whisper.captions.writer import DocumentInfo, WordPiece, WriterOptions, words_by_line

_ARROW = " --> "


def timestamp(sample: int, separator: str = ",") -> str:
    """``HH:MM:SS,mmm`` of a sample; rounded once, before it is split."""
    ms = units.samples_to_ms(max(0, sample))
    hours, ms = divmod(ms, 3_600_000)
    minutes, ms = divmod(ms, 60_000)
    seconds, ms = divmod(ms, 1000)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{separator}{ms:03d}"


class SrtWriter:
    """Number, times and lines. With ``words``, one block per word, which is underlined."""

    def __init__(self, info: DocumentInfo, options: WriterOptions) -> None:  # noqa: ARG002
        self._options = options
        self._number = options.first_number

    def header(self) -> str:
        """SubRip has none."""
        return ""

    def footer(self) -> str:
        """SubRip has none."""
        return ""

    def cue(self, cue: Cue) -> str:
        """One block, or one per word."""
        frames = _word_frames(cue) if self._options.words else []
        if not frames:
            frames = [(cue.start, cue.end, "\n".join(map(_escape, cue.lines)))]
        return "".join(self._block(*frame) for frame in frames)

    def _block(self, start: int, end: int, text: str) -> str:
        offset, number = self._options.offset, self._number
        self._number += 1
        return f"{number}\n{timestamp(start + offset)}{_ARROW}{timestamp(end + offset)}\n{text}\n\n"


_TAG = re.compile(r"<(?=\S)")


def _escape(line: str) -> str:
    """SubRip has no escapes: look-alikes where a player would see a tag, a time or an override."""
    return _TAG.sub("‹", line.replace("-->", "→").replace("\\", "⧵"))


def _word_frames(cue: Cue) -> list[tuple[int, int, str]]:
    """The cue once per word, with that word underlined, back to back over the cue's time."""
    lines = words_by_line(cue)
    if lines is None:
        return []
    frames: list[tuple[int, int, str]] = []
    heads = [(piece.word, i, j) for i, line in enumerate(lines) for j, piece in enumerate(line)]
    starts = [cue.start]
    for word, _, _ in heads[1:]:
        starts.append(min(cue.end, max(starts[-1], word.start)))
    for (_, row, column), start, end in zip(heads, starts, [*starts[1:], cue.end], strict=True):
        if units.samples_to_ms(end) <= units.samples_to_ms(start):
            continue
        shown: list[str] = []
        for i, line in enumerate(lines):
            prefix = cue.lines[i][: len(cue.lines[i]) - len(_plain(line))]
            text = "".join(
                (" " if piece.spaced else "")
                + (
                    f"<u>{_escape(piece.text)}</u>"
                    if (i, j) == (row, column)
                    else _escape(piece.text)
                )
                for j, piece in enumerate(line)
            )
            shown.append(_escape(prefix) + text)
        frames.append((start, end, "\n".join(shown)))
    return frames


def _plain(line: list[WordPiece]) -> str:
    return "".join((" " if piece.spaced else "") + piece.text for piece in line)


# --- reading, for --resume ---

_MAX_DIGITS = 9
_TIMES = re.compile(
    r"\s*(\d{1,4}):(\d{1,2}):(\d{1,2})[,.](\d{1,3})\s*-->\s*(\d{1,4}):(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
)


@dataclass(frozen=True, slots=True)
class SrtTail:
    """Where an existing SubRip file stops."""

    cues: int
    """Complete blocks."""
    last_number: int
    """Highest number of a complete block, 0 where there is none."""
    last_end_ms: int
    """Latest end of a complete block, milliseconds."""
    last_lines: tuple[str, ...]
    """Text of the last few complete blocks, oldest first: context for the recognizer."""
    valid_bytes: int
    """Length of the file up to and including its last block."""
    glue: str
    """What must follow ``valid_bytes`` before a new block can begin: line breaks, or nothing."""


def read_tail(data: bytes) -> SrtTail:
    """Read what ``--resume`` needs from an SRT file, whatever its state.

    A block is a line of times and at least one line of text, with or without an empty line after
    the last one. Anything else is skipped; what follows the last block is a torn tail, as are the
    bytes of half a character. Never raises.
    """
    cues = number = end_ms = valid = 0
    texts: list[str] = []
    for block, stop in _blocks(data):
        lines = block.decode("utf-8", errors="replace").replace("\r", "\n").split("\n")
        lines = [line for line in (raw.strip("\ufeff \t") for raw in lines) if line]
        at = next((i for i, line in enumerate(lines[:2]) if _TIMES.match(line)), None)
        if at is None or at + 1 >= len(lines):
            continue
        valid = stop
        cues += 1
        if at == 1 and lines[0].isascii() and lines[0].isdigit() and len(lines[0]) <= _MAX_DIGITS:
            number = max(number, int(lines[0]))
        match = _TIMES.match(lines[at])
        assert match is not None
        hours, minutes, seconds = (int(part) for part in match.groups()[4:7])
        ms = int(match.group(8).ljust(3, "0"))
        end_ms = max(end_ms, ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms)
        texts = [*texts[-7:], " ".join(lines[at + 1 :])]
    ending = data[max(0, valid - 4) : valid].replace(b"\r", b"")
    glue = (
        "" if not valid or ending.endswith(b"\n\n") else "\n" if ending.endswith(b"\n") else "\n\n"
    )
    return SrtTail(cues, max(number, cues), end_ms, tuple(texts), valid, glue)


_BLOCK_END = re.compile(rb"\r?\n[ \t]*(?:\r?\n)+")


def _blocks(data: bytes) -> list[tuple[bytes, int]]:
    """Pieces of a file between empty lines, each with the offset just after its empty line."""
    blocks: list[tuple[bytes, int]] = []
    start = 0
    for match in _BLOCK_END.finditer(data):
        blocks.append((data[start : match.start()], match.end()))
        start = match.end()
    rest = data[start:]
    if rest:
        whole = rest.decode("utf-8", errors="ignore").encode() if _torn(rest) else rest
        blocks.append((whole, start + len(whole)))
    return blocks


def _torn(data: bytes) -> bool:
    """Whether a text ends in the middle of a UTF-8 character and is sound before it."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return False
