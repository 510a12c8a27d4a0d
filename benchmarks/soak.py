"""A long synthesised meeting through the real program, as fast as it goes; exits 1 on a finding.

    python -m benchmarks.soak [--hours 1] [--checkpoint DIR] [--corpus DIR] [--json FILE]

Checked: no window longer than 30 s; memory of all processes flat after the first five minutes of
audio; what was committed stands in the subtitle file, word for word; cues in order; nothing lost.
"""

import argparse
import itertools
import json
import re
import sys
import tempfile
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import pysubs2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.corpus import Built, build, scenes
from benchmarks.watched import Watched, watch
from live_whisper.streaming.sinks.journal import iter_journal
from live_whisper.types.events import WindowDone
from live_whisper.units import SAMPLE_RATE, WINDOW_SAMPLES

FLAT_FROM_SECONDS = 300.0
GROWTH_BYTES = 24 << 20
"""Allowed between minute five and the end: allocators breathe."""


def write_wav(built: Built, path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for start in range(0, len(built), 60 * SAMPLE_RATE):
            file.writeframes(built.pcm[start : start + 60 * SAMPLE_RATE].tobytes())


def words_of(text: str) -> str:
    return re.sub(r"\s+", "", text)


def findings(run: Watched, folder: Path) -> tuple[list[str], dict[str, Any]]:
    found: list[str] = []
    figures: dict[str, Any] = {"wall_seconds": round(run.seconds, 1)}
    if run.status != 0:
        found.append(f"exit status {run.status}: {run.stderr[-500:]}")
    ended = run.named("session_ended")
    if not ended:
        return [*found, "no session_ended"], figures
    summary = ended[-1]["summary"]
    figures |= {key: summary[key] for key in ("words", "cues", "lost_samples", "compute_ratio")}
    if summary["lost_samples"] or summary["undecoded_samples"]:
        found.append(f"lost {summary['lost_samples']}, undecoded {summary['undecoded_samples']}")
    balance = summary["decoded_samples"] + summary["silent_samples"] + summary["lost_samples"]
    if balance != summary["captured_samples"]:
        found.append(f"captured {summary['captured_samples']} samples, accounted for {balance}")
    found += memory(run, figures)
    committed = "".join(word["text"] for event in run.named("committed") for word in event["words"])
    cues = list(pysubs2.load(str(folder / "soak.srt")))
    written = "".join(cue.plaintext for cue in cues)
    if words_of(written) != words_of(committed):
        found.append("the subtitles are not the committed words")
    for before, after in itertools.pairwise(cues):
        if not before.start < before.end <= after.start:
            found.append(f"cues out of order at {before.start} ms")
            break
    longest = max((span for span in windows(folder)), default=0)
    figures["longest_window_seconds"] = longest / SAMPLE_RATE
    if longest > WINDOW_SAMPLES:
        found.append(f"a window of {longest / SAMPLE_RATE:.2f} s")
    return found, figures


def memory(run: Watched, figures: dict[str, Any]) -> list[str]:
    late = [sample for sample in run.samples if sample.at_seconds >= FLAT_FROM_SECONDS]
    figures["peak_mb"] = round(run.peak_rss / 1e6, 1)
    if len(late) < 10:
        return []
    tenth = max(1, len(late) // 10)
    first = sorted(sample.rss for sample in late[:tenth])[tenth // 2]
    last = sorted(sample.rss for sample in late[-tenth - 1 : -1])[tenth // 2]
    figures["memory_growth_mb"] = round((last - first) / 1e6, 1)
    return [f"memory grew by {(last - first) / 1e6:.0f} MB"] if last - first > GROWTH_BYTES else []


def windows(folder: Path) -> list[int]:
    lengths = []
    for journal in (folder / "state").rglob("journal.jsonl"):
        for record in iter_journal(journal):
            event = getattr(record, "event", None)
            if isinstance(event, WindowDone):
                lengths.append(event.span.length)
    return lengths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--checkpoint", default="demo")
    parser.add_argument("--corpus", type=Path, default=Path("build/corpus"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    options = parser.parse_args()
    scene = replace(scenes(options.hours * 3600)["meeting"], name=f"meeting-{options.hours:g}h")
    built = build(scene, options.corpus)
    with tempfile.TemporaryDirectory(prefix="live-whisper-soak-") as name:
        folder = Path(name)
        write_wav(built, folder / "meeting.wav")
        arguments = ["--input", "meeting.wav", "--pace", "fast", "--format", "jsonl"]
        arguments += ["--model", options.checkpoint, "--lang", "en", "-o", "soak.srt"]
        for assignment in options.settings:
            arguments += ["--set", assignment]
        run = watch(
            arguments, folder, keep=lambda event: event["event"] in {"committed", "session_ended"}
        )
        found, figures = findings(run, folder)
    figures["audio_seconds"] = round(built.seconds, 1)
    print(json.dumps(figures, indent=1))
    for line in found:
        print("FOUND:", line)
    if options.json:
        options.json.write_text(json.dumps({"figures": figures, "found": found}, indent=1))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
