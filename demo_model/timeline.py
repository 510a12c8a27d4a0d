"""Meetings and monologues put together from synthesised sentences, with exact word times.

Needs the synthesiser, numpy and soxr only.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from demo_model import grammar, noise, voices
from demo_model.grammar import Split
from demo_model.synth import SAMPLE_RATE, Word, synthesise
from demo_model.voices import Voice


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence on a timeline."""

    language: str
    english: str
    korean: str
    voice: str
    words: tuple[Word, ...]
    """Samples count from the start of the timeline."""

    @property
    def text(self) -> str:
        """What is said."""
        return self.english if self.language == "en" else self.korean


@dataclass(slots=True)
class Timeline:
    """Audio and all that is said in it."""

    samples: NDArray[np.float32]
    """Mono, 16 kHz, within -1 and 1."""
    sentences: list[Sentence] = field(default_factory=list)

    @property
    def words(self) -> list[tuple[str, Word]]:
        """(language, word) in order."""
        return [(s.language, word) for s in self.sentences for word in s.words]

    def text(self, language: str | None = None) -> str:
        """All sentences, or those of one language."""
        chosen = [s.text for s in self.sentences if language in (None, s.language)]
        return " ".join(chosen)


@dataclass(frozen=True, slots=True)
class Style:
    """How sentences follow each other."""

    gap_s: tuple[float, float] = (0.2, 1.2)
    """Shortest and longest pause between sentences."""
    lead_s: float = 0.5
    """Silence before the first and after the last sentence."""
    level: tuple[float, float] = (0.4, 0.8)
    """Peak of the quietest and of the loudest sentence."""
    noise_level: float = 0.0
    """Deviation of the background noise."""
    speakers: int = 3
    """Voices per language, taken in random turns."""


def meeting(
    seed: int,
    seconds: float,
    languages: Sequence[str] = ("en",),
    *,
    split: Split = "test",
    style: Style = Style(),
) -> Timeline:
    """A meeting of about `seconds`; each language of `languages` takes an equal share in turn."""
    rng = random.Random(seed)
    speakers = {
        code: [voices.sample(rng, code, split) for _ in range(style.speakers)]
        for code in sorted(set(languages))
    }
    timeline = Timeline(np.zeros(0, np.float32))
    composer = _Composer(timeline, style, seed)
    for i, code in enumerate(languages, start=1):
        while composer.seconds < seconds * i / len(languages) - style.lead_s:
            english, korean = grammar.sample(rng, split)
            voice = rng.choice(speakers[code])
            composer.add(code, english, korean, voice, gap_s=rng.uniform(*style.gap_s), rng=rng)
    composer.finish()
    return timeline


def script(
    lines: Iterable[tuple[str, str, str, Voice]], style: Style = Style(), seed: int = 0
) -> Timeline:
    """A timeline of given (language, English, Korean, voice) lines."""
    rng = random.Random(seed)
    timeline = Timeline(np.zeros(0, np.float32))
    composer = _Composer(timeline, style, seed)
    for language, english, korean, voice in lines:
        composer.add(language, english, korean, voice, gap_s=rng.uniform(*style.gap_s), rng=rng)
    composer.finish()
    return timeline


class _Composer:
    """Appends sentences to a timeline."""

    def __init__(self, timeline: Timeline, style: Style, seed: int) -> None:
        self.timeline, self.style, self.seed = timeline, style, seed
        self.parts = [np.zeros(round(style.lead_s * SAMPLE_RATE), np.float32)]
        self.length = len(self.parts[0])

    @property
    def seconds(self) -> float:
        """Length so far."""
        return self.length / SAMPLE_RATE

    def add(
        self,
        language: str,
        english: str,
        korean: str,
        voice: Voice,
        *,
        gap_s: float,
        rng: random.Random,
    ) -> None:
        """Append one sentence and the pause after it."""
        speech = synthesise(english if language == "en" else korean, voice)
        words = tuple(
            Word(w.text, w.start + self.length, w.end + self.length) for w in speech.words
        )
        self.timeline.sentences.append(Sentence(language, english, korean, voice.name, words))
        pause = np.zeros(round(gap_s * SAMPLE_RATE), np.float32)
        self.parts += [speech.samples * np.float32(rng.uniform(*self.style.level) / 0.9), pause]
        self.length += len(speech.samples) + len(pause)

    def finish(self) -> None:
        """Join the audio and lay the noise under it."""
        lead = round(self.style.lead_s * SAMPLE_RATE)
        if self.timeline.sentences:
            end = self.timeline.sentences[-1].words[-1].end
            joined = np.concatenate(self.parts)[:end]
            self.parts = [joined]
        self.parts.append(np.zeros(lead, np.float32))
        samples = np.concatenate(self.parts)
        if self.style.noise_level:
            generator = np.random.default_rng(self.seed)
            level = np.float32(self.style.noise_level)
            samples += noise.coloured(generator, len(samples), 1.0) * level
        self.timeline.samples = np.clip(samples, -1, 1)
