"""``live-whisper bench``: where this machine stands, in about a minute, offline."""

import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from live_whisper.cli.bench_report import print_result
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
from live_whisper.runtime.bench import Bench, BenchResult, LiveResult, load_clip, timed_events
from live_whisper.runtime.engine_speed import SIZES
from live_whisper.runtime.estimates import advice
from live_whisper.streaming.evaluation.report import bars
from live_whisper.streaming.sinks.event_log import EventLogSink
from live_whisper.streaming.sinks.files import reason, shown, write_atomically

if TYPE_CHECKING:
    from live_whisper.streaming.evaluation.report import Quantiles


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
        bench = Bench.load(model.path, config, short_context=model.audio_context == "fit")
        result = bench.run(clip, chosen, shown.update)
    print_result(console, result)
    outputs.write(result, model.name, config)
    return 0


class Outputs:
    """The files asked for."""

    def __init__(
        self,
        *,
        json_path: Path | None = None,
        plot_path: Path | None = None,
        log_path: Path | None = None,
    ) -> None:
        self._json = json_path
        self._plot = plot_path
        self._log = log_path

    def check(self) -> None:
        """Raise now what would otherwise be lost after a minute of measuring.

        ``MissingDependencyError`` without matplotlib, ``OutputError`` for an unusable name.
        """
        if self._plot is not None:
            pyplot = _pyplot()
            figure = pyplot.figure()
            kinds = figure.canvas.get_supported_filetypes()
            pyplot.close(figure)
            if self._plot.suffix.lower().removeprefix(".") not in kinds:
                raise OutputError(
                    f"{shown(self._plot)!r} is no kind of picture that can be drawn.",
                    hint="Use .png, .svg or .pdf.",
                )
        for path in (self._json, self._plot, self._log):
            if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
                problem = "is a folder" if path.is_dir() else "has no folder to be in"
                raise OutputError(f"{shown(path)!r} {problem}.", hint="Choose another name.")

    def write(self, result: BenchResult, model: str, config: Config) -> None:
        """Write JSON, picture and event logs."""
        if self._log is not None:
            for live in result.live:
                one = len(result.live) == 1
                path = (
                    self._log if one else self._log.with_stem(f"{self._log.stem}-{live.language}")
                )
                _written(path, partial(write_log, live, config))
        if self._json is not None:
            text = json.dumps(as_document(result, model), indent=1, ensure_ascii=False)
            _written(self._json, lambda path: write_atomically(path, [text.encode() + b"\n"]))
        if self._plot is not None:
            _written(self._plot, lambda path: plot(result, path))


def _written(path: Path, write: Callable[[Path], object]) -> None:
    try:
        write(path)
    except (OSError, ValueError) as error:  # ValueError: a kind of picture that is not known
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise OutputError(f"{shown(path)!r} cannot be written: {one_line(why)}.") from None


def write_log(live: LiveResult, config: Config, path: Path) -> None:
    """The event log of a simulated run, as a live one writes it with ``output.event_log``."""
    log = EventLogSink(path)
    for moment, event in timed_events(live, config):
        log.write(moment, event)
    log.close()


def _sizes(names: list[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    chosen = tuple(dict.fromkeys(names))
    if chosen == ("none",):
        return ()
    if "none" in chosen:
        raise UsageError("--size none goes with no other size.")
    for name in chosen:
        if name not in SIZES:
            raise UsageError(
                f"Unknown size {one_line(name)!r}.", hint=f"Use none or {', '.join(SIZES)}."
            )
    return tuple(sorted(chosen, key=list(SIZES).index))


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
        "live": {
            live.language: live.report.as_dict()
            | {"bars": [asdict(bar) | {"met": bar.met} for bar in bars(live.report)]}
            for live in result.live
        },
        "estimates": [
            {
                "size": item.size,
                "context": item.context,
                "model": item.model,
                "encode_30_s_ns": item.speed.encode(1500),
                "token_ns": item.speed.token_ns,
                "decode_seconds": item.decode_seconds,
                "step_seconds": item.step_seconds,
                "compute_ratio": item.compute_ratio,
                "commit_p50_seconds": item.commit_p50,
                "commit_p95_seconds": item.commit_p95,
                "policy": item.policy,
                "verdict": item.verdict,
            }
            for item in result.estimates
        ],
        "advice": list(advice(result.estimates)) if result.estimates else [],
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
