"""Meetings from the demo's synthesiser, with exact word times: from seconds to several hours.

    python -m benchmarks.corpus FOLDER [--only NAME] [--seconds S]

Every scene is written as 16-bit raw samples (``NAME.i16``), a FLAC to listen to where it is short,
and ``NAME.json`` with the words. The same scene and seed give the same file in a fresh process.
Sentences and voices are those of the demo's test set; short turns without slots are the exception,
their words are trained on (the voices are not).
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo_model import grammar, noise, voices
from demo_model.synth import SAMPLE_RATE, synthesise
from live_whisper.streaming.evaluation.judge import Said
from live_whisper.streaming.evaluation.units import ReferenceWord
from live_whisper.types.audio import Samples, Span

Kind = Literal["monologue", "dialogue"]
Noise = Literal["none", "room", "keyboard", "hum", "babble", "music"]
Pcm = npt.NDArray[np.int16]

LOOP_SECONDS = 41
"""Noise repeats after so long; no sentence pattern falls in step with it."""
LEAD = SAMPLE_RATE
SPEECH_RMS = 0.09
"""Of an average sentence at full level: what signal-to-noise ratios refer to."""


@dataclass(frozen=True)
class Scene:
    """What a recording is like."""

    name: str
    seconds: float
    languages: tuple[str, ...] = ("en",)
    """Taken in turns of ``turn_sentences``; none: nobody speaks."""
    kind: Kind = "monologue"
    turn_sentences: int = 12
    seed: int = 1
    noises: tuple[Noise, ...] = ("none",)
    """In turn, each for ``noise_seconds``."""
    noise_seconds: float = 60.0
    snr_db: tuple[float, float] = (20.0, 20.0)
    """Drawn anew for each stretch of noise."""
    pauses: tuple[tuple[float, float], ...] = ()
    """(at, length) in seconds: nobody speaks."""
    level_jumps: bool = False
    """Speakers differ by up to 20 dB, and change in mid-meeting."""
    clipped: bool = False
    """Every fifth sentence is driven 12 dB into the limit."""


@dataclass(frozen=True)
class Built:
    """A scene on disk; also a ``Recording`` for rehearsals."""

    scene: Scene
    pcm: Pcm
    words: tuple[ReferenceWord, ...]

    def __len__(self) -> int:
        return len(self.pcm)

    @property
    def said(self) -> Said:
        return Said(self.words, len(self.pcm))

    @property
    def seconds(self) -> float:
        return len(self.pcm) / SAMPLE_RATE

    def read(self, span: Span) -> Samples:
        return self.pcm[span.start : span.end].astype(np.float32) / np.float32(32768)

    def part(self, seconds: float) -> "Built":
        """The first part, cut where no word is being said."""
        end = min(len(self.pcm), round(seconds * SAMPLE_RATE))
        while any(word.start < end < word.end + SAMPLE_RATE // 5 for word in self.words):
            end += SAMPLE_RATE // 10
        words = tuple(word for word in self.words if word.end <= end)
        return Built(self.scene, self.pcm[:end], words)


def scenes(seconds: float) -> dict[str, Scene]:
    """The scenes of the published tables, each ``seconds`` long."""
    noisy: tuple[Noise, ...] = ("room", "keyboard", "hum", "music")
    listed: list[Scene] = []
    for number, (name, code) in enumerate((("english", "en"), ("korean", "ko"))):
        spoken, seed = (code,), 10 + number
        listed += [
            Scene(name, seconds, spoken, seed=seed),
            Scene(
                f"noisy-{name}", seconds, spoken, seed=seed + 10, noises=noisy, snr_db=(10.0, 20.0)
            ),
            Scene(f"dialogue-{name}", seconds, spoken, "dialogue", seed=seed + 20),
            Scene(
                f"babble-{name}",
                seconds,
                spoken,
                seed=seed + 30,
                noises=("babble",),
                snr_db=(15.0, 20.0),
            ),
            Scene(
                f"levels-{name}", seconds, spoken, seed=seed + 40, level_jumps=True, clipped=True
            ),
        ]
    switches = tuple((at, 30.0) for at in range(120, round(seconds), 150))
    listed += [
        Scene("switching", seconds, ("en", "ko"), seed=60, turn_sentences=40, pauses=switches),
        Scene("pauses", max(seconds, 600), ("en",), seed=61, pauses=((60.0, 30.0), (150.0, 300.0))),
        Scene(
            "meeting",
            seconds,
            ("en",),
            "dialogue",
            seed=63,
            noises=("room", "none", "keyboard"),
            snr_db=(15.0, 25.0),
            pauses=tuple((at, 30.0) for at in range(600, round(seconds), 900)),
        ),
        Scene("nobody", seconds, (), seed=62, noises=("room", "none", "keyboard", "hum", "music")),
    ]
    return {scene.name: scene for scene in listed}


def build(scene: Scene, folder: Path) -> Built:
    """The scene from disk, made where it is not there yet."""
    audio, table = folder / f"{scene.name}.i16", folder / f"{scene.name}.json"
    wanted = json.loads(json.dumps(asdict(scene)))
    if not (table.exists() and json.loads(table.read_text("utf-8"))["scene"] == wanted):
        folder.mkdir(parents=True, exist_ok=True)
        words, length = _Composer(scene).write(audio)
        rows = [[word.text, word.start, word.end, word.language] for word in words]
        document = {"scene": wanted, "samples": length, "words": rows}
        table.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    document = json.loads(table.read_text("utf-8"))
    pcm = np.memmap(audio, dtype=np.int16, mode="r")[: document["samples"]]
    return Built(scene, pcm, tuple(ReferenceWord(*row) for row in document["words"]))


class _Composer:
    """Writes one scene, sentence by sentence: memory does not grow with its length."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.rng = random.Random(f"{scene.name} {scene.seed}")
        self.words: list[ReferenceWord] = []
        self.pauses = sorted(scene.pauses)
        self.sentences = 0
        self.speakers = {
            code: [voices.sample(self.rng, code, "test") for _ in range(3)]
            for code in scene.languages
        }
        self.levels: dict[str, float] = {}

    def write(self, path: Path) -> tuple[list[ReferenceWord], int]:
        total = round(self.scene.seconds * SAMPLE_RATE)
        room = total + 30 * SAMPLE_RATE
        pcm = np.memmap(path, dtype=np.int16, mode="w+", shape=(room,))
        at = LEAD if self.scene.languages else total
        while at < total - LEAD:
            at = self._sentence(pcm, at)
        length = max(total, (self.words[-1].end if self.words else 0) + LEAD)
        self._lay_noise(pcm[:length])
        pcm.flush()
        return sorted(self.words, key=lambda word: word.start), length

    def _sentence(self, pcm: Pcm, at: int) -> int:
        """One sentence and the pause after it; gives where the next one begins."""
        scene, rng = self.scene, self.rng
        if self.pauses and at >= self.pauses[0][0] * SAMPLE_RATE:
            return at + round(self.pauses.pop(0)[1] * SAMPLE_RATE)
        code = scene.languages[self.sentences // scene.turn_sentences % len(scene.languages)]
        english, korean = self._text()
        voice = rng.choice(self.speakers[code])
        speech = synthesise(english if code == "en" else korean, voice)
        level = self._level(voice.name)
        samples = speech.samples * np.float32(level)
        if scene.clipped and self.sentences % 5 == 4:
            samples = np.clip(samples * 4, -level, level)
        end = at + len(samples)
        mixed = pcm[at:end].astype(np.int32) + np.round(samples * 32767).astype(np.int32)
        pcm[at:end] = np.clip(mixed, -32768, 32767)
        self.words += [
            ReferenceWord(word.text, word.start + at, word.end + at, code) for word in speech.words
        ]
        self.sentences += 1
        return max(LEAD, end + round(self._gap() * SAMPLE_RATE))

    def _text(self) -> tuple[str, str]:
        short = self.scene.kind == "dialogue" and self.rng.random() < 0.3
        if short:
            return self.rng.choice(grammar.patterns("fixed"))
        return grammar.sample(self.rng, "test")

    def _gap(self) -> float:
        """Seconds to the next sentence; below zero they overlap."""
        rng = self.rng
        if self.scene.kind == "dialogue":
            return rng.uniform(-0.3, 0.0) if rng.random() < 0.15 else rng.uniform(0.1, 0.9)
        return rng.uniform(1.0, 3.0) if rng.random() < 0.15 else rng.uniform(0.2, 0.9)

    def _level(self, speaker: str) -> float:
        if not self.scene.level_jumps:
            return self.rng.uniform(0.4, 0.85)
        if speaker not in self.levels or self.sentences % 10 == 0:
            self.levels[speaker] = 0.9 * 10 ** (self.rng.uniform(-20, 0) / 20)
        return self.levels[speaker]

    def _lay_noise(self, pcm: Pcm) -> None:
        scene = self.scene
        generator = np.random.default_rng(scene.seed)
        step = round(scene.noise_seconds * SAMPLE_RATE)
        loops = {kind: make_noise(kind, generator, scene.seed) for kind in scene.noises}
        for number, start in enumerate(range(0, len(pcm), step)):
            loop = loops[scene.noises[number % len(scene.noises)]]
            snr = self.rng.uniform(*scene.snr_db)
            level = SPEECH_RMS * 10 ** (-snr / 20)
            for at, part in _blocks(pcm[start : start + step]):
                indices = (np.arange(len(part)) + start + at) % len(loop)
                laid = part.astype(np.float32) + loop[indices] * np.float32(level * 32767)
                part[:] = np.clip(np.round(laid), -32768, 32767)


def _blocks(pcm: Pcm, size: int = 20 * SAMPLE_RATE) -> Iterator[tuple[int, Pcm]]:
    for at in range(0, len(pcm), size):
        yield at, pcm[at : at + size]


def make_noise(kind: Noise, rng: np.random.Generator, seed: int) -> Samples:
    """``LOOP_SECONDS`` of noise of unit deviation (of zeros for ``none``)."""
    n = LOOP_SECONDS * SAMPLE_RATE
    if kind == "none":
        return np.zeros(n, np.float32)
    if kind == "room":
        sound = noise.coloured(rng, n, 1.0) + 0.5 * noise.coloured(rng, n, 2.0)
    elif kind == "hum":
        sound = noise.hum(rng, n) + 0.1 * noise.coloured(rng, n, 1.0)
    elif kind == "keyboard":
        sound = _keyboard(rng, n)
    elif kind == "music":
        sound = _music(rng, n)
    else:
        sound = _babble(seed, n)
    return (sound / (sound.std() + 1e-9)).astype(np.float32)


def _keyboard(rng: np.random.Generator, n: int) -> Samples:
    """Bursts of key strokes, on a little hiss."""
    out = 0.02 * noise.coloured(rng, n, 1.0)
    at = 0
    while at < n - SAMPLE_RATE:
        pause = rng.uniform(0.06, 0.25) if rng.random() < 0.9 else rng.uniform(0.8, 4.0)
        at += int(pause * SAMPLE_RATE)
        length = int(rng.integers(200, 700))
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 5))
        end = min(n, at + length)
        out[at:end] += (rng.uniform(0.3, 1.0) * burst[: end - at]).astype(np.float32)
    return out


