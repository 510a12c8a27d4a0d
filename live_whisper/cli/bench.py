"""``live-whisper bench``: where this machine stands, in about a minute, offline."""

import json
import os
import platform
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from live_whisper.config.schema import Config
from live_whisper.errors import (
    MissingDependencyError,
    ModelError,
    OutputError,
    UsageError,
    one_line,
)
from live_whisper.hub.resolve import resolve
from live_whisper.hub.store import ModelStore
from live_whisper.runtime.bench import Bench, BenchResult, Estimate, load_clip
from live_whisper.runtime.engine_speed import SIZES
from live_whisper.streaming.evaluation.report import Bar, Report, bars
from live_whisper.streaming.sinks.files import reason, shown

if TYPE_CHECKING:
    from live_whisper.streaming.evaluation.report import Quantiles

DEFAULT_SIZES = ("tiny", "base")


def run_bench(
    config: Config, *, sizes: list[str] | None, outputs: "Outputs", clip_path: Path | None = None
) -> int:
    """Measure, print tables, and write what was asked for. ``clip_path``: instead of the demo's."""
    chosen = _sizes(sizes)
    outputs.check()
    if clip_path is None:
        clip_path = Path(str(resources.files("live_whisper") / "assets" / "demo" / "clip.flac"))
        if not clip_path.is_file():
            raise ModelError("The bundled clip is missing.", hint="Install live-whisper again.")
    model = resolve(config.recognition.model or "demo", store=ModelStore.default())
    console, status = Console(), Console(stderr=True)
    clip = load_clip(clip_path)
    with status.status("loading the model") as shown:
        bench = Bench.load(model.path, config, fit=model.audio_context == "fit")
        result = bench.run(clip, chosen, shown.update)
    print_result(console, result)
    outputs.write(result, model.name)
    return 0


class Outputs:
    """The files asked for."""

    def __init__(self, *, json_path: Path | None = None, plot_path: Path | None = None) -> None:
        self._json = json_path
        self._plot = plot_path

    def check(self) -> None:
        """Raise ``MissingDependencyError`` before a minute is spent, not after it."""
        if self._plot is not None:
            _pyplot()

    def write(self, result: BenchResult, model: str) -> None:
        """Write JSON and picture."""
        if self._json is not None:
            text = json.dumps(as_document(result, model), indent=1, ensure_ascii=False)
            _written(self._json, lambda path: path.write_text(text + "\n", encoding="utf-8"))
        if self._plot is not None:
            _written(self._plot, lambda path: plot(result, path))


def _written(path: Path, write: Callable[[Path], object]) -> None:
    try:
        write(path)
    except (OSError, ValueError) as error:  # ValueError: a kind of picture that is not known
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise OutputError(f"{shown(path)!r} cannot be written: {one_line(why)}.") from None


def _sizes(names: list[str] | None) -> tuple[str, ...]:
    chosen = DEFAULT_SIZES if names is None else tuple(names)
    if chosen == ("none",):
        return ()
    for name in chosen:
        if name not in SIZES:
            raise UsageError(f"Unknown size {name!r}.", hint=f"Use none or {', '.join(SIZES)}.")
    return chosen


# --- tables -------------------------------------------------------------------------------------


def print_result(console: Console, result: BenchResult) -> None:
    """Engine, live path and what other models would be like."""
    speed = result.speed
    encoder = ", ".join(f"{n / 50:.0f} s {ns / 1e6:.0f} ms" for n, ns in speed.encode_ns)
    console.print(f"Engine: {result.engine}")
    console.print(f"Encoder: {encoder}; one token {speed.token_ns / 1e6:.1f} ms")
    table = Table(title="The bundled clip through the live path", title_justify="left")
    table.add_column("")
    for live in result.live:
        table.add_column(live.language, justify="right")
    table.add_column("bar", justify="right")
    for name, *cells in _rows([live.report for live in result.live]):
        table.add_row(name, *cells)
    console.print(table)
    if result.estimates:
        console.print(estimate_table(result.estimates))
        console.print(advice(result.estimates), style="bold")
    console.print(
        f"{result.seconds:.0f} s. Played on a virtual clock: delays include the measured computing,"
        " not a sound card's own delay."
    )


