"""The bundled clips: sentences and voices of the test set, with the exact time of every word.

`python -m demo_model.clip DIR` writes `clip` (English, then Korean), `clip_en` and `clip_ko`,
each as 16 kHz mono FLAC and as JSON `[{"text", "start", "end", "lang"}, ...]` (seconds).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import soundfile

from demo_model.clip_script import CLIPS, Line
from demo_model.synth import SAMPLE_RATE
from demo_model.timeline import Style, Timeline, script
from demo_model.voices import Voice

STYLE = Style(gap_s=(0.35, 1.1), lead_s=0.6, level=(0.45, 0.75), noise_level=0.0003)


def compose(lines: list[Line]) -> Timeline:
    """The timeline of a clip."""
    plan = [
        (line.language, line.english, line.korean, Voice(line.voice, line.rate_wpm, line.pitch))
        for line in lines
    ]
    return script(plan, STYLE, seed=3)


def word_table(timeline: Timeline) -> list[dict[str, str | float]]:
    """Words with times in seconds."""
    return [
        {
            "text": word.text,
            "start": round(word.start / SAMPLE_RATE, 3),
            "end": round(word.end / SAMPLE_RATE, 3),
            "lang": language,
        }
        for language, word in timeline.words
    ]


def write_clips(out: Path) -> None:
    """Write all clips."""
    out.mkdir(parents=True, exist_ok=True)
    for name, lines in CLIPS.items():
        timeline = compose(lines)
        path = out / f"{name}.flac"
        soundfile.write(path, timeline.samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        rows = ",\n ".join(json.dumps(row, ensure_ascii=False) for row in word_table(timeline))
        path.with_suffix(".json").write_text(f"[{rows}]\n", encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    write_clips(parser.parse_args().out)


if __name__ == "__main__":
    main()
