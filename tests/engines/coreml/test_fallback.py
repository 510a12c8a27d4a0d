"""Compute units that fail: at load, in time, or in arithmetic."""

import numpy as np
import pytest

from live_whisper.engines.coreml.engine import EngineOptions, prepare
from live_whisper.errors import EngineError
from tests.engines.coreml.mil.backend import InterpreterBackend

IDS = [5, 260, 17, 31, 99, 3, 250, 7, 140, 12, 66]


def units_of(engine):
    return {package.path.split("/")[1].split(".")[0]: package.units for package in engine.units}


def refuse(*refused):
    return lambda path, units: "out of luck" if units in refused else ""


def spoil_on(*units, after=0):
    """Turn outputs into NaN on some units, from a number of calls on."""

    def spoil(model, outputs):
        if model.units in units and model.calls > after:
            for array in outputs.values():
                array[...] = np.nan

    return spoil


def test_a_time_out_goes_to_the_gpu_and_is_remembered(load, backend):
    backend.rehearsal_fault = lambda path, units: (
        "loading took more than 900 s"
        if (path.stem, units) == ("AudioEncoder", "cpu_and_ne")
        else ""
    )
    engine = load()
    assert units_of(engine)["AudioEncoder"] == "cpu_and_gpu"
    assert units_of(engine)["TextDecoder"] == "cpu_and_ne"
    assert "encoder on the GPU, decoder on the Neural Engine" in engine.description
    again = InterpreterBackend()
    assert units_of(load(on=again)) == units_of(engine)
    assert again.rehearsed == []  # all of it was known to work
    assert not again.compiled


def test_an_error_at_load_goes_on_to_the_processor(load, backend):
    backend.refuse_load = refuse("cpu_and_ne", "cpu_and_gpu")
    assert set(units_of(load()).values()) == {"cpu_only"}


def test_a_crash_that_only_the_real_load_shows(load, backend):
    """The rehearsal went well, the load in this process does not."""
    backend.rehearse = lambda *_: ""
    backend.refuse_load = refuse("cpu_and_ne")
    assert set(units_of(load()).values()) == {"cpu_and_gpu"}


def test_nan_in_the_rehearsal(load, backend):
    backend.spoil = spoil_on("cpu_and_ne")
    engine = load()
    assert set(units_of(engine).values()) == {"cpu_and_gpu"}
    assert all(np.isfinite(engine.encoder.encode(np.zeros((80, 200), np.float32)).encoded.ravel()))


def test_nothing_works(load, backend):
    backend.refuse_load = refuse("cpu_and_ne", "cpu_and_gpu", "cpu_only")
    with pytest.raises(EngineError, match="cannot run 100/AudioEncoder") as caught:
        load()
    assert "out of luck" in caught.value.message
    assert "onnx" in caught.value.hint


def test_units_the_user_chose_are_not_left(load, backend):
    assert set(units_of(load(compute_units="cpu_and_gpu")).values()) == {"cpu_and_gpu"}
    backend.refuse_load = refuse("cpu_only")
    with pytest.raises(EngineError, match="out of luck"):
        load(compute_units="cpu_only")


@pytest.mark.parametrize("place", [1, 8, 10])
def test_nan_in_the_middle_of_a_decode(load, backend, kind, onnx_engine, mel, place):
    """The session goes on as if nothing had happened."""
    engine = load(kind)
    with onnx_engine.decoder.open(onnx_engine.encoder.encode(mel), want_attention=False) as session:
        expected = session.append(IDS).logits
    features = engine.encoder.encode(mel)
    with engine.decoder.open(features, want_attention=False) as session:
        session.append(IDS[:place])
        for model in backend.models:
            if "TextDecoder" in model.label:
                model._spoil = spoil_on("cpu_and_ne")
        logits = session.append(IDS[place:]).logits
        assert session.length == len(IDS)
    assert np.abs(logits - expected).max() < 0.03
    after = units_of(engine)
    assert after["AudioEncoder"] == "cpu_and_ne"
    assert "cpu_and_gpu" in after.values()


def test_nan_on_all_units_ends_in_one_line(load, backend, mel):
    engine = load()
    for model in backend.models:
        model._spoil = spoil_on("cpu_and_ne")
    backend.spoil = spoil_on("cpu_and_gpu", "cpu_only")
    with pytest.raises(EngineError, match="cannot run 100/AudioEncoder"):
        engine.encoder.encode(mel)


def test_what_went_wrong_is_reported(small, conversions, backend, tmp_path):
    backend.refuse_load = refuse("cpu_and_ne")
    options = EngineOptions(packages=conversions(), cache_dir=tmp_path)
    report = prepare(small, options, backend=backend)
    assert {p.units for p in report.packages} == {"cpu_and_gpu"}
    assert len(report.notices) == 4
    assert all("does not run on the Neural Engine: out of luck" in n for n in report.notices)
