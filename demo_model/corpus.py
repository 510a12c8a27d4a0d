"""A corpus of synthesised sentences on disk: 16-bit samples, and a JSON line per sentence.

`DIR/<split>-<shard>.i16` holds the samples of a shard one after the other, `.jsonl` what they
say. Each shard is made in a process of its own from its own seed (the synthesiser keeps a state
from sentence to sentence), so that any number of processes gives the same corpus.
"""

from __future__ import annotations

import json
import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demo_model import grammar, voices
from demo_model.grammar import Split
from demo_model.synth import Phoneme, Word, synthesise

SHARD_SENTENCES = 1000


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sentence of the corpus with its samples."""

    language: str
    english: str
    korean: str
    voice: str
    words: list[Word]
    phonemes: list[Phoneme]
    samples: NDArray[np.int16]
    """16 kHz; a view of the file."""

    @property
    def text(self) -> str:
        """What is said."""
        return self.english if self.language == "en" else self.korean


def make_shard(folder: Path, split: Split, shard: int, sentences: int, seed: int) -> None:
    """Synthesise one shard; does nothing if it is already there."""
    table = folder / f"{split}-{shard:03d}.jsonl"
    if table.exists():
        return
    rng = random.Random(f"{seed}-{split}-{shard}")
    lines = []
    with table.with_suffix(".i16").open("wb") as audio:
        for i in range(sentences):
            language = ("en", "ko")[i % 2]
            english, korean = grammar.sample(rng, split)
            voice = voices.sample(rng, language, split)
            speech = synthesise(english if language == "en" else korean, voice)
            pcm = (speech.samples * 32767).astype(np.int16)
            audio.write(pcm.tobytes())
            lines.append(
                {
                    "language": language,
                    "english": english,
                    "korean": korean,
                    "voice": voice.name,
                    "samples": len(pcm),
                    "words": [[w.text, w.start, w.end] for w in speech.words],
                    "phonemes": [[p.name, p.start] for p in speech.phonemes],
                }
            )
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    table.write_text(text, encoding="utf-8")


def build(folder: Path, split: Split, sentences: int, seed: int = 1, processes: int = 2) -> None:
    """Synthesise `sentences` sentences, half of them in each language."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = range(0, sentences, SHARD_SENTENCES)
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=fresh, max_tasks_per_child=1) as pool:
        jobs = [
            pool.submit(make_shard, folder, split, k, min(SHARD_SENTENCES, sentences - first), seed)
            for k, first in enumerate(shards)
        ]
        for job in jobs:
            job.result()


def load(folder: Path, split: Split) -> list[Utterance]:
    """All sentences of a split; the samples stay on disk (memory-mapped)."""
    utterances = []
    for table in sorted(folder.glob(f"{split}-*.jsonl")):
        audio = np.memmap(table.with_suffix(".i16"), dtype=np.int16, mode="r")
        start = 0
        for line in table.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            end = start + row["samples"]
            utterances.append(
                Utterance(
                    language=row["language"],
                    english=row["english"],
                    korean=row["korean"],
                    voice=row["voice"],
                    words=[Word(*word) for word in row["words"]],
                    phonemes=[Phoneme(*phoneme) for phoneme in row["phonemes"]],
                    samples=audio[start:end],
                )
            )
            start = end
    return utterances
