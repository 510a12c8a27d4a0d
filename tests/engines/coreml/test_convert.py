"""Conversion: whole or not at all, and a manifest that says what is there."""

import dataclasses
import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.checkpoints import make_random_checkpoint

from live_whisper.engines.coreml import export
from live_whisper.engines.coreml.convert import convert, plan
from live_whisper.engines.coreml.manifest import FILE_NAME, read_manifest
from live_whisper.engines.coreml.options import (
    ConvertOptions,
    default_contexts,
    padded,
    resolve_scheme,
    resolve_text_positions,
)
from live_whisper.engines.coreml.packages import ensure_packages, packages_folder
from live_whisper.errors import ModelError, OutputError, UsageError
from live_whisper.whisper.checkpoint import load_checkpoint
from live_whisper.whisper.dims import Dims

QUICK = ConvertOptions(context_positions=(20,))


def dims(width, layers):
    return Dims(80, 1500, width, 8, layers, 51865, 448, width, 8, layers, 4 * width, 4 * width)


TINY, BASE, SMALL = dims(384, 4), dims(512, 6), dims(768, 12)
MEDIUM, LARGE = dims(1024, 24), dims(1280, 32)
TURBO = dataclasses.replace(LARGE, n_text_layer=4, n_mels=128, n_vocab=51866)


@pytest.fixture(scope="module")
def nano(tmp_path_factory):
    """The quickest checkpoint to convert."""
    folder = tmp_path_factory.mktemp("nano") / "checkpoint"
    make_random_checkpoint(folder, d_model=32, layers=1, heads=2, alignment_heads=[[0, 0]])
    return load_checkpoint(folder)


@pytest.fixture
def folder_with_conversion(conversions, tmp_path):
    target = tmp_path / "model"
    shutil.copytree(conversions(), target)
    return target


def test_manifest_describes_what_is_there(small, conversions):
    folder = conversions()
    manifest = read_manifest(folder)
    assert manifest.revision == small.revision
    assert manifest.dims == small.dims
    assert manifest.alignment_heads == small.generation.alignment_heads
    assert manifest.contexts == (100,)
    assert manifest.deployment_target == "iOS17"
    assert [p.role for p in manifest.packages] == ["encoder", "cross", "step", "prefill"]
    for package in manifest.packages:
        files = [file for file in (folder / package.path).rglob("*") if file.is_file()]
        assert package.bytes == sum(file.stat().st_size for file in files) > 10_000
    (mel,) = manifest.package("encoder", 100).function().inputs
    assert (mel.shape, mel.dtype) == ((1, 80, 1, 200), "float16")
    assert not manifest.stateful
    assert read_manifest(conversions(stateful=True)).stateful


def test_digest_changes_with_the_content(conversions):
    manifest = read_manifest(conversions())
    assert manifest.digest == read_manifest(conversions()).digest
    assert manifest.digest != dataclasses.replace(manifest, revision="other").digest


def test_several_contexts_and_progress_that_only_grows(nano, tmp_path):
    seen = []
    manifest = convert(
        nano,
        tmp_path / "out",
        ConvertOptions(context_positions=(40, 20)),
        progress=lambda message, fraction: seen.append((message, fraction)),
    )
    assert manifest.contexts == (20, 40)
    assert {p.positions for p in manifest.packages} == {20, 40}
    assert len(manifest.packages) == 8
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert fractions[-1] == 1.0
    assert len(fractions) == 9
    assert "AudioEncoder" in seen[0][0]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_interrupted_conversion_leaves_the_old_one(nano, folder_with_conversion, monkeypatch):
    before = (folder_with_conversion / FILE_NAME).read_bytes()
    built = []
    original = export.decoder_program

    def stop(*args):
        built.append(args)
        if len(built) == 2:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(export, "decoder_program", stop)
    with pytest.raises(KeyboardInterrupt):
        convert(nano, folder_with_conversion, QUICK)
    assert len(built) == 2
    assert (folder_with_conversion / FILE_NAME).read_bytes() == before
    assert [p.name for p in folder_with_conversion.parent.iterdir()] == ["model"]


def test_an_earlier_conversion_is_replaced(nano, folder_with_conversion):
    convert(nano, folder_with_conversion, QUICK)
    assert read_manifest(folder_with_conversion).contexts == (20,)
    assert [p.name for p in folder_with_conversion.parent.iterdir()] == ["model"]


