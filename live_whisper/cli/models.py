"""``live-whisper models`` and its commands."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from live_whisper.hub.manage import (
    ModelRow,
    model_rows,
    remove_model,
    verify_models,
)
from live_whisper.hub.pull import PullControls, PullProgress, PullResult, pull
from live_whisper.hub.resolve import resolve
from live_whisper.hub.store import ModelStore
from live_whisper.hub.text import size_text

if TYPE_CHECKING:
    from rich.progress import TaskID

OUTCOMES = {
    "downloaded": "is ready",
    "repaired": "was damaged and has been repaired",
    "already here": "was already here and is intact",
    "kept offline": "is here; the hub could not be reached to compare",
}


def run_list() -> int:
    """Models on disk first, then those that can be pulled by name."""
    rows = model_rows(ModelStore.default())
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(_cells(row)))
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("", "name", "size", "languages", "context", "engines", "what it is"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*_cells(row), style=None if row.on_disk else "dim")
    console = Console()
    console.print(table)
    console.print(
        "✓ on disk   * used when no model is named   pull one: live-whisper models pull NAME"
    )
    return 0


def _cells(row: ModelRow) -> list[str]:
    mark = "*" if row.is_default else "✓" if row.on_disk else " "
    engines = " ".join(row.engine_files)
    size = size_text(row.size)
    return [mark, row.name, size, row.languages, row.audio_context, engines, row.description]


def run_pull(model: str) -> int:
    """Download with a progress bar; what was interrupted is continued by the next pull."""
    result = pull_with_progress(model)
    typer.echo(f"{result.model.name} {OUTCOMES[result.outcome]}: {result.model.path}")
    return 0


def pull_with_progress(model: str) -> PullResult:
    """The pull itself, for this command and for a live run. Raises ``HubError``, ``ModelError``."""
    with _bar() as (progress, task):

        def show(now: PullProgress) -> None:
            label = f"{now.stage} {now.file}".strip()
            progress.update(
                task, description=label, completed=now.done_bytes, total=now.total_bytes or None
            )

        return pull(model, ModelStore.default(), controls=PullControls(on_progress=show))


def run_remove(model: str) -> int:
    """Delete the files and say how much room that made."""
    for removed in remove_model(model, ModelStore.default()):
        typer.echo(f"Removed {removed.name}.")
    return 0


def run_path(model: str) -> int:
    """Print the folder, for scripts."""
    typer.echo(str(resolve(model, store=ModelStore.default()).path))
    return 0


def run_verify(model: str | None) -> int:
    """Status 5 if anything is damaged."""
    with _bar() as (progress, task):
        reports = verify_models(
            model or "",
            ModelStore.default(),
            lambda name, done, total: progress.update(
                task, description=name, completed=done, total=total
            ),
        )
    for report in reports:
        typer.echo(f"{report.model.name}: {'intact' if report.intact else 'damaged'}")
        for problem in report.problems:
            typer.echo(f"  {problem.name}: {problem.problem}")
        if not report.intact:
            typer.echo(f"  mend it with: live-whisper models pull {report.model.name}")
    if not reports:
        typer.echo("No models are on disk.")
    return 0 if all(report.intact for report in reports) else 5


@contextmanager
def _bar() -> Iterator[tuple[Progress, "TaskID"]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield progress, progress.add_task("", total=None)
