"""Each exported graph, run by the interpreter, against the same checkpoint in float32."""

import numpy as np
import pytest

from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.session import fill_step
from tests.engines.coreml.mil.program import load_functions, run

POSITIONS = 100
IDS = [5, 260, 17, 31, 99, 3, 250, 7, 140, 12, 66]


@pytest.fixture(scope="module")
def graphs(conversions):
    folder = conversions() / str(POSITIONS)
    return {
        name: load_functions(folder / f"{name}.mlpackage")["main"]
        for name in (names.ENCODER, names.CROSS, names.STEP, names.PREFILL)
    }


@pytest.fixture(scope="module")
def hidden(onnx_engine, mel):
    """The reference's encoder output, (positions, d)."""
    return onnx_engine.encoder.hidden(mel)


@pytest.fixture(scope="module")
def reference(onnx_engine, mel):
    """Logits and attention rows of every prefix of ``IDS``."""
    features = onnx_engine.encoder.encode(mel)
    with onnx_engine.decoder.open(features, want_attention=True) as session:
        outputs = [session.append([token]) for token in IDS]
    return np.stack([o.logits for o in outputs]), np.concatenate([o.attention for o in outputs])


def encoded(hidden):
    return np.ascontiguousarray(hidden.T)[None, :, None, :]


def cross_caches(graphs, hidden):
    outputs = run(graphs[names.CROSS], {names.ENCODED: encoded(hidden)})
    return {name: outputs[name] for name in (names.CROSS_KEYS, names.CROSS_VALUES)}


def decode(graph, ids, start, caches, cross):
    """One call of a decoder graph; the new keys and values go into ``caches``."""
    inputs = (
        {name: np.zeros(value.shape, value.dtype) for name, value in graph.inputs.items()}
        | caches
        | cross
    )
    fill_step(inputs, ids, start)
    outputs = run(graph, inputs)
    for cache, update in (
        (names.KEY_CACHE, names.KEY_UPDATES),
        (names.VALUE_CACHE, names.VALUE_UPDATES),
    ):
        caches[cache][..., start : start + len(ids)] = outputs[update][..., : len(ids)]
    return outputs


def empty_caches(graph):
    return {
        name: np.zeros(graph.inputs[name].shape, np.float32)
        for name in (names.KEY_CACHE, names.VALUE_CACHE)
    }


def test_encoder(graphs, hidden, mel):
    outputs = run(graphs[names.ENCODER], {names.MEL: mel[None, :, None, :]})
    assert np.abs(outputs[names.ENCODED] - encoded(hidden)).max() < 0.02
    assert np.abs(hidden).max() > 1  # the bound above says something


def test_cross_projection(graphs, hidden, small):
    caches = cross_caches(graphs, hidden)
    for name, part in ((names.CROSS_KEYS, "k"), (names.CROSS_VALUES, "v")):
        rows = []
        for layer in range(small.dims.n_text_layer):
            prefix = f"model.decoder.layers.{layer}.encoder_attn.{part}_proj"
            bias = 0 if part == "k" else small.tensors[f"{prefix}.bias"]
            rows.append((hidden @ small.tensors[f"{prefix}.weight"].T + bias).T)
        expected = np.concatenate(rows)[None, :, None, :]
        assert np.abs(caches[name] - expected).max() < 0.02


def test_steps_one_by_one(graphs, hidden, reference):
    logits, attention = reference
    cross = cross_caches(graphs, hidden)
    caches = empty_caches(graphs[names.STEP])
    for place, token in enumerate(IDS):
        outputs = decode(graphs[names.STEP], [token], place, caches, cross)
        assert outputs[names.LOGITS].shape == (1, 1, logits.shape[1])
        assert np.abs(outputs[names.LOGITS][0, 0] - logits[place]).max() < 0.03
        assert outputs[names.LOGITS].argmax() == logits[place].argmax()
        rows = outputs[names.ALIGNMENT][0].transpose(1, 0, 2)
        assert np.abs(rows - attention[place]).max() < 2e-3


@pytest.mark.parametrize("split", [(8, 3), (3, 8), (5, 6), (8, 1, 2)])
def test_prefill_in_chunks_and_partly_filled(graphs, hidden, reference, split):
    logits, attention = reference
    cross = cross_caches(graphs, hidden)
    caches = empty_caches(graphs[names.PREFILL])
    start = 0
    for count in split:
        chunk = IDS[start : start + count]
        outputs = decode(graphs[names.PREFILL], chunk, start, caches, cross)
        start += count
        assert np.abs(outputs[names.LOGITS][0, 0] - logits[start - 1]).max() < 0.03
        rows = outputs[names.ALIGNMENT][0, :, :count].transpose(1, 0, 2)
        assert np.abs(rows - attention[start - count : start]).max() < 2e-3


def test_prefill_at_the_end_of_the_cache(graphs, hidden):
    """Unused places that would lie behind the cache change nothing."""
    cross = cross_caches(graphs, hidden)
    step, prefill = graphs[names.STEP], graphs[names.PREFILL]
    last = step.inputs[names.KEY_CACHE].shape[3] - 2
    rng = np.random.default_rng(0)
    caches = {
        name: rng.standard_normal(cache.shape).astype(np.float16).astype(np.float32)
        for name, cache in empty_caches(step).items()
    }
    one_by_one = {name: cache.copy() for name, cache in caches.items()}
    together = decode(prefill, [4, 9], last, caches, cross)
    decode(step, [4], last, one_by_one, cross)
    alone = decode(step, [9], last + 1, one_by_one, cross)
    assert np.abs(together[names.LOGITS] - alone[names.LOGITS]).max() < 0.01
    for name, cache in caches.items():
        np.testing.assert_allclose(cache, one_by_one[name], atol=0.01)


def test_what_the_masks_hide_has_no_influence(graphs, hidden):
    cross = cross_caches(graphs, hidden)
    step = graphs[names.STEP]
    clean, dirty = empty_caches(step), empty_caches(step)
    for cache in dirty.values():
        cache[...] = 30.0
    for caches in (clean, dirty):
        decode(step, [7], 0, caches, cross)
    first = decode(step, [8], 1, clean, cross)
    second = decode(step, [8], 1, dirty, cross)
    np.testing.assert_array_equal(first[names.LOGITS], second[names.LOGITS])


@pytest.mark.parametrize(
    ("precision", "quantize"),
    [("float32", "none"), ("float16", "none"), ("float16", "int8"), ("float16", "palette8")],
)
def test_every_precision_runs(load, onnx_engine, mel, precision, quantize):
    """Error grows from float32 over float16 to eight-bit weights, and stays small."""
    engine = load(convert_options={"compute_precision": precision, "quantize": quantize})
    assert ("Neural Engine" in engine.description) == (precision == "float16")
    bound = {"none": 0.03 if precision == "float16" else 2e-3}.get(quantize, 1.5)
    outputs = []
    for each in (engine, onnx_engine):
        with each.decoder.open(each.encoder.encode(mel), want_attention=False) as session:
            outputs.append(session.append(IDS).logits)
    assert np.abs(outputs[0] - outputs[1]).max() < bound
    assert np.corrcoef(outputs[0], outputs[1])[0, 1] > 0.99
