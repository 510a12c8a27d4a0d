"""`live-whisper models` and its commands."""

from pathlib import Path
from typing import Annotated

import typer

models_app = typer.Typer(help="Models: list, pull, rm, path, verify.", rich_markup_mode=None)


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context) -> int | None:
    """List the models on this machine."""
    return None if context.invoked_subcommand is not None else models_list()


@models_app.command("list")
def models_list() -> int:
    """List the models on this machine; the same without a command."""
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
