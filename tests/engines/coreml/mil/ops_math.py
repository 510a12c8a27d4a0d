"""Element-wise ops and reductions."""

import numpy as np

from tests.engines.coreml.mil.numeric import erf
from tests.engines.coreml.mil.table import op

for _name, _function in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "real_div": np.true_divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
}.items():
    # Bound as a default, or every entry would be the last function.
    op(_name)(lambda x, y, _function=_function: _function(x, y))


def _axes(axes):
    return None if axes is None else tuple(int(a) for a in axes)


for _name, _function in {
    "reduce_mean": np.mean,
    "reduce_sum": np.sum,
    "reduce_max": np.max,
}.items():
    op(_name)(
        lambda x, axes=None, keep_dims=False, _function=_function: _function(
            x, axis=_axes(axes), keepdims=bool(keep_dims)
        )
    )


@op("rsqrt")
def rsqrt(x, epsilon=1e-12):
    return 1 / np.sqrt(x + np.float32(epsilon))


@op("square")
def square(x):
    return x * x


@op("gelu")
def gelu(x, mode="EXACT"):
    assert str(mode) == "EXACT"
    return np.float32(0.5) * x * (1 + erf(x * np.float32(np.sqrt(0.5))))
