"""float16 has no number beyond 65 504: where the graphs come near it, and where they must not."""

import numpy as np
import pytest

from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.convert import convert
from live_whisper.engines.coreml.graphs.layers import NORM_SCALE
from live_whisper.engines.coreml.options import ConvertOptions
from live_whisper.errors import ModelError
from tests.engines.coreml.mil.numeric import FLOAT16_MAX
from tests.engines.coreml.mil.program import load_functions, run


class Peaks:
    """The largest number that any op of each type came to, before rounding."""

    def __init__(self):
        self.by_op = {}

    def __call__(self, step, value, array):
        if value.dtype is np.float16 and array.size:
            size = float(np.abs(array).max())
            assert np.isfinite(size), (step.op_type, value.name)
            self.by_op[step.op_type] = max(size, self.by_op.get(step.op_type, 0.0))

    @property
    def worst(self):
        return max(self.by_op.values())


class Replaced:
    """A checkpoint with some tensors changed."""

    def __init__(self, checkpoint, **tensors):
        self._checkpoint = checkpoint
        self.tensors = {**checkpoint.tensors, **tensors}

    def __getattr__(self, name):
        return getattr(self._checkpoint, name)


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.5])
def test_encoder_stays_far_from_the_limit(conversions, mel, level):
    path = conversions() / "100" / f"{names.ENCODER}.mlpackage"
    peaks = Peaks()
    inputs = {names.MEL: np.full((1, *mel.shape), level, np.float32)[:, :, None, :]}
    run(load_functions(path)["main"], inputs, audit=peaks)
    assert 0 < peaks.worst < FLOAT16_MAX / 100


def test_residual_outliers_survive_normalization(small, tmp_path, mel):
    """Real checkpoints have channels that reach the thousands; squared they leave float16.

    The limit of a plain square is 255. The graphs scale before they square.
    """
    bias = np.array(small.tensors["model.encoder.layers.0.fc2.bias"])
    bias[7] = 1900.0
    loud = Replaced(small, **{"model.encoder.layers.0.fc2.bias": bias})
    convert(loud, tmp_path / "loud", ConvertOptions(context_positions=(100,)))
    function = load_functions(tmp_path / "loud" / "100" / f"{names.ENCODER}.mlpackage")["main"]
    peaks = Peaks()
    outputs = run(function, {names.MEL: mel[None, :, None, :]}, audit=peaks)
    assert np.isfinite(outputs[names.ENCODED]).all()
    assert FLOAT16_MAX < 1800.0**2  # a plain square would not have been finite
    assert (1800.0 * NORM_SCALE) ** 2 < peaks.by_op["mul"] < FLOAT16_MAX


def test_the_audit_sees_an_overflow(small, tmp_path, mel):
    """The check above can fail: far larger outliers do overflow."""
    bias = np.array(small.tensors["model.encoder.layers.0.fc2.bias"])
    bias[7] = 30_000.0
    loud = Replaced(small, **{"model.encoder.layers.0.fc2.bias": bias})
    convert(loud, tmp_path / "loud", ConvertOptions(context_positions=(100,)))
    function = load_functions(tmp_path / "loud" / "100" / f"{names.ENCODER}.mlpackage")["main"]
    peaks = Peaks()
    with np.errstate(all="ignore"):
        try:
            run(function, {names.MEL: mel[None, :, None, :]}, audit=peaks)
        except AssertionError:  # a later op saw the infinity
            return
    assert peaks.worst > FLOAT16_MAX


def test_a_weight_beyond_float16_is_named(small, tmp_path):
    bias = np.array(small.tensors["model.encoder.layers.1.fc1.bias"])
    bias[0] = 1e6
    broken = Replaced(small, **{"model.encoder.layers.1.fc1.bias": bias})
    with pytest.raises(ModelError, match=r"layers\.1\.fc1\.bias does not fit into float16"):
        convert(broken, tmp_path / "out", ConvertOptions(context_positions=(100,)))
    assert list(tmp_path.iterdir()) == []
