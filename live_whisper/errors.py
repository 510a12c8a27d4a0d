"""What can go wrong for a user, and the exit status each kind ends with.

::

    LiveWhisperError                1
    ├── UsageError                  2   an option, a language or a configuration key
    │   └── ConfigError             2
    ├── InputError                  3   a file, a stream or standard input
    ├── DeviceError                 4   a microphone, PortAudio or the sound server
    ├── ModelError                  5   a checkpoint: missing, damaged or unsuitable
    │   └── HubError                5   the model hub: offline, gated, wrong content
    ├── OutputError                 6   a subtitle file or recording folder
    ├── EngineError                 7   the recognizer failed and could not be restarted
    └── MissingDependencyError      8   an optional package that is not installed

A message is one line that says what is wrong; ``hint`` is one line that says what to do. A
``LiveWhisperError`` is printed without a traceback; any other exception is a defect of ours and
is shown as one.
"""

from typing import ClassVar

EXIT_OK = 0
EXIT_INTERRUPTED = 130  # the user pressed Ctrl-C before anything was recorded (128 + SIGINT)


class LiveWhisperError(Exception):
    """Base of every error that is the user's, the device's or the file's; never of a defect."""

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip() if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with the hint, so that an error crosses the worker's pipe whole."""
        return (_rebuild, (type(self), self.message, self.hint))


def one_line(text: object, limit: int = 1000) -> str:
    """Text of any origin as one printable line of at most ``limit`` characters.

    Names of files, devices and models come from outside: an escape sequence or a change of
    writing direction in one must not reach a terminal.
    """
    spaced = "".join(" " if c.isspace() else c for c in str(text)[: 4 * limit])
    kept = " ".join("".join(c for c in spaced if c.isprintable()).split())
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def first_line(error: BaseException, limit: int = 200) -> str:
    """What a library's exception says in its first line, or else its type."""
    first = str(error).strip().splitlines()[:1]
    return one_line(first[0], limit).rstrip(". ") if first else type(error).__name__


def _rebuild(kind: type[LiveWhisperError], message: str, hint: str) -> LiveWhisperError:
    return kind(message, hint=hint)


class UsageError(LiveWhisperError):
    """An option or argument that cannot be used as given."""

    exit_status = 2


class ConfigError(UsageError):
    """A configuration file, profile, variable or ``--set`` that cannot be used as given."""


class InputError(LiveWhisperError):
    """Audio that cannot be read: missing, not media, truncated, empty or without sound."""

    exit_status = 3


class DeviceError(LiveWhisperError):
    """An input device that is missing, ambiguous or refuses to open."""

    exit_status = 4


class ModelError(LiveWhisperError):
    """A checkpoint that is missing, damaged, inconsistent or lacks what was asked of it."""

    exit_status = 5


class HubError(ModelError):
    """A model that could not be fetched or verified."""


class OutputError(LiveWhisperError):
    """A file or folder that cannot be written."""

    exit_status = 6


class EngineError(LiveWhisperError):
    """An engine that failed on valid input."""

    exit_status = 7


class MissingDependencyError(LiveWhisperError):
    """An optional package that the chosen feature needs and that is not installed."""

    exit_status = 8
