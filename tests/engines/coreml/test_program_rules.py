"""What a graph may contain, read from the saved packages."""

from collections import Counter

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.graphs.attention import tile_length
from live_whisper.engines.coreml.manifest import read_manifest
from tests.engines.coreml.mil.program import load_functions, load_specification

SPECIFICATION = {"iOS17": 8, "iOS18": 9}
"""Core ML specification version that a deployment target comes to."""

NOT_ON_THE_NEURAL_ENGINE = {
    "scatter",
    "scatter_along_axis",
    "scatter_nd",
    "cumsum",
    "topk",
    "non_zero",
    "while_loop",
    "cond",
}


@pytest.fixture(params=["explicit", "stateful", "int8", "palette8", "stateful-int8"])
def manifest_and_folder(request, conversions):
    stateful = request.param.startswith("stateful")
    quantize = next((q for q in ("int8", "palette8") if q in request.param), "none")
    folder = conversions(stateful=stateful, quantize=quantize)
    return read_manifest(folder), folder


def every_op(specification):
    for function in specification.mlProgram.functions.values():
        (block,) = function.block_specializations.values()
        yield from block.operations


def test_every_op_exists_in_the_target(manifest_and_folder):
    manifest, folder = manifest_and_folder
    target = getattr(ct.target, manifest.deployment_target)
    for package in manifest.packages:
        specification = load_specification(folder / package.path)
        assert specification.specificationVersion == SPECIFICATION[manifest.deployment_target]
        for op in every_op(specification):
            if op.type == "const":
                continue
            if op.type == "write_state":  # what the update of a state is called in a saved program
                assert manifest.deployment_target == "iOS18"
                continue
            assert op.type in SSAOpRegistry.core_ops, op.type
            versions = SSAOpRegistry.core_ops[op.type]
            assert min(version.value for version in versions) <= target.value, op.type
            assert op.type not in NOT_ON_THE_NEURAL_ENGINE


def test_no_flexible_shapes(manifest_and_folder):
    manifest, folder = manifest_and_folder
    for package in manifest.packages:
        description = load_specification(folder / package.path).description
        features = [*description.input, *description.output]
        for function in description.functions:
            features += [*function.input, *function.output]
        assert features
        for feature in features:
            assert feature.type.multiArrayType.WhichOneof("ShapeFlexibility") is None


def test_one_read_and_at_most_one_update_of_each_state(conversions):
    folder = conversions(stateful=True)
    package = read_manifest(folder).packages[-1]
    functions = load_functions(folder / package.path)
    assert set(functions) == {names.FUNCTION_CROSS, names.FUNCTION_PREFILL, names.FUNCTION_STEP}
    expected_updates = {
        names.FUNCTION_CROSS: {
            names.KEY_CACHE,
            names.VALUE_CACHE,
            names.CROSS_KEYS,
            names.CROSS_VALUES,
        },
        names.FUNCTION_PREFILL: {names.KEY_CACHE, names.VALUE_CACHE},
        names.FUNCTION_STEP: {names.KEY_CACHE, names.VALUE_CACHE},
    }
    for name, function in functions.items():
        reads, updates = Counter(), Counter()
        for place, step in enumerate(function.steps):
            if step.op_type == "read_state":
                reads[step.variables["input"]] += 1
                assert not updates[step.variables["input"]], f"read after write at {place}"
            elif step.op_type == "coreml_update_state":
                updates[step.variables["state"]] += 1
        assert set(reads.values()) == {1}
        assert dict(updates) == dict.fromkeys(expected_updates[name], 1)
        assert len(function.states) == 4


def test_states_have_sizes_that_core_ml_takes(conversions):
    package = read_manifest(conversions(stateful=True)).packages[-1]
    for function in package.functions:
        assert len(function.states) == 4
        for state in function.states:
            assert state.shape[-1] % 32 == 0
            assert state.dtype == "float16"


def test_names_of_whisperkit(conversions):
    manifest = read_manifest(conversions())
    encoder, _, step, _ = manifest.packages
    assert [t.name for t in encoder.functions[0].inputs] == ["melspectrogram_features"]
    assert [t.name for t in encoder.functions[0].outputs] == ["encoder_output_embeds"]
    inputs = {t.name: t for t in step.functions[0].inputs}
    assert {
        "input_ids",
        "cache_length",
        "key_cache",
        "value_cache",
        "kv_cache_update_mask",
        "decoder_key_padding_mask",
    } <= set(inputs)
    outputs = {t.name: t.shape for t in step.functions[0].outputs}
    assert set(outputs) == {
        "logits",
        "key_cache_updates",
        "value_cache_updates",
        "alignment_heads_weights",
    }
    assert inputs["input_ids"].shape == (1,)
    assert inputs["input_ids"].dtype == "int32"
    assert inputs["key_cache"].shape == (1, 2 * 64, 1, 448)


def test_the_embedding_is_stored_once(conversions, small):
    """It is looked up at the beginning and multiplied at the end."""
    manifest = read_manifest(conversions())
    embedding = small.dims.n_vocab * small.dims.n_text_state * 2
    others = sum(
        small.tensors.shape(name)[0] * np.prod(small.tensors.shape(name)[1:], dtype=int) * 2
        for name in small.tensors
        if name.startswith("model.decoder.") and "embed_tokens" not in name
    )
    for role in ("step", "prefill"):
        assert manifest.package(role, 100).bytes < others + 1.5 * embedding


def test_masks_fit_into_float16():
    assert np.isfinite(np.float16(names.MASKED))
    assert np.exp(np.float32(names.MASKED)) == 0


@pytest.mark.parametrize("positions", [1, 100, 512, 750, 1000, 1024, 1500])
def test_tiles_are_equal(positions):
    tile = tile_length(positions)
    assert positions % tile == 0
    assert tile <= 512
    assert positions // tile <= 3


def test_long_queries_are_split_per_head_and_tile(conversions, small):
    folder = conversions(context_positions=(1000,))
    functions = load_functions(folder / "1000" / f"{names.ENCODER}.mlpackage")
    kinds = functions["main"].op_types()
    tiles = small.dims.n_audio_layer * small.dims.n_audio_head * 2
    assert kinds["softmax"] == tiles
    assert kinds["einsum"] == 2 * tiles
    sizes = {step.outputs[0].shape for step in functions["main"].steps if step.op_type == "softmax"}
    assert sizes == {(1, 1000, 1, 500)}
