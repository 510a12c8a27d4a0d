"""Measures which cross-attention heads tell where a word is heard.

For each head: the offset of the most-attended position from the middle of the token's time, for
the row that *predicts* the token (the row that openai-whisper's alignment uses) and for the row
that reads it.  `python -m demo_model.attention_check CHECKPOINT CORPUS`
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch

from demo_model import corpus, examples, folder
from demo_model.features import log_mel
from demo_model.windows import Composer

SECONDS_PER_POSITION = 0.02


def collect(
    checkpoint: Path, corpus_folder: Path, seconds: float, count: int
) -> dict[tuple[int, int, str], list[float]]:
    """(layer, head, row) -> offsets in seconds over all text tokens of `count` windows."""
    decoder = folder.load_decoder(checkpoint)
    vocabulary = decoder.vocabulary
    composer = Composer(corpus.load(corpus_folder, "test"), seed=11)
    rng = random.Random(3)
    offsets: dict[tuple[int, int, str], list[float]] = {}
    for _ in range(count):
        window = composer.window(seconds, clean_start=True, task="transcribe")
        example = examples.build_example(window, vocabulary, rng)
        with torch.no_grad():
            features = decoder.model.encoder(log_mel(torch.from_numpy(window.samples)[None]))[0]
            _, weights = decoder.model.decoder(torch.tensor([example.tokens]), features)
        places = torch.stack(weights)[:, 0].argmax(dim=-1)
        for i, target in enumerate(example.targets):
            if not 0 <= target < vocabulary.eot:
                continue
            middle = sum(example.next_spans[i]) / 2
            for layer in range(places.shape[0]):
                for head in range(places.shape[1]):
                    for row, k in (("predicts", i), ("reads", min(i + 1, places.shape[2] - 1))):
                        offset = float(places[layer, head, k]) + 0.5 - middle
                        key = (layer, head, row)
                        offsets.setdefault(key, []).append(offset * SECONDS_PER_POSITION)
    return offsets


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--windows", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = collect(options.checkpoint, options.corpus, options.seconds, options.windows)
    for (layer, head, row), values in sorted(found.items()):
        array = np.array(values)
        median = float(np.median(array))
        spread = float(np.median(np.abs(array - median)))
        far = float(np.percentile(np.abs(array), 95))
        print(
            f"layer {layer} head {head} row that {row:8}  median {median:+.3f} s"
            f"  MAD {spread:.3f} s  95 % within {far:.2f} s"
        )


if __name__ == "__main__":
    main()
