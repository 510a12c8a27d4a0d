"""Whole lines to standard output, for whoever may stop reading."""

import contextlib
import errno
import os
import sys
from typing import TextIO

from live_whisper.streaming.sinks.base import DisplayClosed


class LineWriter:
    """Writes and flushes lines. One thread."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    @property
    def is_utf8(self) -> bool:
        """Whether the stream can spell everything."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return encoding.lower().replace("_", "-") in {"utf-8", "utf8"}

    def write(self, line: str) -> None:
        """One line. Raises ``DisplayClosed`` where the other end is gone, ``OSError`` otherwise."""
        try:
            self._stream.write(self._encodable(line) + "\n")
            self._stream.flush()
        except (BrokenPipeError, ConnectionResetError):
            self._silence()
            raise DisplayClosed from None
        except OSError as error:
            self._silence()  # the terminal was closed, or the disk behind ``>`` is full
            if error.errno not in (errno.EPIPE, errno.EIO, errno.EBADF):
                raise
            raise DisplayClosed from None
        except ValueError:  # the stream object was closed
            raise DisplayClosed from None

    def _encodable(self, line: str) -> str:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            line.encode(encoding)
        except (UnicodeEncodeError, LookupError):
            return line.encode(encoding, errors="backslashreplace").decode(encoding)
        return line

    def _silence(self) -> None:
        """Point a broken standard output at nothing; the interpreter flushes it again at exit."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if self._stream is sys.stdout:
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, self._stream.fileno())
                os.close(nothing)
