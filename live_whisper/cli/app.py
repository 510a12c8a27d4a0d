"""The commands of the program. Importing this must stay cheap: ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from live_whisper import __version__
from live_whisper.cli.app_models import models_app
from live_whisper.cli.app_recordings import recordings_app
from live_whisper.cli.options import (
    Assignment,
    Beam,
    Device,
    Format,
    Glossary,
    KeepAudio,
    Lang,
    Model,
    Output,
    Overwrite,
    Policy,
    Profile,
    Prompt,
    RecordingName,
    Recordings,
    Task,
    Web,
    Yes,
    recordings_folder,
    refuse_misplaced,
)

app = typer.Typer(
    name="live-whisper",
    help="Live captions in the terminal, and a subtitle file that survives a crash.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models_app, name="models")
config_app = typer.Typer(help="Settings and where they come from.", rich_markup_mode=None)
app.add_typer(config_app, name="config")
app.add_typer(recordings_app, name="recordings")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"live-whisper {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def live(
    context: typer.Context,
    lang: Lang = None,
    model: Model = None,
    task: Task = None,
    device: Device = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="NAME", help="Name of each of several devices; by default me, them."
        ),
    ] = None,
    input_: Annotated[
        str | None,
        typer.Option(
            "--input", "-i", metavar="FILE", help="Media file or URL; - for PCM on stdin."
        ),
    ] = None,
    pace: Annotated[
        str, typer.Option("--pace", metavar="PACE", help="For --input: realtime or fast.")
    ] = "realtime",
    output: Output = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume", metavar="FILE", help="Go on with an .srt file: number, clock, topic."
        ),
    ] = None,
    format_: Format = None,
    web: Web = None,
    policy: Policy = None,
    profile: Profile = None,
    assignment: Assignment = None,
    prompt: Prompt = None,
    glossary: Glossary = None,
    keep_audio: KeepAudio = None,
    overwrite: Overwrite = False,
    refine: Annotated[
        bool, typer.Option("--refine", help="Afterwards, once more with all context: *.final.srt.")
    ] = False,
    refine_model: Annotated[
        str | None,
        typer.Option("--refine-model", metavar="MODEL", help="Model of the second pass."),
    ] = None,
    yes: Yes = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> int | None:
    """Caption what the microphone hears, or --input. Ctrl-C ends and shows a summary."""
    del version
    if context.invoked_subcommand is not None:
        refuse_misplaced(context)
        return None
    from live_whisper.cli.live import Extras, run_live
    from live_whisper.cli.settings import settings

    loaded = settings(
        profiles=profile,
        assignments=assignment,
        options={
            "recognition.language": lang,
            "recognition.model": model,
            "recognition.task": task,
            "recognition.prompt": prompt,
            "audio.device": device[0] if device else None,
            "output.files": output,
            "output.overwrite": overwrite or None,
            "output.keep_audio": keep_audio,
            "display.format": format_,
            "display.web": web,
            "streaming.policy": policy,
        },
        glossary=glossary,
    )
    extras = Extras(
        tuple(device or ()),
        tuple(label or ()),
        resume,
        refine=refine or refine_model is not None,
        refine_model=refine_model,
    )
    return run_live(loaded.config, input_=input_, pace=pace, yes=yes, extras=extras)


@app.command()
def demo(
    format_: Format = None,
    web: Web = None,
    output: Output = None,
    policy: Policy = None,
    lang: Lang = None,
    pace: Annotated[
        str, typer.Option("--pace", metavar="PACE", help="realtime or fast.")
    ] = "realtime",
    assignment: Assignment = None,
    overwrite: Overwrite = False,
) -> int:
    """Caption a bundled clip, live, with the demo model."""
    from live_whisper.cli.demo import run_demo
    from live_whisper.cli.settings import settings

    loaded = settings(
        assignments=assignment,
        options={
            "recognition.model": "demo",
            "recognition.language": lang,
            "output.files": output,
            "output.overwrite": overwrite or None,
            "display.format": format_,
            "display.web": web,
            "streaming.policy": policy,
        },
    )
    return run_demo(loaded.config, pace=pace)


@app.command()
def transcribe(
    files: Annotated[list[str], typer.Argument(help="Media files.", metavar="FILE...")],
    lang: Lang = None,
    model: Model = None,
    task: Task = None,
    output: Output = None,
    profile: Profile = None,
    assignment: Assignment = None,
    prompt: Prompt = None,
    glossary: Glossary = None,
    beam: Beam = None,
    vad: Annotated[bool, typer.Option("--vad", help="Skip what the gate judges silent.")] = False,
    fill_gaps: Annotated[
        bool, typer.Option("--fill-gaps", help="Go back to speech that the text leaves out.")
    ] = False,
    overwrite: Overwrite = False,
    yes: Yes = False,
) -> int:
    """Transcribe whole files, offline."""
    from live_whisper.cli.settings import settings
    from live_whisper.cli.transcribe import run_transcribe

    loaded = settings(
        profiles=profile,
        assignments=assignment,
        options={
            "recognition.language": lang,
            "recognition.model": model,
            "recognition.task": task,
            "recognition.prompt": prompt,
            "decoding.beam_size": beam,
            "output.files": output,
            "output.overwrite": overwrite or None,
        },
        glossary=glossary,
    )
    return run_transcribe(loaded.config, files, vad=vad, fill_gaps=fill_gaps, yes=yes)


@app.command()
def recover(
    recording: Annotated[
        str | None, typer.Argument(help="Name, or its beginning. None: every unfinished one.")
    ] = None,
    model: Model = None,
    output: Output = None,
    keep_audio: KeepAudio = None,
    assignment: Assignment = None,
    root: Recordings = None,
) -> int:
    """Finish recordings that ended early.

    Rebuilds their files and decodes the rest.
    """
    from live_whisper.cli.recover import run_recover

    return run_recover(
        recording,
        root=recordings_folder(root),
        model=model,
        output=output,
        keep_audio=keep_audio,
        assignments=assignment,
    )


@app.command()
def bench(
    model: Model = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option("--size", help="Estimate tiny, base, … large-v3-turbo; repeatable; none."),
    ] = None,
    clip: Annotated[
        Path | None, typer.Option("--clip", help="Media file with its words in FILE.json.")
    ] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Write the report here.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a picture here (.png).")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", help="Write every event here (.jsonl), per language.")
    ] = None,
    policy: Policy = None,
    profile: Profile = None,
    assignment: Assignment = None,
) -> int:
    """What this machine can run live.

    Measures delay, errors and load on the bundled clip; about a minute, offline.
    """
    from live_whisper.cli.bench import Outputs, run_bench
    from live_whisper.cli.settings import settings

    loaded = settings(
        profiles=profile,
        assignments=assignment,
        options={"recognition.model": model, "streaming.policy": policy},
    )
    outputs = Outputs(json_path=json_, plot_path=plot, log_path=log)
    return run_bench(loaded.config, sizes=sizes, outputs=outputs, clip_path=clip)


@app.command("refine")
def refine_command(
    recording: RecordingName,
    model: Model = None,
    output: Output = None,
    beam: Beam = None,
    assignment: Assignment = None,
    overwrite: Overwrite = False,
    root: Recordings = None,
) -> int:
    """Decode a recording once more, unhurried.

    Full context, a beam, gaps filled; writes *.final.srt and prints how it differs. The recording's
    audio must have been kept.
    """
    from live_whisper.cli.refine import Options, run_refine

    options = Options(model, tuple(output or ()), overwrite, tuple(assignment or ()), beam)
    return run_refine(recording, options, recordings_folder(root))


@app.command()
def devices() -> int:
    """List the input devices."""
    from live_whisper.cli.devices import run_devices

    return run_devices()


@app.command()
def doctor(
    lang: Lang = None,
    model: Model = None,
    device: Device = None,
    profile: Profile = None,
    assignment: Assignment = None,
) -> int:
    """Try everything a live run needs.

    Says what to do about what is missing.
    """
    from live_whisper.cli.doctor import run_doctor
    from live_whisper.cli.settings import settings

    loaded = settings(
        profiles=profile,
        assignments=assignment,
        options={
            "recognition.language": lang,
            "recognition.model": model,
        },
    )
    return run_doctor(loaded.config, device or ())


@config_app.command("show")
def config_show(
    origin: Annotated[
        bool, typer.Option("--origin", help="Say where each value came from.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say what each setting does.")] = False,
    profile: Profile = None,
    assignment: Assignment = None,
) -> int:
    """Print the settings in force, as TOML."""
    from live_whisper.cli.config import run_show

    return run_show(origin=origin, explain=explain, profiles=profile, assignments=assignment)
