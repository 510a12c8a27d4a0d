"""``live-whisper recordings``: what was recorded, and what can be done with it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from live_whisper.captions.srt import timestamp
from live_whisper.captions.text import sanitize
from live_whisper.cli.summary import duration
from live_whisper.errors import InputError, LiveWhisperError, OutputError, UsageError, one_line
from live_whisper.streaming.recording import (
    RecordingFolder,
    RecordingMeta,
    default_root,
    find_recording,
    refuse_written,
)
from live_whisper.streaming.recording import recordings as all_recordings
from live_whisper.streaming.sinks.journal import last_event
from live_whisper.types.events import SessionEnded

AUDIO = (".wav", ".flac")
HEADINGS = ("recording", "began", "length", "state", "words", "size", "heard on")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    name: str
    began: str
    length: str
    state: str
    """``recording``, ``unfinished`` or ``finished``."""
    words: str
    size: str
    source: str

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of ``HEADINGS``."""
        return (
            self.name,
            self.began,
            self.length,
            self.state,
            self.words,
            self.size,
            self.source,
        )


def row(folder: RecordingFolder) -> Row:
    """What can be said without reading everything."""
    last = last_event(folder.journal)
    ended = last if isinstance(last, SessionEnded) else None
    length = ended.summary.captured_samples if ended else last.at if last else 0
    try:
        meta = folder.meta()
        began, source, clean = _began(meta), one_line(meta.source), meta.clean
    except InputError:
        began, source, clean = "?", "?", False
    state = "recording" if folder.in_use() else "finished" if clean else "unfinished"
    words = str(ended.summary.words) if ended else ""
    size = f"{folder.size_bytes() / 1e6:.1f} MB"
    return Row(folder.name, began, duration(length), state, words, size, source)


def _began(meta: RecordingMeta) -> str:
    moment = datetime.fromtimestamp(meta.started_wall_ns / 1e9, UTC).astimezone()
    return f"{moment:%Y-%m-%d %H:%M}"


def run_list(root: Path | None) -> int:
    """A table on a terminal, tab-separated lines in a pipe."""
    rows = [row(folder) for folder in all_recordings(root)]
    if not sys.stdout.isatty():
        for item in rows:
            typer.echo("\t".join(item.cells))
        return 0
    if not rows:
        typer.echo(f"No recordings in {sanitize(str(root or default_root()))}.")
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading)
    for item in rows:
        table.add_row(*item.cells, style="bold" if item.state != "finished" else None)
    Console(markup=False, highlight=False).print(table)
    if any(item.state == "unfinished" for item in rows):
        typer.echo("To finish the unfinished ones: live-whisper recover")
    return 0


def run_show(name: str, root: Path | None) -> int:
    """Facts first, then every caption with its time."""
    from live_whisper.streaming.rebuild import cues_of, journal_events

    folder = find_recording(name, root)
    item, meta = row(folder), folder.meta()
    facts = [
        ("recording", item.name),
        ("folder", str(folder.path)),
        ("began", item.began),
        ("length", item.length),
        ("state", item.state),
        ("heard on", item.source),
        ("model", meta.model),
        ("language", meta.language),
        ("size", item.size),
        ("audio", _audio(folder, meta)),
        *(("file", str(output.path)) for output in meta.outputs),
    ]
    for key, value in facts:
        typer.echo(f"{key + ':':<11} {one_line(value)}")
    typer.echo("")
    for cue in cues_of(journal_events(folder.journal)):
        typer.echo(f"{timestamp(cue.start)[:8]}  {sanitize(cue.text)}")
    return 0


def _audio(folder: RecordingFolder, meta: RecordingMeta) -> str:
    from live_whisper.runtime.recover import stored_config

    named = stored_config(meta).output.keep_audio
    if folder.parts():
        return "kept here"
    return f"kept as {named}" if named else "not kept"


def run_export(name: str, outputs: Sequence[str], *, overwrite: bool, root: Path | None) -> int:
    """Each output in the format of its suffix. Raises ``OutputError``, ``UsageError``."""
    folder = find_recording(name, root)
    paths = [Path(output).expanduser() for output in outputs]
    for path in paths:
        if path.exists() and not overwrite:
            raise OutputError(
                f"{one_line(str(path))!r} already exists.", hint="Add --overwrite or another name."
            )
    refuse_written(paths, root)
    for path in paths:
        if path.suffix.lower() in AUDIO:
            _export_audio(folder, path)
        else:
            _export_captions(folder, path)
        typer.echo(f"live-whisper: saved: {one_line(str(path))}", err=True)
    return 0


def _export_captions(folder: RecordingFolder, path: Path) -> None:
    from live_whisper.captions.formats import format_for
    from live_whisper.streaming.rebuild import rebuild_file
    from live_whisper.streaming.sinks.captioning import OutputSpec

    format_for(path)
    rebuild_file(folder.journal, OutputSpec(path))


def _export_audio(folder: RecordingFolder, path: Path) -> None:
    from live_whisper.audio.export import export_recording
    from live_whisper.audio.spool import SpoolReader

    reader = SpoolReader(folder.path)
    if not reader.end:
        raise InputError(
            f"The audio of {folder.name} is not here: {_audio(folder, folder.meta())}.",
            hint="Record with --keep-audio to keep it.",
        )
    export_recording(reader, path, overwrite=True)


def run_remove(names: Sequence[str], *, force: bool, root: Path | None) -> int:
    """Delete each; what cannot be deleted is said, and the others still are."""
    status = 0
    for name in names:
        try:
            folder = find_recording(name, root)
            if row(folder).state == "unfinished" and not force:
                raise UsageError(
                    f"{folder.name} is unfinished.",
                    hint=f"First: live-whisper recover {folder.name}; or add --force.",
                )
            folder.delete()
            typer.echo(f"live-whisper: removed {folder.name}", err=True)
        except LiveWhisperError as error:
            typer.echo(f"live-whisper: {one_line(str(error))}", err=True)
            status = error.exit_status
    return status
