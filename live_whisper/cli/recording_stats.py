"""``live-whisper recordings stats``: how a run that really happened went."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

from live_whisper.cli.summary import duration
from live_whisper.errors import InputError, OutputError, one_line
from live_whisper.streaming.evaluation.past_run import (
    AgainstTruth,
    InputReport,
    PastRun,
    read_past_run,
)
from live_whisper.streaming.evaluation.report import Quantiles
from live_whisper.streaming.evaluation.units import ReferenceWord, load_reference
from live_whisper.streaming.rebuild import journal_events
from live_whisper.streaming.recording import find_recording
from live_whisper.streaming.sinks.event_log import read_event_log
from live_whisper.streaming.sinks.files import reason, shown, write_atomically
from live_whisper.types.events import Event
from live_whisper.units import SAMPLE_RATE

WIDTH = 20
BLOCK_SECONDS = 0.05
"""Shorter times cannot be told apart."""


def run_stats(name: str, *, truth: Path | None, json_path: Path | None, root: Path | None) -> int:
    """Print the figures, and write them where asked. Raises what its parts raise."""
    spoken: tuple[ReferenceWord, ...] = () if truth is None else load_reference(truth)
    found = read_past_run(_events(name, root), spoken)
    if truth is not None and len(found.inputs) > 1:
        raise InputError(
            f"{one_line(name)} has {len(found.inputs)} inputs; --truth is of one.",
            hint="Leave --truth out.",
        )
    for label, text in lines(found):
        typer.echo(f"{label + ':':<{WIDTH}} {one_line(text)}" if label else "")
    if json_path is not None:
        document = json.dumps(found.as_dict(), indent=1, ensure_ascii=False)
        try:
            write_atomically(json_path, [document.encode() + b"\n"])
        except (OSError, ValueError) as error:
            why = reason(error) if isinstance(error, OSError) else "no file name"
            raise OutputError(f"{shown(json_path)!r} cannot be written: {why}.") from None
    return 0


def _events(name: str, root: Path | None) -> Iterable[Event]:
    """Of a recording, or of a file that is a journal or an event log."""
    path = Path(name).expanduser()
    if not path.is_file():
        return journal_events(find_recording(name, root).journal)
    with path.open("rb") as file:
        if file.read(8).startswith(b'{"crc":'):
            return journal_events(path)
    events = [event for _, event in read_event_log(path)]
    if not events:
        raise InputError(f"{shown(path)!r} is neither a journal nor an event log.")
    return events


def lines(run: PastRun) -> Iterator[tuple[str, str]]:
    """What is printed: label and text; an empty label is an empty line."""
    if run.recording:  # a simulated run has none
        yield "recording", run.recording
    yield "model", f"{run.model}, language {run.language}"
    if run.engine:
        yield "engine", run.engine
    yield "ended", run.ended or "cut off, or still going on"
    yield "length", _length(run)
    yield "samples lost", str(run.samples_lost)
    if run.load_seconds is not None:
        again = f", started again {run.restarts} times" if run.restarts else ""
        yield "model ready after", f"{run.load_seconds:.1f} s{again}"
    if run.real_time_factor is not None:
        yield "real-time factor", f"{run.real_time_factor:.2f} (engine time ÷ audio time)"
    if run.backlog_seconds is not None:
        yield "largest backlog", f"{run.backlog_seconds:.1f} s of speech not yet written"
    for why, count in run.suppressed_words.items():
        yield "words kept out", f"{count} ({why})"
    for heard in run.inputs:
        yield "", ""
        yield from _input_lines(heard)
    yield "", ""
    for text in run.missing:
        yield "not known", text


def _length(run: PastRun) -> str:
    def time(seconds: float) -> str:
        return duration(round(seconds * SAMPLE_RATE))

    text = time(run.audio_seconds)
    if run.speech_seconds is not None:
        text += f", {time(run.speech_seconds)} of it speech"
    if run.undecoded_seconds:
        text += f", {time(run.undecoded_seconds)} not decoded"
    return text


def _input_lines(heard: InputReport) -> Iterator[tuple[str, str]]:
    if heard.label:
        yield "input", heard.label
    yield "words", f"{heard.words} in {heard.cues} captions"
    yield "final after", f"{_delays(heard.commit)} (from the end of a word, as it was heard)"
    yield "… without computing", _delays(heard.commit_unaware)
    yield "decode took", f"{_delays(heard.decode)} ({heard.decodes} decodes that changed something)"
    if heard.first_seen is not None:
        yield "first seen after", _delays(heard.first_seen)
    if heard.normalized_erasure is not None:
        yield (
            "taken back",
            f"{heard.words_withdrawn} guessed words, {heard.normalized_erasure:.2f} for each final",
        )
    yield "final words lost", f"{heard.committed_erasure} (in no caption)"
    if heard.truth is not None:
        yield from _truth_lines(heard.truth)


def _truth_lines(truth: AgainstTruth) -> Iterator[tuple[str, str]]:
    rates = ", ".join(
        f"{code or '?'} {rate:.2f} %" for code, rate in truth.text.by_language.items()
    )
    yield "error rate", rates or "–"
    yield (
        "… from the true end",
        f"{_delays(truth.commit)} ({truth.matched_percent:.0f} % of the words, those recognised)",
    )
    yield "missed speech", f"{truth.text.missed_speech_percent:.1f} %"
    yield "invented words", str(truth.text.hallucinated_words)
    if truth.timing.cue_boundary_error is not None:
        yield "caption times off by", f"{truth.timing.cue_boundary_error:.3f} s on average"
    if truth.timing.drift_per_hour is not None:
        yield "drift", f"{truth.timing.drift_per_hour:+.3f} s an hour"


def _delays(found: Quantiles) -> str:
    if found.p50 is None or found.p95 is None or found.largest is None:
        return "–"
    half, most, longest = map(_seconds, (found.p50, found.p95, found.largest))
    return f"{half} for half, {most} for 95 %, {longest} at most"


def _seconds(value: float) -> str:
    """Audio comes in blocks, and every event's time is the end of one."""
    return f"{value:.2f} s" if value >= BLOCK_SECONDS else f"under {BLOCK_SECONDS:g} s"
