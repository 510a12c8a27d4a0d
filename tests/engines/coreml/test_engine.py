"""The engine's own code, with the interpreter where Core ML would be."""

import dataclasses

import numpy as np
import pytest

from live_whisper.engines.base import Engine
from live_whisper.engines.coreml.engine import CoreMLEngine, EngineOptions, prepare
from live_whisper.engines.coreml.manifest import FILE_NAME
from live_whisper.errors import EngineError, MissingDependencyError, ModelError, UsageError

IDS = [5, 260, 17, 31, 99, 3, 250, 7, 140, 12, 66]


def test_it_is_an_engine(load, kind, small):
    engine = load(kind)
    assert isinstance(engine, Engine)
    assert engine.dims == small.dims
    assert engine.contexts == (100,)
    assert engine.description == (
        "Core ML, float16, encoder on the Neural Engine, decoder on the Neural Engine"
    )


def test_same_logits_and_attention_as_onnx(load, kind, onnx_engine, mel):
    engine = load(kind)
    results = []
    for each in (engine, onnx_engine):
        features = each.encoder.encode(mel)
        assert features.positions == 100
        with each.decoder.open(features, want_attention=True) as session:
            results.append([session.append(IDS[:9]), session.append([IDS[9]])])
            assert session.length == 10
    for ours, reference in zip(*results, strict=True):
        assert ours.logits.dtype == np.float32
        assert ours.logits.shape == reference.logits.shape
        assert np.abs(ours.logits - reference.logits).max() < 0.03
        assert ours.attention.shape == reference.attention.shape
        assert np.abs(ours.attention - reference.attention).max() < 2e-3
        np.testing.assert_allclose(ours.attention.sum(axis=2), 1, atol=0.01)


def test_one_by_one_or_all_at_once(load, kind, mel):
    engine = load(kind)
    features = engine.encoder.encode(mel)
    with engine.decoder.open(features, want_attention=True) as session:
        together = session.append(IDS)
    with engine.decoder.open(features, want_attention=True) as session:
        single = [session.append([token]) for token in IDS]
    assert np.abs(together.logits - single[-1].logits).max() < 0.02
    rows = np.concatenate([output.attention for output in single])
    assert np.abs(together.attention - rows).max() < 2e-3


def test_truncate_forgets(load, kind, mel):
    engine = load(kind)
    features = engine.encoder.encode(mel)
    with engine.decoder.open(features, want_attention=False) as session:
        session.append(IDS[:5])
        expected = session.append([IDS[5]]).logits
        session.append([1, 2, 3, 4, 5, 6, 7, 8, 9])
        session.truncate(5)
        assert session.length == 5
        again = session.append([IDS[5]])
        assert again.attention is None
        np.testing.assert_array_equal(again.logits, expected)
        with pytest.raises(ValueError, match="cannot keep 7 of 6"):
            session.truncate(7)
        session.truncate(0)
        assert session.length == 0


def test_sessions_in_turn_keep_their_caches(load, kind, mel):
    engine = load(kind)
    first, second = engine.encoder.encode(mel), engine.encoder.encode(-mel)

    def alone(features, ids):
        with engine.decoder.open(features, want_attention=False) as session:
            return [session.append([token]).logits for token in ids]

    expected = [alone(first, IDS[:4]), alone(second, IDS[4:8]), alone(first, IDS[5:9])]
    sessions = [engine.decoder.open(f, want_attention=False) for f in (first, second, first)]
    got = [[], [], []]
    for place in range(4):
        for index, begin in enumerate((0, 4, 5)):
            got[index].append(sessions[index].append([IDS[begin + place]]).logits)
    np.testing.assert_array_equal(got, expected)
    for session in sessions:
        session.close()


def test_a_dropped_session_leaves_nothing_behind(load, kind, mel):
    """Without a close; the next one may even get its address."""
    engine = load(kind)
    features = engine.encoder.encode(mel)
    with engine.decoder.open(features, want_attention=False) as session:
        expected = session.append([7]).logits
    for _ in range(3):
        other = engine.decoder.open(features, want_attention=False)
        other.append([1, 2, 3])
        del other
        with engine.decoder.open(features, want_attention=False) as session:
            np.testing.assert_array_equal(session.append([7]).logits, expected)


def test_features_outlive_the_next_encode(load, kind, mel):
    engine = load(kind)
    features = engine.encoder.encode(mel)
    copy = features.encoded.copy()
    engine.encoder.encode(-mel)
    np.testing.assert_array_equal(features.encoded, copy)


def test_the_last_place_of_the_cache_and_no_further(load, kind, mel):
    engine = load(kind, convert_options={"text_positions": 32})
    assert engine.dims.n_text_ctx == 32
    with engine.decoder.open(engine.encoder.encode(mel), want_attention=True) as session:
        output = session.append([3] * 31)
        assert output.attention.shape[0] == 31
        session.append([4])
        with pytest.raises(ValueError, match="1 ids after 32 of 32"):
            session.append([5])
        assert session.length == 32


