"""``live-whisper models convert`` and ``models prepare``: everything slow, ahead of time."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from live_whisper.cli.model_choice import load_found
from live_whisper.engines.coreml.convert import convert
from live_whisper.engines.coreml.engine import EngineOptions, prepare
from live_whisper.engines.coreml.manifest import Precision
from live_whisper.engines.coreml.options import ConvertOptions, Quantize
from live_whisper.engines.coreml.progress import ProgressCallback
from live_whisper.errors import UsageError
from live_whisper.hub.resolve import resolve
from live_whisper.hub.store import ModelStore


@dataclass(frozen=True, slots=True)
class ConvertRequest:
    """The command's options as given."""

    model: str
    compute_precision: str
    quantize: str
    output: Path | None
    stateful: bool


def run_convert(request: ConvertRequest) -> int:
    """Write ``.mlpackage`` folders and a manifest, on any operating system."""
    precision = _choice(request.compute_precision, get_args(Precision), "--compute-precision")
    quantize = _choice(request.quantize, get_args(Quantize), "--quantize")
    options = ConvertOptions(
        compute_precision=cast("Precision", precision),
        quantize=cast("Quantize", quantize),
        stateful=request.stateful,
    )
    found = resolve(request.model, store=ModelStore.default())
    target = request.output or Path(f"{found.path.name}-coreml")
    checkpoint = load_found(found)
    with _bar() as progress:
        manifest = convert(checkpoint, target, options, progress=progress)
    for package in manifest.packages:
        typer.echo(str(target / package.path))
    typer.echo(
        f"{len(manifest.packages)} packages, {manifest.compute_precision}, weights "
        f"{manifest.quantize}, for {manifest.deployment_target} and later, in {target}",
        err=True,
    )
    return 0


def run_prepare(model: str, *, compute_units: str) -> int:
    """Convert, compile, load and warm up once, so that the first live run starts at once."""
    checkpoint = load_found(resolve(model, store=ModelStore.default()))
    if platform.system() != "Darwin" or platform.machine() != "arm64":
        from live_whisper.config.schema import EngineConfig
        from live_whisper.runtime.load import load_engine

        engine = load_engine(checkpoint, EngineConfig())
        typer.echo(f"Ready: {engine.description}")
        engine.close()
        return 0
    with _bar() as progress:
        report = prepare(checkpoint, EngineOptions(compute_units=compute_units), progress=progress)
    for notice in report.notices:
        typer.echo(f"live-whisper: {notice}", err=True)
    for package in report.packages:
        typer.echo(f"{package.path}: {package.units}")
    typer.echo(f"Ready in {report.seconds:.1f} s.")
    return 0


def _choice(value: str, known: tuple[str, ...], option: str) -> str:
    if value not in known:
        raise UsageError(
            f"{option} {value!r} is not known.", hint=f"Use one of {', '.join(known)}."
        )
    return value


@contextmanager
def _bar() -> Iterator[ProgressCallback]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda message, share: bar.update(task, description=message, completed=share)
