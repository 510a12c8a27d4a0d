"""`live-whisper recordings` and its commands."""

from pathlib import Path
from typing import Annotated

import typer

from live_whisper.cli.options import (
    Overwrite,
    RecordingName,
    Recordings,
    recordings_folder,
    refuse_misplaced,
)

recordings_app = typer.Typer(
    help="Recordings: list, show, stats, export, rm.", rich_markup_mode=None
)


@recordings_app.callback(invoke_without_command=True)
def recordings(context: typer.Context, root: Recordings = None) -> int | None:
    """List the recordings, newest last."""
    if context.invoked_subcommand is not None:
        refuse_misplaced(context)
        return None
    return recordings_list(root)


@recordings_app.command("list")
def recordings_list(root: Recordings = None) -> int:
    """List the recordings, newest last; the same without a command."""
    from live_whisper.cli.recordings import run_list

    return run_list(recordings_folder(root))


@recordings_app.command("show")
def recordings_show(recording: RecordingName, root: Recordings = None) -> int:
    """Print what is known of a recording, and its captions."""
    from live_whisper.cli.recordings import run_show

    return run_show(recording, recordings_folder(root))


@recordings_app.command("stats")
def recordings_stats(
    recording: Annotated[
        str, typer.Argument(help="Its name, the beginning of it, or a journal or event log file.")
    ],
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="What was really said, as JSON word times: adds error rates."),
    ] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write all figures.")] = None,
    root: Recordings = None,
) -> int:
    """Say how late a run's words were, what was taken back and how busy the machine was."""
    from live_whisper.cli.recording_stats import run_stats

    return run_stats(recording, truth=truth, json_path=json_path, root=recordings_folder(root))


@recordings_app.command("export")
def recordings_export(
    recording: RecordingName,
    output: Annotated[
        list[str], typer.Option("-o", "--output", help="Captions, or audio: .wav .flac.")
    ],
    overwrite: Overwrite = False,
    root: Recordings = None,
) -> int:
    """Write a recording's captions in any format, or its audio where it is still there."""
    from live_whisper.cli.recordings import run_export

    return run_export(recording, output, overwrite=overwrite, root=recordings_folder(root))


@recordings_app.command("rm")
def recordings_rm(
    names: Annotated[list[str], typer.Argument(metavar="RECORDING...")],
    force: Annotated[
        bool, typer.Option("--force", help="Also those that are not recovered yet.")
    ] = False,
    root: Recordings = None,
) -> int:
    """Delete recordings. Subtitle files elsewhere stay."""
    from live_whisper.cli.recordings import run_remove

    return run_remove(names, force=force, root=recordings_folder(root))
