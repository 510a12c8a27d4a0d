"""The streaming table: scenes × settings, each against the offline decode of the same checkpoint.

    python -m benchmarks.streaming [--checkpoint DIR] [--seconds 1800] [--scenes english korean]
        [--variant "name streaming.margin_ms=300 …"]… [--json FILE] [--corpus DIR] [--log DIR]

Audio is played on a virtual clock; a decode takes effect as late as it took. With one thread the
cost is processor time, so that other programs on the machine do not count; with more it is time on
the wall, and the machine should be idle.
"""

import argparse
import json
import os
import platform
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.corpus import Built, build, scenes
from live_whisper.clock import MonotonicClock, ProcessorClock
from live_whisper.config.schema import Config
from live_whisper.decoding.file_mel import FileMel
from live_whisper.decoding.longform import LongForm, LongFormSettings
from live_whisper.decoding.prompt import carries_text
from live_whisper.decoding.window import NO_GUARDS, WindowDecoder
from live_whisper.engines.base import Engine
from live_whisper.hub.resolve import demo_path
from live_whisper.runtime.load import load_engine
from live_whisper.runtime.rehearsal import Conditions, Recorded, Rehearsed, rehearse
from live_whisper.streaming.evaluation.judge import judge, offline_rates
from live_whisper.streaming.evaluation.report import Cost, Report, bars
from live_whisper.streaming.recognizer import Recognizer, RecognizerSettings
from live_whisper.streaming.sinks.event_log import EventLogSink
from live_whisper.types.audio import Span
from live_whisper.types.text import Word
from live_whisper.units import NS_PER_SECOND, SAMPLE_RATE, ms_to_samples
from live_whisper.vad.voices import VoiceMap
from live_whisper.whisper.checkpoint import Checkpoint, load_checkpoint
from live_whisper.whisper.mel import LogMel

STANDARD = ("english", "korean", "noisy-english", "noisy-korean")
BLOCK = 30 * SAMPLE_RATE


@dataclass(frozen=True)
class Loaded:
    checkpoint: Checkpoint
    engine: Engine
    threads: int
    fit: bool


def load(folder: Path, threads: int, *, fit: bool, precision: str = "auto") -> Loaded:
    checkpoint = load_checkpoint(folder)
    engine = {"threads": threads, "precision": precision}
    settings = Config.model_validate({"engine": engine}).engine
    return Loaded(checkpoint, load_engine(checkpoint, settings), threads, fit)


def configuration(assignments: list[str], built: Built) -> Config:
    """The defaults with ``section.key=value`` laid over them."""
    tree: dict[str, dict[str, object]] = {}
    languages = built.scene.languages
    tree["recognition"] = {"language": languages[0] if len(languages) == 1 else "auto"}
    for assignment in assignments:
        path, value = assignment.split("=", 1)
        section, key = path.split(".")
        try:
            parsed: object = json.loads(value)
        except ValueError:
            parsed = value
        tree.setdefault(section, {})[key] = parsed
    return Config.model_validate(tree)


def offline(
    loaded: Loaded, built: Built, language: str, *, fill_gaps: bool = False
) -> dict[str, float]:
    """Error rates of the whole recording, decoded as ``live-whisper transcribe`` does it."""
    least = Config().decoding.unheard_ms if fill_gaps else 0
    settings = LongFormSettings(
        unheard_samples=ms_to_samples(least),
        language=None if language == "auto" else language,
        context="fit" if loaded.fit else "full",
        condition_on_previous_text=carries_text("auto", short_context=loaded.fit),
    )
    return offline_rates(built.said, offline_words(loaded, built, settings))


def offline_words(loaded: Loaded, built: Built, settings: LongFormSettings) -> list[Word]:
    """The long-form decode of the whole recording."""
    decoder = WindowDecoder(
        loaded.engine, loaded.checkpoint.tokenizer, loaded.checkpoint.generation, guards=NO_GUARDS
    )
    voices = VoiceMap()
    with FileMel(LogMel(loaded.checkpoint.dims.n_mels)) as mel:
        for start in range(0, len(built), BLOCK):
            block = built.read(Span(start, min(len(built), start + BLOCK)))
            mel.push(block)
            if settings.unheard_samples:
                voices.push(block)
        mel.finish()
        walk = LongForm(decoder, mel, settings, voices)
        return [word for part in walk.run() for word in part.words]