@pytest.mark.parametrize("ids", [[], [-1], [10**6]])
def test_ids_that_make_no_sense(load, mel, ids):
    engine = load()
    with engine.decoder.open(engine.encoder.encode(mel), want_attention=False) as session:
        with pytest.raises(ValueError, match="ids"):
            session.append(ids)
        assert session.length == 0


def test_a_closed_session(load, mel):
    engine = load()
    session = engine.decoder.open(engine.encoder.encode(mel), want_attention=False)
    session.close()
    session.close()
    with pytest.raises(ValueError, match="closed"):
        session.append([1])


@pytest.mark.parametrize("shape", [(80, 198), (80, 201), (79, 200), (80, 3000), (80,)])
def test_only_converted_contexts(load, shape):
    with pytest.raises(ValueError, match="mel of shape"):
        load().encoder.encode(np.zeros(shape, np.float32))


def test_features_of_another_engine(load, onnx_engine, mel):
    with pytest.raises(TypeError):
        load().decoder.open(onnx_engine.encoder.encode(mel), want_attention=False)


@pytest.mark.parametrize(("kind", "functions"), [("explicit", 4), ("stateful", 4)])
def test_each_model_is_compiled_and_loaded_once(load, backend, mel, kind, functions):
    engine = load(kind)
    for _ in range(3):
        features = engine.encoder.encode(mel)
        with engine.decoder.open(features, want_attention=True) as session:
            session.append(IDS)
            session.append([2])
    assert set(backend.compiled.values()) == {1}
    assert len(backend.compiled) == (4 if kind == "explicit" else 2)
    assert set(backend.loaded.values()) == {1}
    assert len(backend.loaded) == functions


def test_the_cross_projection_runs_once_per_window(load, backend, mel):
    engine = load()
    (cross,) = [m for m in backend.models if m.label.startswith("CrossProjection")]
    before = cross.calls
    features = engine.encoder.encode(mel)
    for _ in range(3):
        with engine.decoder.open(features, want_attention=False) as session:
            session.append(IDS)
    assert cross.calls == before + 1


def test_several_contexts(load, mel):
    engine = load(convert_options={"context_positions": (50, 100)})
    assert engine.contexts == (50, 100)
    for positions in (50, 100):
        features = engine.encoder.encode(mel[:, : 2 * positions])
        with engine.decoder.open(features, want_attention=True) as session:
            assert session.append([1, 2]).attention.shape == (2, 3, positions)


def test_prepare_reports_and_warms_up(small, conversions, backend, tmp_path):
    options = EngineOptions(packages=conversions(), cache_dir=tmp_path)
    told = []
    report = prepare(small, options, backend=backend, progress=lambda m, _: told.append(m))
    assert {p.units for p in report.packages} == {"cpu_and_ne"}
    assert len(report.packages) == 4
    assert report.notices == ()
    assert report.seconds > 0
    assert all(model.calls >= 1 for model in backend.models)
    assert any(message.startswith("loading") for message in told)
    assert any(message.startswith("warming up") for message in told)


def test_load_converts_where_nothing_is(small, backend, tmp_path):
    from live_whisper.engines.coreml.options import ConvertOptions

    options = EngineOptions(ConvertOptions(context_positions=(20,)), cache_dir=tmp_path)
    for _ in range(2):
        engine = CoreMLEngine.load(small, options, backend=backend)
        assert engine.contexts == (20,)
        engine.close()
    assert len(list(tmp_path.glob("packages/*/manifest.json"))) == 1
    assert set(backend.compiled.values()) == {1}


def test_packages_of_another_checkpoint(small, conversions, backend, tmp_path):
    other = dataclasses.replace(small, revision="another")
    with pytest.raises(ModelError, match="converted from another checkpoint"):
        CoreMLEngine.load(other, EngineOptions(packages=conversions()), backend=backend)
    assert (conversions() / FILE_NAME).is_file()


def test_closing_twice(load):
    engine = load()
    engine.close()
    engine.close()
    assert "closed" in engine.description


def test_unknown_compute_units(load):
    with pytest.raises(UsageError, match="no compute units"):
        load(compute_units="tpu")


@pytest.mark.skipif("__import__('platform').system() == 'Darwin'")
def test_elsewhere_it_is_one_clear_line(small):
    with pytest.raises(EngineError, match="runs on macOS only") as caught:
        CoreMLEngine.load(small)
    assert "onnx" in caught.value.hint
    assert "\n" not in str(caught.value)


def test_without_coremltools_it_says_what_to_install(small, tmp_path, monkeypatch):
    import sys

    from live_whisper.engines.coreml.convert import convert

    monkeypatch.setitem(sys.modules, "coremltools", None)
    with pytest.raises(MissingDependencyError) as caught:
        convert(small, tmp_path / "out")
    assert "pip install" in caught.value.hint
