"""Batches of windows, the same length within a batch."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from demo_model.examples import MAX_POSITIONS, build_example, frame_phonemes, frame_tokens
from demo_model.features import N_MELS, log_mel
from demo_model.losses import IGNORE, Batch
from demo_model.mistakes import with_mistakes
from demo_model.vocabulary import Vocabulary
from demo_model.windows import Composer

FULL_SECONDS = 30.0
TEXT_CONTEXT = 448
MAX_TEXT_START = 260
"""Short sequences stand at decoder positions up to this, so that late ones are trained too."""

OWN_WORDS_SHARE = 0.3
"""Share of the batches in which the decoder reads some of its own predictions."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Length and number of the windows of a batch."""

    seconds: float
    size: int


def choose_shape(rng: random.Random, progress: float, budget_s: float) -> Shape:
    """Window length by training progress (0 to 1): short ones first, then up to 30 s."""
    kind = rng.random()
    if progress < 0.25:
        seconds = rng.uniform(2.0, 6.0)
    elif progress < 0.5:
        seconds = rng.uniform(2.0, 8.0) if kind < 0.6 else rng.uniform(8.0, 15.0)
        seconds = FULL_SECONDS if kind > 0.93 else seconds
    else:
        short, full = (0.3, 0.45) if progress < 0.8 else (0.2, 0.35)
        seconds = rng.uniform(2.0, 10.0) if kind < short else rng.uniform(10.0, 20.0)
        seconds = FULL_SECONDS if kind > full else seconds
    seconds = round(seconds * 50) / 50
    return Shape(seconds, max(1, round(budget_s / seconds)))


def make_batch(
    composer: Composer, vocabulary: Vocabulary, inventory: dict[str, int], shape: Shape
) -> Batch:
    """Compose windows, mix the noise, and lay out all targets."""
    rng = composer.rng
    positions = round(shape.seconds * 50)
    offset = rng.randint(0, MAX_POSITIONS - positions) if rng.random() < 0.5 else 0
    windows = []
    for _ in range(shape.size):
        padded = rng.random() < 0.2
        share = rng.uniform(0.07 if shape.seconds == FULL_SECONDS else 0.4, 1.0) if padded else 1.0
        windows.append(composer.window(shape.seconds, filled=share))
    examples = [
        with_mistakes(build_example(window, vocabulary, rng, offset), vocabulary, rng)
        for window in windows
    ]
    n = min(TEXT_CONTEXT, max(len(example.tokens) for example in examples))
    batch = Batch(
        mel=augment(log_mel(torch.from_numpy(np.stack([w.samples for w in windows]))), rng),
        tokens=torch.full((shape.size, n), vocabulary.eot),
        targets=torch.full((shape.size, n), IGNORE),
        spans=torch.full((shape.size, n, 2), -1.0),
        next_spans=torch.full((shape.size, n, 2), -1.0),
        frame_tokens=torch.from_numpy(
            np.stack([frame_tokens(w, vocabulary, positions) for w in windows])
        ),
        frame_phonemes=torch.from_numpy(
            np.stack([frame_phonemes(w, inventory, positions) for w in windows])
        ),
        offset=offset,
        text_start=rng.randint(0, min(MAX_TEXT_START, TEXT_CONTEXT - n))
        if rng.random() < 0.6
        else 0,
        own_share=rng.uniform(0.1, 0.6) if rng.random() < OWN_WORDS_SHARE else 0.0,
    )
    for i, example in enumerate(examples):
        length = min(n, len(example.tokens))
        batch.tokens[i, :length] = torch.tensor(example.tokens[:length])
        batch.targets[i, :length] = torch.tensor(example.targets[:length])
        batch.spans[i, :length] = torch.tensor(example.spans[:length])
        batch.next_spans[i, :length] = torch.tensor(example.next_spans[:length])
    return batch


def augment(mel: Tensor, rng: random.Random) -> Tensor:
    """Blank a band of frequencies and a short stretch of time in some of the windows."""
    frames = mel.shape[-1]
    for i in range(mel.shape[0]):
        if rng.random() < 0.15:
            width = rng.randint(1, 10)
            first = rng.randint(0, N_MELS - width)
            mel[i, first : first + width] = mel[i].mean()
        if rng.random() < 0.1:
            width = rng.randint(1, 8)
            first = rng.randint(0, frames - width)
            mel[i, :, first : first + width] = mel[i].mean()
    return mel
