"""Entry point: runs a command, turns errors into one line and an exit status."""

import contextlib
import io
import os
import sys

from live_whisper.cli.app import app
from live_whisper.errors import EXIT_INTERRUPTED, LiveWhisperError, OutputError, one_line


def main() -> None:
    """Run the program and exit with the status that ``errors`` documents."""
    # numpy's products are small here; its threads would spin between them and save no time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors="replace")  # a sign it lacks must not end the captions
    try:
        status = app(standalone_mode=False)
        sys.stdout.flush()  # here, where an error can still be told
    except LiveWhisperError as error:
        _say(one_line(str(error)))
        status = error.exit_status
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has gone; nobody is left to tell
        _silence_stdout()
        status = 0
    except OSError as error:
        if _stdout_works():
            raise
        _silence_stdout()
        _say(f"Standard output cannot be written: {one_line(error.strerror or error)}.")
        status = OutputError.exit_status
    except Exception as error:
        status = _usage_status(error)
        if status is None:
            raise
    sys.exit(status if isinstance(status, int) else 0)


def _open_missing_streams() -> None:
    """A stream that whoever started us has closed (``>&-``) leads nowhere."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _stdout_works() -> bool:
    """Whether what is printed arrives; if so, an error came from somewhere else."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"\n")
    except (OSError, ValueError):
        return False
    return True


def _silence_stdout() -> None:
    """Nothing more can be said there; the interpreter flushes it again at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage_status(error: Exception) -> int | None:
    """Exit status of an error of the option parser, printed; ``None`` for any other exception."""
    format_message = getattr(error, "format_message", None)
    exit_code = getattr(error, "exit_code", None)
    if not isinstance(exit_code, int):
        return None
    if format_message is not None:
        _say(f"{one_line(format_message())} See: live-whisper --help.")
    return exit_code


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"live-whisper: {line}\n")


if __name__ == "__main__":
    main()
