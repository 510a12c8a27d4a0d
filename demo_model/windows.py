"""Training and test windows: sentences on a timeline, cut as a streaming captioner cuts them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demo_model import noise
from demo_model.corpus import Utterance
from demo_model.synth import SAMPLE_RATE, Word

Task = Literal["transcribe", "translate"]

NO_SPEECH_SHARE = 0.08
KOREAN_SHARE = 0.6
"""More than half: a part of these windows asks for translation."""
MID_SENTENCE_SHARE = 0.3
TRANSLATE_SHARE = 0.25
"""Share of the Korean windows that ask for translation; those hold whole sentences only."""
LONG_PAST_SHARE = 0.2
"""Share of the windows with more than four sentences before them."""
EDGE_SAMPLES = round(0.02 * SAMPLE_RATE)
"""A word must have ended this long before the end of the window to be expected."""
START_TOLERANCE = round(0.04 * SAMPLE_RATE)
"""A word may lose this much at the start of the window and still be expected."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence, or the part of it that is heard, in a window."""

    words: tuple[Word, ...]
    """Expected words; samples count from the start of the window."""
    complete: bool
    """Whether the sentence ends inside the window."""
    english: str
    """The English text of the whole sentence."""
    phonemes: tuple[tuple[str, int], ...] = ()
    """Phonemes of the whole sentence and their start, in samples of the window."""

    @property
    def text(self) -> str:
        """The expected words."""
        return " ".join(word.text for word in self.words)


@dataclass(slots=True)
class Window:
    """Audio and what is said in it."""

    samples: NDArray[np.float32]
    language: str
    task: Task
    segments: list[Segment] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    """Sentences (the last perhaps cut) said before the window."""
    speech: bool = True


class Composer:
    """Draws windows from a corpus."""

    def __init__(self, corpus: list[Utterance], seed: int) -> None:
        self.by_language = {
            language: [u for u in corpus if u.language == language] for language in ("en", "ko")
        }
        self.rng = random.Random(seed)
        self.noise_rng = np.random.default_rng(seed)

    def window(
        self,
        seconds: float,
        *,
        filled: float = 1.0,
        language: str | None = None,
        task: Task | None = None,
        clean_start: bool = False,
        loud: bool = True,
    ) -> Window:
        """A window of `seconds`, of which the share `filled` may hold speech."""
        rng = self.rng
        n = round(seconds * SAMPLE_RATE)
        language = language or ("ko" if rng.random() < KOREAN_SHARE else "en")
        if not clean_start and rng.random() < NO_SPEECH_SHARE:
            samples = noise.without_speech(self.noise_rng, n)
            before = self._sentences(language, "transcribe", rng.randint(0, 2))
            return Window(samples, language, "transcribe", [], before, speech=False)
        if task is None:
            wanted = language == "ko" and rng.random() < TRANSLATE_SHARE
            task = "translate" if wanted else "transcribe"
        window = Window(np.zeros(n, np.float32), language, task)
        self._place(window, round(n * filled), clean_start=clean_start)
        self._background(window, round(n * filled), loud=loud)
        return window

    def _sentences(self, language: str, task: Task, count: int) -> list[str]:
        chosen = [self.rng.choice(self.by_language[language]) for _ in range(count)]
        return [u.english if task == "translate" else u.text for u in chosen]

    def _place(self, window: Window, limit: int, *, clean_start: bool) -> None:
        """Put sentences into the first `limit` samples of the window."""
        rng = self.rng
        whole = window.task == "translate"
        position = self._first_position(limit, clean=clean_start)
        stop = 0.0 if clean_start else 0.02
        gap_scale = rng.choice((0.3, 1.0, 1.0, 2.0))
        count = rng.randint(5, 20) if rng.random() < LONG_PAST_SHARE else rng.randint(1, 4)
        window.before = self._sentences(window.language, window.task, count)
        first = True
        while position < limit:
            utterance = rng.choice(self.by_language[window.language])
            if first and not whole and not clean_start and rng.random() < MID_SENTENCE_SHARE:
                position = -self._cut(utterance, window)
            first = False
            if whole and position + len(utterance.samples) > limit - EDGE_SAMPLES:
                if window.segments or rng.random() < 0.2:
                    break
                continue
            self._add(window, utterance, position, limit)
            gap = rng.choice((0.1, 0.2, 0.3, 0.5, 1.0)) * rng.uniform(0.7, 1.5) * gap_scale
            position += len(utterance.samples) + round(gap * SAMPLE_RATE)
            if rng.random() < stop:
                break

    def _first_position(self, limit: int, *, clean: bool) -> int:
        """Silence before the first sentence, in samples; a clean start has less than 1 s."""
        kind = self.rng.random()
        longest = 0.9 if clean else 1.2
        lead = 0.0 if kind < 0.2 else self.rng.uniform(0, 0.4 if kind < 0.7 else longest)
        if kind > 0.95 and not clean:
            lead = self.rng.uniform(0, 0.4 * limit / SAMPLE_RATE)
        return round(lead * SAMPLE_RATE)

    def _cut(self, utterance: Utterance, window: Window) -> int:
        """Where the window begins inside the utterance (sample); notes the words before it."""
        rng = self.rng
        if len(utterance.words) < 2:
            return 0
        k = rng.randrange(1, len(utterance.words))
        cut = utterance.words[k].start - round(rng.uniform(-0.02, 0.06) * SAMPLE_RATE)
        if rng.random() < 0.12:
            cut = rng.randrange(0, utterance.words[-1].start + 1)
        heard = [w for w in utterance.words if w.start >= cut - START_TOLERANCE]
        spoken = utterance.words[: len(utterance.words) - len(heard)]
        window.before.append(" ".join(word.text for word in spoken))
        return max(cut, 0)

    def _add(self, window: Window, utterance: Utterance, position: int, limit: int) -> None:
        """Mix one sentence in at `position` (negative: it began before the window)."""
        level = np.float32(10 ** self.rng.uniform(-1.0, 0.0) / 32767)
        audio = np.asarray(utterance.samples[max(-position, 0) :], np.float32) * level
        if self.rng.random() < 0.3:
            audio = noise.equalise(self.noise_rng, audio)
        start = max(position, 0)
        audio = audio[: limit - start]
        window.samples[start : start + len(audio)] += audio
        words = tuple(
            Word(w.text, max(w.start + position, 0), w.end + position)
            for w in utterance.words
            if w.start + position >= -START_TOLERANCE and w.end + position <= limit - EDGE_SAMPLES
        )
        complete = utterance.words[-1].end + position <= limit - EDGE_SAMPLES
        phonemes = tuple((p.name, p.start + position) for p in utterance.phonemes)
        phonemes += (("_", min(len(utterance.samples) + position, limit)),)
        segment = Segment(words, complete and bool(words), utterance.english, phonemes)
        window.segments.append(segment)

    def _background(self, window: Window, limit: int, *, loud: bool) -> None:
        background = noise.background(self.noise_rng, len(window.samples), loud=loud)
        if background is None:
            return
        if limit < len(window.samples) and self.rng.random() < 0.7:
            background[limit:] = 0
        window.samples += background
