"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from live_whisper.errors import UsageError


def refuse_misplaced(context: typer.Context) -> None:
    """Raise ``UsageError`` for options before a command: they would mean nothing there."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            longest, command = max(parameter.opts, key=len), context.invoked_subcommand
            raise UsageError(
                f"{longest} stands before {command!r}, where it has no effect.",
                hint=f"Put it behind: {context.command_path} {command} {longest} …",
            )


def _beam(value: int | None) -> int | None:
    """Refuse what ``decoding.beam_size`` would refuse, under the name the user gave it."""
    if value is not None and not 1 <= value <= 16:
        raise UsageError(f"--beam {value} is not possible.", hint="It takes a number from 1 to 16.")
    return value


Lang = Annotated[
    str | None, typer.Option("--lang", "-l", metavar="LANG", help="Language code or name, or auto.")
]
Model = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="MODEL", help="Name, Hub id, folder, or demo."),
]
Task = Annotated[
    str | None, typer.Option("--task", metavar="TASK", help="transcribe or translate (to English).")
]
Output = Annotated[
    list[str] | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="Subtitle file: .srt .vtt .txt .json .ttml .fcpxml."
    ),
]
Profile = Annotated[
    list[str] | None,
    typer.Option("--profile", metavar="NAME", help="Profile name or path; repeatable."),
]
Assignment = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Any setting, as section.key=value; repeatable."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace output files that exist.")]
Prompt = Annotated[
    str | None, typer.Option("--prompt", metavar="TEXT", help="Text that sets topic and spelling.")
]
Glossary = Annotated[
    Path | None,
    typer.Option("--glossary", metavar="FILE", help="File with one name or term per line."),
]
Format = Annotated[
    str | None, typer.Option("--format", "-f", metavar="FORMAT", help="rich, plain or jsonl.")
]
Web = Annotated[
    str | None, typer.Option("--web", metavar="PORT", help="Captions in a browser too, at PORT.")
]
Policy = Annotated[
    str | None,
    typer.Option("--policy", metavar="POLICY", help="align_att, local_agreement or phrase."),
]
Device = Annotated[
    list[str] | None,
    typer.Option(
        "--device", "-d", metavar="DEVICE", help="Number, name or part of it; repeatable."
    ),
]
Beam = Annotated[
    int | None,
    typer.Option(
        "--beam",
        callback=_beam,
        metavar="N",
        help="Texts followed at once, 1 to 16; more is slower, 1 greedy.",
    ),
]
KeepAudio = Annotated[
    str | None,
    typer.Option("--keep-audio", metavar="FILE", help="Keep the recording: a .wav or .flac file."),
]
Recordings = Annotated[
    Path | None,
    typer.Option("--recordings", metavar="DIR", help="Folder of recordings, if not the usual one."),
]
RecordingName = Annotated[str, typer.Argument(help="Its name, or the beginning of it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Pull a missing model without asking.")]


def recordings_folder(given: Path | None) -> Path | None:
    """The folder of recordings: the option's, or the settings'."""
    if given is not None:
        return given
    from live_whisper.cli.settings import recordings_root, settings

    return recordings_root(settings().config)
