"""Measures a model on sentences and voices that were not trained on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from demo_model import corpus, folder
from demo_model.decoding import Decoded, Decoder
from demo_model.features import log_mel
from demo_model.scoring import edit_distance
from demo_model.synth import SAMPLE_RATE
from demo_model.windows import Composer, Task, Window

FULL_SAMPLES = 30 * SAMPLE_RATE
BATCH_SECONDS = 240.0
"""Audio decoded at a time."""


@dataclass(slots=True)
class Score:
    """Errors over the windows of one condition."""

    errors: int = 0
    units: int = 0
    """Reference words (English) or characters without spaces (Korean)."""
    segments: int = 0
    matched: int = 0
    """Windows with as many segments as expected; only their times are compared."""
    time_errors_s: list[float] = field(default_factory=list)

    def as_dict(self) -> dict[str, float | int]:
        """Rates for a report."""
        errors = self.time_errors_s or [float("nan")]
        return {
            "error_rate": round(self.errors / max(self.units, 1), 4),
            "units": self.units,
            "timestamp_error_s": round(float(np.mean(errors)), 4),
            "timestamp_median_s": round(float(np.median(errors)), 4),
            "timestamps": len(self.time_errors_s),
            "windows_with_right_segments": round(self.matched / max(self.segments, 1), 4),
        }


def units(text: str, language: str) -> list[str]:
    """Words of an English text, characters of a Korean one; case and punctuation dropped."""
    plain = "".join(c for c in text.lower() if c.isalnum() or c.isspace())
    return plain.split() if language == "en" else list("".join(plain.split()))


def batches(windows: list[Window], *, padded: bool) -> Iterator[tuple[list[Window], Tensor]]:
    """Windows with their mel; `padded` fills up to 30 s with silence first."""
    seconds = 30.0 if padded else len(windows[0].samples) / SAMPLE_RATE
    size = max(1, int(BATCH_SECONDS / seconds))
    for first in range(0, len(windows), size):
        part = windows[first : first + size]
        samples = np.stack([w.samples for w in part])
        if padded:
            samples = np.pad(samples, ((0, 0), (0, FULL_SAMPLES - samples.shape[1])))
        yield part, log_mel(torch.from_numpy(samples))


def add_score(score: Score, window: Window, decoded: Decoded, language: str) -> None:
    """Add one window's errors."""
    expected = [s for s in window.segments if s.words]
    texts = [s.english if window.task == "translate" else s.text for s in expected]
    reference = units(" ".join(texts), language)
    score.errors += edit_distance(reference, units(decoded.text, language))
    score.units += len(reference)
    score.segments += 1
    if len(decoded.segments) != len(expected):
        return
    score.matched += 1
    for segment, (start, end) in zip(expected, decoded.segments, strict=True):
        score.time_errors_s.append(abs(start - segment.words[0].start / SAMPLE_RATE))
        if end is not None and segment.complete:
            score.time_errors_s.append(abs(end - segment.words[-1].end / SAMPLE_RATE))


@dataclass(frozen=True, slots=True)
class Condition:
    """Which windows are measured and how."""

    language: str
    seconds: float
    padded: bool = False
    timestamps: bool = True
    task: Task = "transcribe"
    clean_start: bool = True
    loud: bool = False
    """With the noise of the training windows: now and then as loud as 5 dB under the speech."""

    @property
    def name(self) -> str:
        """E.g. `en 10 s fit`."""
        parts = [self.language, f"{self.seconds:g} s", "full" if self.padded else "fit"]
        parts += [] if self.timestamps else ["no timestamps"]
        parts += [] if self.task == "transcribe" else [self.task]
        parts += [] if self.clean_start else ["cut anywhere"]
        parts += ["noise"] if self.loud else []
        return " ".join(parts)


CONDITIONS = (
    *(
        Condition(lang, s, padded=p)
        for lang in ("en", "ko")
        for s in (10, 30)
        for p in (False, True)
        if not (s == 30 and p)
    ),
    *(Condition(lang, 10, clean_start=False) for lang in ("en", "ko")),
    *(Condition(lang, 10, loud=True) for lang in ("en", "ko")),
    *(Condition(lang, 10, timestamps=False) for lang in ("en", "ko")),
    Condition("ko", 10, task="translate"),
)


def measure(
    decoder: Decoder, composer: Composer, condition: Condition, count: int
) -> tuple[Score, list[tuple[Window, Decoded]]]:
    """Decode `count` windows of a condition."""
    windows = []
    while len(windows) < count:
        window = composer.window(
            condition.seconds,
            language=condition.language,
            task=condition.task,
            clean_start=condition.clean_start,
            loud=condition.loud,
        )
        if window.speech:
            windows.append(window)
    score, pairs = Score(), []
    language = "en" if condition.task == "translate" else condition.language
    for part, mel in batches(windows, padded=condition.padded):
        with torch.no_grad():
            features = decoder.model.encoder(mel)[0]
        decoded = decoder.decode(
            features, condition.language, task=condition.task, timestamps=condition.timestamps
        )
        for window, result in zip(part, decoded, strict=True):
            add_score(score, window, result, language)
            pairs.append((window, result))
    return score, pairs


def measure_detection(decoder: Decoder, composer: Composer, count: int) -> dict[str, float]:
    """Shares of windows with the right language and the right no-speech decision (p > 0.5)."""
    language, speech, silence = [], [], []
    for seconds in (3.0, 10.0):
        windows = [composer.window(seconds) for _ in range(count)]
        for part, mel in batches(windows, padded=False):
            with torch.no_grad():
                features = decoder.model.encoder(mel)[0]
            for window, found in zip(part, decoder.detect(features), strict=True):
                if any(s.words for s in window.segments):
                    language.append(found.language == window.language)
                    speech.append(found.no_speech < 0.5)
                elif not window.speech:
                    silence.append(found.no_speech > 0.5)
    return {
        "language": float(np.mean(language)),
        "speech_kept": float(np.mean(speech)),
        "silence_found": float(np.mean(silence)),
        "silent_windows": len(silence),
    }


def main() -> None:
    """Command line: `python -m demo_model.evaluate CHECKPOINT CORPUS`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seconds-of-audio", type=float, default=600.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--examples", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    decoder = folder.load_decoder(options.checkpoint)
    sentences = corpus.load(options.corpus, "test")
    report: dict[str, object] = {}
    for condition in CONDITIONS:
        if options.only not in condition.name:
            continue
        composer = Composer(sentences, seed=int(condition.seconds))
        count = max(1, round(options.seconds_of_audio / condition.seconds))
        score, pairs = measure(decoder, composer, condition, count)
        report[condition.name] = score.as_dict()
        print(f"{condition.name:24}", score.as_dict(), flush=True)
        for window, decoded in pairs[: options.examples]:
            print("   said ", " ".join(s.text for s in window.segments))
            print("   heard", decoded.text, decoded.segments)
    if not options.only:
        composer = Composer(sentences, seed=7)
        report["detection"] = measure_detection(decoder, composer, 300)
        print("detection", report["detection"], flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
