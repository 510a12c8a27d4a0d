"""What a run says when it ends."""

import contextlib
import os
import sys
from collections.abc import Iterable

from live_whisper.errors import one_line
from live_whisper.streaming.recording import RecordingFolder
from live_whisper.types.events import Summary
from live_whisper.units import SAMPLE_RATE


def print_summary(summary: Summary, recording: RecordingFolder) -> None:
    """Print to standard error, so that captions in a pipe stay captions."""
    say(summary_lines(summary, recording.name))


def say(lines: Iterable[str]) -> None:
    """Lines to standard error, if anybody still reads it: its terminal may have been closed."""
    try:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):  # the interpreter flushes it at exit
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stderr.fileno())
            os.close(nothing)


def summary_lines(summary: Summary, recording: str) -> list[str]:
    """The summary as lines of text."""
    captured = summary.captured_samples
    lines = [
        (
            f"{duration(captured)} recorded: {duration(summary.decoded_samples)} speech, "
            f"{duration(summary.silent_samples)} silence; samples lost: {summary.lost_samples}"
        ),
        f"{summary.words} words in {summary.cues} captions, language {summary.language}",
    ]
    p50, p95 = summary.commit_latency_p50_seconds, summary.commit_latency_p95_seconds
    if p50 is not None and p95 is not None:
        lines.append(
            f"commit latency p50 {p50:.2f} s, p95 {p95:.2f} s; "
            f"compute ratio {summary.compute_ratio:.2f}"
        )
    if summary.undecoded_samples:
        lines.append(
            f"{duration(summary.undecoded_samples)} not decoded; "
            f"to decode them: live-whisper recover {recording}"
        )
    lines += [f"saved: {one_line(name)}" for name in summary.files]
    return lines


def duration(samples: int) -> str:
    """``1:02:03``, ``2:03`` or ``3.4 s``."""
    seconds = samples / SAMPLE_RATE
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
