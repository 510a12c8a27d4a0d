"""The contract that every engine keeps, on this one; in float32, so that its bounds hold."""

from types import FunctionType

import pytest
from engines import test_contract as contract

from live_whisper.engines.coreml.convert import convert
from live_whisper.engines.coreml.engine import CoreMLEngine, EngineOptions
from live_whisper.engines.coreml.options import ConvertOptions
from tests.engines.coreml.mil.backend import InterpreterBackend


@pytest.fixture(scope="module")
def model(checkpoint, tmp_path_factory):
    """A folder of converted models."""
    folder = tmp_path_factory.mktemp("contract") / "model"
    options = ConvertOptions(compute_precision="float32", context_positions=(150,))
    convert(checkpoint, folder, options)
    return folder


@pytest.fixture
def engine(model, checkpoint):
    """The compile cache is beside the model: only the first test fills it."""
    options = EngineOptions(packages=model, cache_dir=model.parent / "cache")
    loaded = CoreMLEngine.load(checkpoint, options, backend=InterpreterBackend())
    yield loaded
    loaded.close()


TESTS = {
    name: test
    for name, test in vars(contract).items()
    if name.startswith("test_") and isinstance(test, FunctionType)
}
assert TESTS
globals().update(TESTS)
