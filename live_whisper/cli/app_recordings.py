"""`live-whisper recordings` and its commands."""

from typing import Annotated

import typer

from live_whisper.cli.options import Overwrite, RecordingName, Recordings, recordings_folder

recordings_app = typer.Typer(
    help="Recordings on this machine: list, show, export, remove.", rich_markup_mode=None
)


@recordings_app.callback(invoke_without_command=True)
def recordings(context: typer.Context, root: Recordings = None) -> int | None:
    """List the recordings, newest last."""
    if context.invoked_subcommand is not None:
        return None
    from live_whisper.cli.recordings import run_list

    return run_list(recordings_folder(root))


@recordings_app.command("show")
def recordings_show(recording: RecordingName, root: Recordings = None) -> int:
    """Print what is known of a recording, and its captions."""
    from live_whisper.cli.recordings import run_show

    return run_show(recording, recordings_folder(root))


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