def _rows(reports: list[Report]) -> list[tuple[str, ...]]:
    by_name = [{bar.name: bar for bar in bars(report)} for report in reports]
    rows: list[tuple[str, ...]] = [
        ("error rate, live", *[f"{_rate(r.text.by_language)}" for r in reports], ""),
        ("error rate, offline", *[f"{_rate(r.offline_by_language)}" for r in reports], ""),
    ]
    for name, bar in by_name[0].items():
        cells = [_cell(found[name]) for found in by_name]
        rows.append((name, *cells, f"≤ {bar.limit:g} {bar.unit}".rstrip()))
    for name, pick in (("processor time ÷ audio", _cpu), ("peak memory", _memory)):
        rows.append((name, *[pick(report) for report in reports], ""))
    return rows


def _cell(bar: Bar) -> str:
    if bar.value is None:
        return "–"
    text = f"{bar.value:.3g}"
    return text if bar.met else f"[red]{text}[/red]"


def _rate(rates: dict[str, float] | None) -> str:
    return f"{max(rates.values()):.2f} %" if rates else "–"


def _cpu(report: Report) -> str:
    value = report.cost.cpu_per_audio_second
    return "–" if value is None else f"{value:.2f}"


def _memory(report: Report) -> str:
    value = report.cost.peak_memory_bytes
    return f"{value / 1e6:.0f} MB" if value else "–"


def estimate_table(estimates: tuple[Estimate, ...]) -> Table:
    """What models of published sizes would be like on this machine."""
    table = Table(
        title="Larger models here: random weights timed, then the clip replayed at that cost",
        title_justify="left",
    )
    for name in ("size", "context", "encoder 30 s", "token", "busy", "policy", "commit p50 / p95"):
        table.add_column(name, justify="left" if name in {"size", "context"} else "right")
    table.add_column("verdict")
    for item in estimates:
        table.add_row(
            item.size,
            item.context,
            f"{item.speed.encode(1500) / 1e6:.0f} ms",
            f"{item.speed.token_ns / 1e6:.1f} ms",
            f"{100 * item.compute_ratio:.0f} %",
            item.policy,
            f"{_seconds(item.commit_p50)} / {_seconds(item.commit_p95)}",
            item.verdict,
        )
    return table


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def advice(estimates: tuple[Estimate, ...]) -> str:
    """One line: the largest model worth trying live."""
    live = [item for item in estimates if item.verdict == "live"]
    if not live:
        return "None of these sizes is live here; --policy phrase captions after each phrase."
    best = live[-1]
    kind = "any checkpoint" if best.context == "full" else "checkpoints for fitted context (ACFT)"
    return f"Largest live size measured: {best.size}, {kind}."


# --- files --------------------------------------------------------------------------------------


def as_document(result: BenchResult, model: str) -> dict[str, object]:
    """Everything, for programs."""
    return {
        "model": model,
        "engine": result.engine,
        "machine": {
            "system": platform.system(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "seconds": result.seconds,
        "encoder_ns": [list(pair) for pair in result.speed.encode_ns],
        "token_ns": result.speed.token_ns,
        "live": {live.language: live.report.as_dict() for live in result.live},
        "estimates": [
            {
                "size": item.size,
                "context": item.context,
                "encode_30_s_ns": item.speed.encode(1500),
                "token_ns": item.speed.token_ns,
                "compute_ratio": item.compute_ratio,
                "commit_p50_seconds": item.commit_p50,
                "commit_p95_seconds": item.commit_p95,
                "policy": item.policy,
                "verdict": item.verdict,
            }
            for item in result.estimates
        ],
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _pyplot() -> Any:  # noqa: ANN401 - an optional library without types
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingDependencyError(
            "--plot needs matplotlib, which is not installed.",
            hint="Run: pip install 'live-whisper[plot]'",
        ) from None
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    return plt


def plot(result: BenchResult, path: Path) -> None:
    """Delay quantiles of each language as a picture."""
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
    labels = ("p50", "p90", "p95", "largest")
    width = 0.8 / max(1, 2 * len(result.live))
    for index, live in enumerate(result.live):
        delay = live.report.delay
        for offset, (name, values) in enumerate(
            (("first seen", delay.first_seen), ("committed", delay.commit))
        ):
            heights = _heights(values, labels)
            shift = (2 * index + offset) * width
            places = [place + shift for place in range(len(labels))]
            axes.bar(places, heights, width, label=f"{live.language}, {name}")
    axes.set_xticks([place + 0.4 - width / 2 for place in range(len(labels))], labels)
    axes.set_ylabel("seconds after the word ended")
    axes.set_title(f"live-whisper bench: {result.engine}", fontsize=9)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _heights(values: "Quantiles", labels: tuple[str, ...]) -> list[float]:
    return [max(0.0, getattr(values, label) or 0.0) for label in labels]
