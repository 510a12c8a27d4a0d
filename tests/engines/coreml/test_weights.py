"""Eight-bit weights: how far they are from the originals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from live_whisper.engines.coreml.weights import (
    SMALLEST_QUANTIZED,
    LinearWeight,
    PaletteWeight,
    WeightStore,
    quantize_linear,
    quantize_palette,
)
from live_whisper.errors import ModelError

matrices = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 40)),
    elements=st.floats(-8, 8, width=16),
)


@given(matrices)
def test_linear_error_is_at_most_half_a_step(tensor):
    weight = quantize_linear(tensor, np.float16)
    back = weight.values.astype(np.float32) * weight.scale.astype(np.float32)[:, None]
    # 127 steps of a rounded scale can end a little before the largest value.
    step = weight.scale.astype(np.float32)[:, None]
    bound = step * 0.5 + np.abs(tensor).max(axis=1, keepdims=True) * 2**-10 + 1e-7
    assert (np.abs(back - tensor) <= bound).all()


@given(matrices)
def test_a_palette_keeps_up_to_256_distinct_values_exactly(tensor):
    weight = quantize_palette(tensor, np.float16)
    np.testing.assert_array_equal(weight.palette[weight.indices], tensor)


def test_linear_keeps_zero_rows():
    weight = quantize_linear(np.zeros((3, 5), np.float32), np.float16)
    assert (weight.values == 0).all()
    assert (weight.scale > 0).all()


def test_palette_beats_even_steps_on_bell_shaped_weights():
    tensor = np.random.default_rng(0).standard_normal((256, 1024)).astype(np.float32) * 0.02
    palette = quantize_palette(tensor, np.float16)
    restored = palette.palette[palette.indices].astype(np.float32)
    error = np.sqrt(np.mean((restored - tensor) ** 2)) / tensor.std()
    even = np.linspace(tensor.min(), tensor.max(), 256, dtype=np.float32)
    nearest = even[np.clip(np.searchsorted((even[1:] + even[:-1]) / 2, tensor), 0, 255)]
    assert error < 0.0075  # 0.0064 is the best that 256 levels can do
    assert error < np.sqrt(np.mean((nearest - tensor) ** 2)) / tensor.std()


def test_store_leaves_small_tensors_alone_and_quantizes_once():
    rng = np.random.default_rng(0)
    tensors = {
        "small": rng.standard_normal((8, 8)).astype(np.float32),
        "large": rng.standard_normal((64, SMALLEST_QUANTIZED // 64)).astype(np.float32),
    }
    store = WeightStore(tensors, np.float16, "int8")
    assert isinstance(store.weight("small"), np.ndarray)
    first = store.weight("large")
    assert isinstance(first, LinearWeight)
    assert store.weight("large") is first
    store.forget("lar")
    assert store.weight("large") is not first
    assert isinstance(WeightStore(tensors, np.float16, "palette8").weight("large"), PaletteWeight)
    with pytest.raises(ModelError, match="lacks the tensor other"):
        store.weight("other")
