"""Checkpoints and loaded engines for the tests of every engine."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests/support

from support.checkpoints import make_random_checkpoint

from live_whisper.engines.base import Engine
from live_whisper.engines.onnx import OnnxEngine
from live_whisper.engines.scripted import ScriptedEngine, ScriptedToken, ScriptedWindow
from live_whisper.whisper.checkpoint import Checkpoint, load_checkpoint


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = make_random_checkpoint(
        tmp_path_factory.mktemp("checkpoint"),
        d_model=32,
        heads=4,
        n_text_ctx=64,
        alignment_heads=[[0, 2], [1, 0], [1, 3]],
    )
    return load_checkpoint(folder)


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph cache shared by the tests of a run."""
    return tmp_path_factory.mktemp("graphs")


def scripted(checkpoint: Checkpoint) -> Engine:
    text = checkpoint.tokenizer.encode(" the train is in")
    tokens = tuple(ScriptedToken(i, position=10 * n) for n, i in enumerate(text))
    return ScriptedEngine(checkpoint, lambda mel: ScriptedWindow(tokens))


@pytest.fixture(params=["onnx-float32", "onnx-int8", "scripted"])
def engine(
    request: pytest.FixtureRequest, checkpoint: Checkpoint, graphs: Path
) -> Iterator[Engine]:
    """Every engine; another one joins by adding its name here."""
    kind, _, precision = request.param.partition("-")
    if kind == "scripted":
        loaded = scripted(checkpoint)
    else:
        loaded = OnnxEngine.load(checkpoint, precision=precision, threads=1, cache_dir=graphs)
    yield loaded
    loaded.close()
