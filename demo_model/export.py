"""Writes the checkpoint folder from a training state.

`python -m demo_model.export STATE CORPUS OUT`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from demo_model import corpus, folder
from demo_model.losses import ALIGNMENT_HEADS
from demo_model.vocabulary import Vocabulary


def export(state_folder: Path, corpus_folder: Path, out: Path) -> None:
    """Export the averaged weights of a training state."""
    saved = torch.load(state_folder / "state.pt", weights_only=False)
    vocabulary = Vocabulary.load(state_folder / "vocabulary.json")
    sentences = corpus.load(corpus_folder, "train")
    words = {word for u in sentences for text in (u.english, u.korean) for word in text.split()}
    trained = folder.trained_tokens(vocabulary, words)
    folder.write(out, saved["averaged"], vocabulary, trained, ALIGNMENT_HEADS)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("state", "corpus", "out"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    export(options.state, options.corpus, options.out)


if __name__ == "__main__":
    main()