def stream(
    loaded: Loaded, built: Built, config: Config, log: Path | None = None
) -> tuple[Rehearsed, float]:
    """A rehearsal and its processor time."""
    settings = RecognizerSettings(
        config.recognition, config.streaming, config.decoding, fit_context=loaded.fit
    )
    recognizer = Recognizer(loaded.engine, loaded.checkpoint, settings)
    recognizer.warm_up(built.read(Span(0, SAMPLE_RATE)))
    meter = ProcessorClock() if loaded.threads == 1 else MonotonicClock()
    begun = time.process_time()
    result = rehearse(Recorded(built.read, len(built)), recognizer, config, Conditions(meter))
    spent = time.process_time() - begun
    if log:
        writer = EventLogSink(log)
        for moment, event in zip(result.published_ns, result.events, strict=True):
            writer.write(moment, event)
        writer.close()
    return result, spent


def measure(
    loaded: Loaded,
    built: Built,
    config: Config,
    baseline: dict[str, float] | None,
    log: Path | None = None,
) -> tuple[Report, Rehearsed]:
    result, spent = stream(loaded, built, config, log)
    accounts = result.outcome.accounts
    assert accounts.captured == accounts.decoded + accounts.silent, "samples unaccounted for"
    cost = Cost(
        audio_seconds=built.seconds,
        engine_seconds=result.engine_ns / NS_PER_SECOND,
        cpu_seconds=spent,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        samples_lost=accounts.lost,
    )
    return judge(built.said, result.events, cost, offline=baseline), result


HEADER = (
    f"{'scene':16} {'setting':22} {'err %':>6} {'gap':>6} {'p50':>5} {'p95':>5} {'max':>5}"
    f" {'seen50':>6} {'seen95':>6} {'erase':>5} {'hall':>5} {'miss%':>5} {'cue':>5} {'RTF':>5}"
    f" {'win':>5}"
)


def row(scene: str, variant: str, report: Report, result: Rehearsed) -> str:
    def number(value: float | None, width: int = 5, digits: int = 2) -> str:
        return f"{'-':>{width}}" if value is None else f"{value:{width}.{digits}f}"

    delay, text = report.delay, report.text
    error = max(text.by_language.values(), default=0.0)
    return (
        f"{scene:16} {variant:22} {number(error, 6)} {number(report.gap_points, 6)}"
        f" {number(delay.commit.p50)} {number(delay.commit.p95)} {number(delay.commit.largest)}"
        f" {number(delay.first_seen.p50, 6)} {number(delay.first_seen.p95, 6)}"
        f" {number(report.stability.normalized_erasure)} {text.hallucinated_words:5d}"
        f" {number(text.missed_speech_percent)} {number(report.timing.cue_boundary_error)}"
        f" {number(report.cost.real_time_factor)} {len(result.costs_ns):5d}"
    )


def machine() -> dict[str, object]:
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((ln.split(":", 1)[1].strip() for ln in lines if "model name" in ln), "")
    return {"processor": model or platform.machine(), "cores": os.cpu_count()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("build/corpus"))
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--scenes", nargs="+", default=list(STANDARD))
    parser.add_argument("--variant", action="append", default=[])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("auto", "float32", "int8"), default="auto")
    parser.add_argument("--context", choices=("fit", "full"), default="fit")
    parser.add_argument("--part", type=float, default=0.0, help="only the first so many seconds")
    parser.add_argument("--no-offline", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--log", type=Path, help="folder for event logs")
    options = parser.parse_args()
    loaded = load(
        options.checkpoint or demo_path(),
        options.threads,
        fit=options.context == "fit",
        precision=options.precision,
    )
    results = []
    print(HEADER, flush=True)
    for name in options.scenes:
        built = build(scenes(options.seconds)[name], options.corpus)
        built = built.part(options.part) if options.part else built
        language = configuration([], built).recognition.language
        baseline = None
        if not options.no_offline and built.words:
            for label, fill in (("offline, gaps filled", True), ("offline", False)):
                baseline = offline(loaded, built, language, fill_gaps=fill)
                shown = ", ".join(f"{code} {rate:.2f} %" for code, rate in baseline.items())
                print(f"{name:16} {label}: {shown}", flush=True)
        for variant in options.variant or ["default"]:
            label, *assignments = variant.split()
            config = configuration(assignments, built)
            log = options.log / f"{name}-{label}.jsonl" if options.log else None
            report, result = measure(loaded, built, config, baseline, log)
            print(row(name, label, report, result), flush=True)
            missed = [bar.name for bar in bars(report) if bar.met is False]
            results.append(
                {
                    "scene": name,
                    "variant": variant,
                    "missed_bars": missed,
                    "report": report.as_dict(),
                }
            )
    if options.json:
        document = {"machine": machine(), "threads": options.threads, "results": results}
        options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