def _music(rng: np.random.Generator, n: int) -> Samples:
    """Chords of decaying harmonic tones: pitched like a voice, and no voice."""
    out = np.zeros(n, np.float32)
    beat = SAMPLE_RATE // 2
    for at in range(0, n - 3 * beat, beat):
        root = 110.0 * 2 ** (rng.integers(0, 13) / 12)
        for interval in (0, 4, 7):
            time = np.arange(3 * beat) / SAMPLE_RATE
            tone = sum(
                np.sin(2 * np.pi * root * 2 ** (interval / 12) * k * time) / k for k in range(1, 6)
            )
            out[at : at + 3 * beat] += (tone * np.exp(-time * 2.5)).astype(np.float32)
    return out


def _babble(seed: int, n: int) -> Samples:
    """Six people at other tables."""
    rng = random.Random(f"babble {seed}")
    out = np.zeros(n, np.float32)
    for number in range(6):
        at = 0
        code = ("en", "ko")[number % 2]
        voice = voices.sample(rng, code, "train")
        while at < n:
            pair = grammar.sample(rng, "train")
            samples = synthesise(pair[0 if code == "en" else 1], voice).samples[: n - at]
            out[at : at + len(samples)] += samples
            at += len(samples) + int(rng.uniform(0.1, 0.6) * SAMPLE_RATE)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=1800.0)
    options = parser.parse_args()
    for scene in scenes(options.seconds).values():
        if options.only in scene.name:
            built = build(replace(scene), options.folder)
            print(f"{scene.name:16} {built.seconds:7.0f} s  {len(built.words)} words")


if __name__ == "__main__":
    main()
