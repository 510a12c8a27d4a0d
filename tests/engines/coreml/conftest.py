"""Checkpoints, conversions and engines that the tests of this folder share."""

from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import make_random_checkpoint

from live_whisper.engines.coreml.convert import convert
from live_whisper.engines.coreml.engine import CoreMLEngine, EngineOptions
from live_whisper.engines.coreml.options import ConvertOptions
from live_whisper.engines.coreml.tools import coremltools
from live_whisper.engines.onnx.engine import OnnxEngine
from live_whisper.whisper.checkpoint import load_checkpoint

coremltools()  # imported here first, so that its warnings about versions stay silent

POSITIONS = 100  # 2 s: two attention tiles are not needed to be right, and everything is fast
ALIGNMENT = [[0, 1], [1, 0], [1, 3]]


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A random checkpoint with four heads, two layers and three alignment heads."""
    folder = tmp_path_factory.mktemp("small") / "checkpoint"
    return load_checkpoint(make_random_checkpoint(folder, alignment_heads=ALIGNMENT, seed=3))


@pytest.fixture(scope="session")
def conversions(small, tmp_path_factory):
    """Folders of converted models by what was asked for, made once."""
    root = tmp_path_factory.mktemp("converted")
    made = {}

    def get(**options):
        options = ConvertOptions(**{"context_positions": (POSITIONS,), **options})
        if options not in made:
            folder = root / str(len(made))
            convert(small, folder, options)
            made[options] = folder
        return made[options]

    return get


@pytest.fixture(scope="session")
def onnx_engine(small, tmp_path_factory):
    """The reference: float32 on ONNX Runtime."""
    engine = OnnxEngine.load(small, threads=1, cache_dir=tmp_path_factory.mktemp("onnx"))
    yield engine
    engine.close()


@pytest.fixture
def backend():
    """The interpreter in the place of Core ML."""
    from tests.engines.coreml.mil.backend import InterpreterBackend

    return InterpreterBackend()


@pytest.fixture(params=["explicit", "stateful"])
def kind(request):
    """Where the decoder keeps its cache."""
    return request.param


@pytest.fixture
def load(small, conversions, backend, tmp_path):
    """Load an engine on the interpreter; keyword arguments go to ``EngineOptions``."""
    engines = []

    def make(kind="explicit", *, convert_options=None, on=None, **options):
        folder = conversions(stateful=kind == "stateful", **(convert_options or {}))
        whole = EngineOptions(packages=folder, cache_dir=tmp_path / "cache", **options)
        engines.append(CoreMLEngine.load(small, whole, backend=on or backend))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture(scope="session")
def mel():
    """A spectrogram with the range of a real one, (80, 200)."""
    rng = np.random.default_rng(11)
    smooth = np.cumsum(rng.standard_normal((80, 2 * POSITIONS)), axis=1)
    return np.clip(smooth * 0.1, -1.0, 1.5).astype(np.float32)


@pytest.fixture(scope="session")
def demo_folder():
    """The bundled checkpoint."""
    import live_whisper

    folder = Path(live_whisper.__file__).parent / "assets" / "demo"
    if not (folder / "config.json").is_file():
        pytest.skip("the demo checkpoint is not here")
    return folder
