"""Checkpoints for both programs. Nothing here is collected without openai-whisper and torch."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests/support
sys.path.insert(0, str(Path(__file__).parent))

collect_ignore_glob = [] if find_spec("whisper") and find_spec("torch") else ["test_*.py"]


def _random(size, factory):
    import pairs

    root = factory.mktemp(size)
    return pairs.make_pair(pairs.make_lively(root / "checkpoint", size), root / "cache")


@pytest.fixture(scope="session")
def tiny_pair(tmp_path_factory):
    return _random("tiny", tmp_path_factory)


@pytest.fixture(scope="session")
def base_pair(tmp_path_factory):
    return _random("base", tmp_path_factory)


@pytest.fixture(scope="session")
def demo_pair(tmp_path_factory):
    import pairs

    root = tmp_path_factory.mktemp("demo")
    checkpoint = pairs.expanded_demo(root)
    if checkpoint is None:
        pytest.skip("no demo checkpoint")
    return pairs.make_pair(checkpoint, root / "cache")