def test_a_folder_of_something_else_is_left_alone(nano, tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(OutputError, match="not empty"):
        convert(nano, tmp_path, QUICK)
    assert (tmp_path / "thesis.txt").read_text() == "all of it"


def test_a_file_in_the_way_is_named(nano, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file"):
        convert(nano, tmp_path / "file", QUICK)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw.pop("packages"), "damaged"),
        (lambda raw: raw.update(exporter_version=0), "another version"),
        (lambda raw: raw["packages"][0].update(path="../elsewhere.mlpackage"), "damaged"),
        (lambda raw: raw["packages"][0].update(path="/etc"), "damaged"),
        (lambda raw: raw["packages"][1].update(path="100/Gone.mlpackage"), "lacks 100/Gone"),
        (lambda raw: raw["packages"][0].update(functions=[{"name": "main"}]), "damaged"),
        (lambda raw: raw.update(dims={"n_mels": 80}), "damaged"),
    ],
)
def test_damaged_manifests_are_one_line(folder_with_conversion, change, message):
    path = folder_with_conversion / FILE_NAME
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))
    with pytest.raises(ModelError, match=message):
        read_manifest(folder_with_conversion)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"exporter_version": 1}'])
def test_what_is_no_manifest(tmp_path, text):
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ModelError, match="damaged"):
        read_manifest(tmp_path)


def test_no_manifest_at_all(tmp_path):
    with pytest.raises(ModelError, match="holds no converted models"):
        read_manifest(tmp_path)


def test_defaults_by_size():
    assert [resolve_scheme("auto", d) for d in (TINY, BASE, SMALL)] == ["none"] * 3
    assert resolve_scheme("auto", MEDIUM) == "int8"
    assert [resolve_scheme("auto", d) for d in (LARGE, TURBO)] == ["palette8"] * 2
    assert resolve_scheme("none", LARGE) == "none"
    lengths = [resolve_text_positions(0, d) for d in (TINY, BASE, SMALL, TURBO, MEDIUM, LARGE)]
    assert lengths == [448, 448, 448, 448, 224, 224]
    assert default_contexts(BASE, "full") == (1500,)
    assert default_contexts(BASE, "fit") == (512, 1500)


@given(st.integers(1, 4000))
def test_padding_is_the_next_multiple(positions):
    assert padded(positions) % 32 == 0
    assert 0 <= padded(positions) - positions < 32


@pytest.mark.parametrize(
    "options",
    [
        ConvertOptions(context_positions=(0,)),
        ConvertOptions(context_positions=(1501,)),
        ConvertOptions(text_positions=449),
        ConvertOptions(text_positions=1),
        ConvertOptions(stateful=True, compute_precision="float32"),
    ],
)
def test_options_outside_the_checkpoint(small, options):
    with pytest.raises(UsageError):
        plan(small, options)


def test_cached_packages_are_made_once_and_again_when_damaged(nano, tmp_path):
    told = []
    first = ensure_packages(nano, tmp_path, QUICK, lambda m, _: told.append(m))
    assert first == packages_folder(nano, tmp_path, QUICK)
    count = len(told)
    assert count > 1
    assert ensure_packages(nano, tmp_path, QUICK, lambda m, _: told.append(m)) == first
    assert len(told) == count
    (first / FILE_NAME).write_text("{}")
    ensure_packages(nano, tmp_path, QUICK, lambda m, _: told.append(m))
    assert read_manifest(first).contexts == (20,)
    assert packages_folder(nano, tmp_path, ConvertOptions(quantize="int8")) != first


def test_nothing_is_printed_and_torch_is_not_needed(nano, tmp_path):
    """In a fresh process: the terminal belongs to the captions."""
    program = (
        "import sys; sys.modules['torch'] = None; from pathlib import Path;"
        "from live_whisper.whisper.checkpoint import load_checkpoint;"
        "from live_whisper.engines.coreml.convert import convert;"
        "from live_whisper.engines.coreml.options import ConvertOptions;"
        "assert 'coremltools' not in sys.modules;"
        "convert(load_checkpoint(Path(sys.argv[1])), Path(sys.argv[2]),"
        " ConvertOptions(context_positions=(20,)))"
    )
    command = [sys.executable, "-c", program, str(nano.folder), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == ""
    assert read_manifest(tmp_path / "out").contexts == (20,)
