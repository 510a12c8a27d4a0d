"""What ``live-whisper bench`` prints: sentences first, then the figures."""

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.table import Table

from live_whisper.runtime.bench import BenchResult, LiveResult
from live_whisper.runtime.estimates import BY_PHRASE, Estimate, advice, is_live
from live_whisper.streaming.evaluation.judge import BY_CHARACTER
from live_whisper.streaming.evaluation.report import Report, bars
from live_whisper.whisper.languages import LANGUAGES

# Name of a bar, what it is called here, and how its figure is written.
ROWS: tuple[tuple[str, str, str], ...] = (
    ("commit latency p50", "half of the words are final within", "{:.2f} s"),
    ("commit latency p95", "95 % of the words are final within", "{:.2f} s"),
    ("first seen p50", "half of the words are seen within", "{:.2f} s"),
    ("normalized erasure", "guessed words taken back, for each final", "{:.2f}"),
    ("committed erasure", "final words changed or lost", "{:.0f}"),
    ("hallucinated words per minute", "invented words a minute of silence", "{:.1f}"),
    ("missed speech", "speech with nothing written", "{:.1f} %"),
    ("cue boundary error", "captions begin and end off by", "{:.2f} s"),
    ("streaming minus offline", "live minus whole file, points", "{:+.1f}"),
    ("real-time factor", "engine time ÷ audio time", "{:.2f}"),
    ("samples lost", "samples of audio lost", "{:.0f}"),
)


def print_result(console: Console, result: BenchResult) -> None:
    """Engine, live path and what other models would be like."""
    for text in standing(result):
        console.print(text, style="bold", highlight=False)
    console.print()
    console.print(f"Engine: {result.engine}", highlight=False)
    encoder = ", ".join(f"{ns / 1e6:.0f} ms for {n / 50:.0f} s" for n, ns in result.speed.encode_ns)
    console.print(
        f"Encoder: {encoder} of audio; decoder: {result.speed.token_ns / 1e6:.1f} ms a token",
        highlight=False,
    )
    console.print()
    console.print(live_table(result.live))
    if result.estimates:
        console.print(estimate_table(result.estimates))
        for text in advice(result.estimates):
            console.print(text, style="bold", highlight=False)
        console.print()
    console.print(
        f"Took {result.seconds:.0f} s. The clip was played on a virtual clock: delays count from"
        " the end of each word and include the computing, not a sound card's own delay.",
        highlight=False,
    )


def standing(result: BenchResult) -> Iterator[str]:
    """Where the machine stands with this model, in sentences."""
    reports = [live.report for live in result.live]
    p50, p95 = (
        max((value for value in found if value is not None), default=None)
        for found in zip(
            *((report.delay.commit.p50, report.delay.commit.p95) for report in reports),
            strict=True,
        )
    )
    busy = max(report.cost.real_time_factor for report in reports)
    if p50 is None or p95 is None:
        yield "No word of the clip was recognised."
        return
    verdict = "This model is live" if all(map(is_live, reports)) else "This model is not live"
    yield (
        f"{verdict} on this machine: half of the words are final {p50:.1f} s after they were said,"
        f" 95 % after {p95:.1f} s; the engine is busy {100 * busy:.0f} % of the time."
    )


def live_table(results: Sequence[LiveResult]) -> Table:
    """One column for each language, and what the project aims at."""
    table = Table(title="The clip through the whole live path", title_justify="left", box=None)
    table.add_column("", no_wrap=True)
    for live in results:
        table.add_column(_language(live), justify="right")
    table.add_column("target", justify="right")
    reports = [live.report for live in results]
    found = [{bar.name: bar for bar in bars(report)} for report in reports]
    rate = [_rate(report.text.by_language) for report in reports]
    offline = [_rate(report.offline_by_language) for report in reports]
    table.add_row(_unit(results) + ", live", *rate, "")
    table.add_row(_unit(results) + ", whole file", *offline, "")
    for name, label, form in ROWS:
        cells = []
        for bar in (bars_[name] for bars_ in found):
            text = "–" if bar.value is None else form.format(bar.value)
            cells.append(f"[red]* {text}[/red]" if bar.met is False else text)
        limit = form.replace(":+", ":").format(found[0][name].limit)
        table.add_row(label, *cells, f"{'≤ ' if found[0][name].limit else ''}{limit}")
    extra: tuple[tuple[str, Callable[[Report], str]], ...] = (
        ("processor time ÷ audio time", _cpu),
        ("memory at most, bench included", _memory),
    )
    for label, pick in extra:
        table.add_row(label, *[pick(report) for report in reports], "")
    if any(bar.met is False for bars_ in found for bar in bars_.values()):
        table.caption, table.caption_justify = "*: off target", "left"
    return table


def _language(live: LiveResult) -> str:
    return LANGUAGES.get(live.language, live.language).capitalize()


def _unit(results: Sequence[LiveResult]) -> str:
    """What the error rates count."""
    by_character = [_language(live) for live in results if live.language in BY_CHARACTER]
    if len(by_character) == len(results):
        return "characters wrong"
    return "words wrong" + (f" ({' and '.join(by_character)}: characters)" if by_character else "")


def _rate(rates: dict[str, float] | None) -> str:
    return f"{max(rates.values()):.1f} %" if rates else "–"


def _cpu(report: Report) -> str:
    value = report.cost.cpu_per_audio_second
    return "–" if value is None else f"{value:.2f}"


def _memory(report: Report) -> str:
    value = report.cost.peak_memory_bytes
    return f"{value / 1e6:.0f} MB" if value else "–"


def estimate_table(estimates: Sequence[Estimate]) -> Table:
    """What models of published sizes would be like on this machine."""
    table = Table(
        title="Other models here (engines with random weights timed, the clip replayed at that"
        " cost)",
        title_justify="left",
        box=None,
    )
    names = ("model", "context", "a decode", "busy", "step", "final within", "verdict")
    for name in names:
        left = name in {"model", "context", "verdict"}
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for item in estimates:
        style = {"live": "green", BY_PHRASE: "yellow"}.get(item.verdict, "red")
        table.add_row(
            item.model or f"{item.size} (none)",
            "30 s" if item.context == "full" else "fitted",
            f"{item.decode_seconds:.2f} s",
            f"{100 * item.compute_ratio:.0f} %",
            _seconds(item.step_seconds) if item.policy != "phrase" else "phrase",
            f"{_seconds(item.commit_p50)} / {_seconds(item.commit_p95)}",
            item.verdict,
            style=style,
        )
    table.caption = (
        "final within: half / 95 % of the words. step: between two decodes of growing speech."
    )
    table.caption_justify = "left"
    return table


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
