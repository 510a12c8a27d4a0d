"""The interpreter's own arithmetic."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.engines.coreml.mil.numeric import erf, round_to_half

floats = hnp.arrays(np.float32, st.integers(1, 50), elements=st.floats(width=32, allow_nan=False))


@given(floats)
def test_rounding_is_that_of_float16(x):
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(round_to_half(x), expected)


def test_rounding_ties_and_subnormals_in_long_arrays():
    rng = np.random.default_rng(0)
    halves = rng.standard_normal(100_000).astype(np.float16).astype(np.float32)
    ties = halves[:-1] + halves[1:]
    tiny = (rng.standard_normal(100_000) * 2.0**-15).astype(np.float32)
    x = np.concatenate([ties, tiny, [65519.0, 2.0**-25, 3 * 2.0**-25, 0.0, -0.0]]).astype(
        np.float32
    )
    expected = x.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(round_to_half(x), expected)


def test_erf_is_far_finer_than_float16():
    x = np.linspace(-5, 5, 4001, dtype=np.float32)
    expected = np.array([math.erf(v) for v in x.tolist()])
    assert np.abs(erf(x) - expected).max() < 6e-7
