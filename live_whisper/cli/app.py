"""The commands and their options. Importing this must stay cheap: ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from live_whisper import __version__

app = typer.Typer(
    name="live-whisper",
    help="Live captions in the terminal, and a subtitle file that survives a crash.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(
    help="Models on this machine: list, pull, remove, verify.", rich_markup_mode=None
)
config_app = typer.Typer(help="Settings and where they come from.", rich_markup_mode=None)
app.add_typer(models_app, name="models")
app.add_typer(config_app, name="config")
recordings_app = typer.Typer(
    help="Recordings on this machine: list, show, export, remove.", rich_markup_mode=None
)
app.add_typer(recordings_app, name="recordings")

Lang = Annotated[str | None, typer.Option("--lang", "-l", help="Language code or name, or auto.")]
Model = Annotated[str | None, typer.Option("--model", "-m", help="Name, Hub id, folder, or demo.")]
Task = Annotated[str | None, typer.Option("--task", help="transcribe or translate (to English).")]
Output = Annotated[
    list[str] | None,
    typer.Option("-o", "--output", help="Subtitle file: .srt .vtt .txt .json .ttml .fcpxml."),
]
Profile = Annotated[
    list[str] | None, typer.Option("--profile", help="Profile name or path; repeatable.")
]
Assignment = Annotated[
    list[str] | None, typer.Option("--set", help="Any setting: section.key=value; repeatable.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace output files that exist.")]
Prompt = Annotated[str | None, typer.Option("--prompt", help="Text that sets topic and spelling.")]
Glossary = Annotated[
    Path | None, typer.Option("--glossary", help="File with one name or term per line.")
]
Format = Annotated[str | None, typer.Option("--format", "-f", help="rich, plain or jsonl.")]
Policy = Annotated[
    str | None, typer.Option("--policy", help="align_att, local_agreement or phrase.")
]
KeepAudio = Annotated[
    str | None, typer.Option("--keep-audio", help="Keep the recording: a .wav or .flac file.")
]
Recordings = Annotated[
    Path | None, typer.Option("--recordings", help="Folder of recordings, if not the usual one.")
]
RecordingName = Annotated[str, typer.Argument(help="Its name, or the beginning of it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Pull a missing model without asking.")]


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
    device: Annotated[
        list[str] | None,
        typer.Option("--device", "-d", help="Input device: number, name or part; repeatable."),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="Name of each of several devices; by default me, them."),
    ] = None,
    input_: Annotated[
        str | None, typer.Option("--input", "-i", help="Media file or URL; - for PCM on stdin.")
    ] = None,
    pace: Annotated[
        str, typer.Option("--pace", help="For --input: realtime or fast.")
    ] = "realtime",
    output: Output = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Go on with an .srt file: number, clock, topic.")
    ] = None,
    format_: Format = None,
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
        str | None, typer.Option("--refine-model", help="Model of the second pass.")
    ] = None,
    yes: Yes = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> int | None:
    """Caption what the microphone hears, or --input. Ctrl-C ends and shows a summary."""
    del version
    if context.invoked_subcommand is not None:
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
    output: Output = None,
    policy: Policy = None,
    lang: Lang = None,
    pace: Annotated[str, typer.Option("--pace", help="realtime or fast.")] = "realtime",
    assignment: Assignment = None,
    overwrite: Overwrite = False,
) -> int:
    """Play the bundled clip through the whole live path, on the bundled demo checkpoint."""
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
    format_: Format = None,
    profile: Profile = None,
    assignment: Assignment = None,
    prompt: Prompt = None,
    glossary: Glossary = None,
    vad: Annotated[bool, typer.Option("--vad", help="Skip what the gate judges silent.")] = False,
    overwrite: Overwrite = False,
    yes: Yes = False,
) -> int:
    """Transcribe whole files offline, with the full context."""
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
            "output.files": output,
            "output.overwrite": overwrite or None,
            "display.format": format_,
        },
        glossary=glossary,
    )
    return run_transcribe(loaded.config, files, vad=vad, yes=yes)


def _root(given: Path | None) -> Path | None:
    """The folder of recordings: the option's, or the settings'."""
    if given is not None:
        return given
    from live_whisper.cli.live import recordings_root
    from live_whisper.cli.settings import settings

    return recordings_root(settings().config)


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
    """Finish recordings that ended early: rebuild their files and decode the rest."""
    from live_whisper.cli.recover import run_recover

    return run_recover(
        recording,
        root=_root(root),
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
        typer.Option("--size", help="Also time an engine of this size; repeatable; none."),
    ] = None,
    clip: Annotated[
        Path | None, typer.Option("--clip", help="Media file with its words in FILE.json.")
    ] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Write the report here.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a picture here (.png).")
    ] = None,
    policy: Policy = None,
    profile: Profile = None,
    assignment: Assignment = None,
) -> int:
    """Measure delay, errors and load on the bundled clip; about a minute, offline."""
    from live_whisper.cli.bench import Outputs, run_bench
    from live_whisper.cli.settings import settings

    loaded = settings(
        profiles=profile,
        assignments=assignment,
        options={"recognition.model": model, "streaming.policy": policy},
    )
    outputs = Outputs(json_path=json_, plot_path=plot)
    return run_bench(loaded.config, sizes=sizes, outputs=outputs, clip_path=clip)


@app.command("refine")
def refine_command(
    recording: RecordingName,
    model: Model = None,
    output: Output = None,
    assignment: Assignment = None,
    overwrite: Overwrite = False,
    root: Recordings = None,
) -> int:
    """A second pass over a recording whose audio was kept: full context, *.final.srt, a diff."""
    from live_whisper.cli.refine import Options, run_refine

    options = Options(model, tuple(output or ()), overwrite, tuple(assignment or ()))
    return run_refine(recording, options, _root(root))


@recordings_app.callback(invoke_without_command=True)
def recordings(context: typer.Context, root: Recordings = None) -> int | None:
    """List the recordings, newest last."""
    if context.invoked_subcommand is not None:
        return None
    from live_whisper.cli.recordings import run_list

    return run_list(_root(root))


@recordings_app.command("show")
def recordings_show(recording: RecordingName, root: Recordings = None) -> int:
    """Print what is known of a recording, and its captions."""
    from live_whisper.cli.recordings import run_show

    return run_show(recording, _root(root))


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

    return run_export(recording, output, overwrite=overwrite, root=_root(root))


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

    return run_remove(names, force=force, root=_root(root))


@app.command()
def devices() -> int:
    """List the input devices."""
    from live_whisper.cli.devices import run_devices

    return run_devices()


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


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context) -> int | None:
    """List the models on this machine."""
    if context.invoked_subcommand is not None:
        return None
    from live_whisper.cli.models import run_list

    return run_list()


@models_app.command("pull")
def models_pull(
    model: Annotated[str, typer.Argument(help="Name or Hub id, optionally @revision.")],
) -> int:
    """Download a model: only the files needed, safetensors only, resumable."""
    from live_whisper.cli.models import run_pull

    return run_pull(model)


@models_app.command("rm")
def models_rm(model: Annotated[str, typer.Argument()]) -> int:
    """Remove a model from this machine."""
    from live_whisper.cli.models import run_remove

    return run_remove(model)


@models_app.command("path")
def models_path(model: Annotated[str, typer.Argument()]) -> int:
    """Print the folder of a model."""
    from live_whisper.cli.models import run_path

    return run_path(model)


@models_app.command("verify")
def models_verify(model: Annotated[str | None, typer.Argument()] = None) -> int:
    """Check sizes and checksums of one model or all."""
    from live_whisper.cli.models import run_verify

    return run_verify(model)


@models_app.command("convert")
def models_convert(
    model: Annotated[str, typer.Argument(help="Name, Hub id, folder, or demo.")],
    compute_precision: Annotated[
        str, typer.Option("--compute-precision", help="float16 or float32.")
    ] = "float16",
    quantize: Annotated[
        str, typer.Option("--quantize", help="Weights: auto, none, int8 or palette8.")
    ] = "auto",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder to write.")] = None,
    stateful: Annotated[
        bool, typer.Option("--stateful", help="Keep the cache inside Core ML (macOS 15).")
    ] = False,
) -> int:
    """Write Core ML packages of a model; works on any system."""
    from live_whisper.cli.convert import ConvertRequest, run_convert

    return run_convert(ConvertRequest(model, compute_precision, quantize, output, stateful))


@models_app.command("prepare")
def models_prepare(
    model: Annotated[str, typer.Argument(help="Name, Hub id, folder, or demo.")],
    compute_units: Annotated[
        str, typer.Option("--compute-units", help="auto, cpu_and_ne, cpu_and_gpu or cpu_only.")
    ] = "auto",
) -> int:
    """Do everything slow now: convert, compile, load, warm up."""
    from live_whisper.cli.convert import run_prepare

    return run_prepare(model, compute_units=compute_units)
