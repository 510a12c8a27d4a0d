"""A tiny tokenizer and a tiny checkpoint."""

import sys
from pathlib import Path

import pytest

from live_whisper.whisper.checkpoint import Checkpoint, load_checkpoint
from live_whisper.whisper.tokenizer import Tokenizer

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests/support

from support.checkpoints import make_random_checkpoint
from support.fake_decoding import make_tokenizer
from support.scripted_recording import Recording


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return make_tokenizer()


@pytest.fixture(scope="session")
def english_tokenizer() -> Tokenizer:
    return make_tokenizer(multilingual=False)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tmp_path_factory.mktemp("checkpoint")
    make_random_checkpoint(folder, d_model=16, layers=1, heads=2, alignment_heads=[[0, 1]])
    return load_checkpoint(folder)


@pytest.fixture
def record(checkpoint):
    """Makes recordings and closes them."""
    made = []

    def make(seconds, *windows):
        made.append(Recording(checkpoint, seconds, *windows))
        return made[-1]

    yield make
    for recording in made:
        recording.mel.close()
