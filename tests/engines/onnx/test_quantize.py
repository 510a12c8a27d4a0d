"""8-bit weights: rounding is as fine as promised, and the engine stays close to float32."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.engines.onnx import OnnxEngine
from live_whisper.engines.onnx import engine as engine_module
from live_whisper.engines.onnx.precision import weights_for
from live_whisper.engines.onnx.quantize import quantize_blocks, quantize_columns

SEEDS = st.integers(0, 1000)


@given(SEEDS, st.integers(1, 70), st.integers(1, 40), st.booleans())
@settings(deadline=None, max_examples=50)
def test_columns(seed, inputs, outputs, signed):
    weight = np.random.default_rng(seed).standard_normal((inputs, outputs)).astype(np.float32)
    weight[:, 0] = 0
    quantized, scales = quantize_columns(weight, signed=signed)
    back = (quantized.astype(np.float32) - (0 if signed else 128)) * scales
    assert np.all(np.abs(back - weight) <= scales * 0.5001)
    assert np.all(back[:, 0] == 0)


@given(SEEDS, st.integers(1, 300), st.integers(1, 10), st.sampled_from([16, 32, 128]))
@settings(deadline=None, max_examples=50)
def test_blocks(seed, inputs, outputs, block):
    weight = np.random.default_rng(seed).standard_normal((outputs, inputs)).astype(np.float32)
    quantized, scales = quantize_blocks(weight, block)
    back = (quantized.astype(np.float32) - 128) * scales[:, :, None]
    flat = back.reshape(outputs, -1)
    assert np.all(np.abs(flat[:, :inputs] - weight) <= scales.max() * 0.5001)
    assert np.all(flat[:, inputs:] == 0)


@pytest.mark.parametrize("dot_product", [True, False])
def test_int8_is_close_to_float32(checkpoint, tmp_path, monkeypatch, dot_product):
    """With either processor's kind of weights: cosine of the logits, attention rows."""
    monkeypatch.setattr(engine_module, "has_dot_product", lambda: dot_product)
    mel = np.random.default_rng(0).standard_normal((80, 300)).astype(np.float32) * 0.5
    ids = [*checkpoint.tokenizer.sot_sequence("en"), *checkpoint.tokenizer.encode(" the train is")]
    found = {}
    for precision in ("float32", "int8"):
        engine = OnnxEngine.load(checkpoint, precision=precision, threads=1, cache_dir=tmp_path)
        features = engine.encoder.encode(mel)
        with engine.decoder.open(features, want_attention=True) as session:
            found[precision] = session.append(ids)
    exact, rounded = found["float32"], found["int8"]
    cosine = np.dot(exact.logits, rounded.logits) / (
        np.linalg.norm(exact.logits) * np.linalg.norm(rounded.logits)
    )
    assert cosine > 0.99
    assert np.abs(exact.logits - rounded.logits).max() > 0  # it is another arithmetic
    assert np.abs(exact.attention - rounded.attention).max() < 0.15


def test_weights_suit_the_processor():
    assert weights_for("float32", dot_product=True) == ("float32", "float32")
    assert weights_for("int8", dot_product=False) == ("unsigned", "unsigned")
