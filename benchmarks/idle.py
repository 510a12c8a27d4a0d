"""What the program takes when little happens, and how soon it is there.

    python -m benchmarks.idle [--checkpoint DIR] [--clip FILE] [--seconds 30] [--json FILE]

Silence is fed as raw PCM at the pace of real time, the clip is played at its own pace: run it on an
idle machine.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.watched import command_seconds, watch

BLOCK_SECONDS = 0.05
BARS = {
    "silence_cpu_percent": 3.0,
    "demo_cpu_percent": 25.0,
    "demo_peak_mb": 400.0,
    "help_seconds": 0.4,
    "capture_seconds": 0.5,
}


def silence(seconds: float) -> Iterator[bytes]:
    block = bytes(round(16_000 * BLOCK_SECONDS) * 2)
    begun = time.monotonic()
    for number in range(round(seconds / BLOCK_SECONDS)):
        yield block
        time.sleep(max(0.0, begun + (number + 1) * BLOCK_SECONDS - time.monotonic()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="demo")
    parser.add_argument("--clip", type=Path, help="instead of the bundled one")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, float] = {}
    figures["help_seconds"] = statistics.median(command_seconds(["--help"]))
    common = ["--format", "jsonl", "--model", options.checkpoint]
    with tempfile.TemporaryDirectory(prefix="live-whisper-idle-") as name:
        quiet = watch(
            [*common, "--lang", "en", "--input", "-"],
            Path(name),
            feed=lambda: silence(options.seconds + 8),
        )
        figures["capture_seconds"] = quiet.captured_after_seconds
        figures["model_ready_seconds"] = quiet.first_event_seconds["model_ready"]
        first = figures["model_ready_seconds"] + 3
        figures["silence_cpu_percent"] = 100 * quiet.cpu_share(first, first + options.seconds)
        figures["silence_peak_mb"] = quiet.peak_rss / 1e6
        clip = options.clip.resolve() if options.clip else None
        arguments = (
            [*common, "--input", str(clip)]
            if clip
            else ["demo", "--format", "jsonl", "--overwrite"]
        )
        played = watch(arguments, Path(name))
        assert played.status == 0, played.stderr
        first = played.first_event_seconds["model_ready"] + 1
        figures["demo_cpu_percent"] = 100 * played.cpu_share(first, played.seconds)
        figures["demo_peak_mb"] = played.peak_rss / 1e6
        figures["first_caption_seconds"] = played.first_event_seconds.get("tentative", float("nan"))
    for name, value in figures.items():
        bar = BARS.get(name)
        verdict = "" if bar is None else f"bar {bar:g}: {'met' if value <= bar else 'MISSED'}"
        print(f"{name:24} {value:8.2f}  {verdict}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
