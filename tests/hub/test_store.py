"""The folder of models."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.errors import HubError, ModelError
from live_whisper.hub.manage import remove_model, verify_models
from live_whisper.hub.manifest import (
    Manifest,
    StoredFile,
    is_plain_file_name,
    read_manifest,
    write_manifest,
)
from live_whisper.hub.names import parse_reference
from live_whisper.hub.pull import pull
from live_whisper.hub.store import MODELS_VARIABLE, ModelStore
from live_whisper.hub.verify import FileProblem

from .fakehub import BASE, FakeHub, checkpoint_files


def install(store: ModelStore, hub_id: str, commit: str, **config: object) -> Path:
    """A model in the store without a server."""
    files = {k: v for k, v in checkpoint_files(**config).items() if "." in k[1:]}
    partial = store.partial_folder(hub_id, commit)
    partial.mkdir(parents=True)
    for name, content in files.items():
        (partial / name).write_bytes(content)
    stored = tuple(StoredFile(n, len(c), "0" * 64) for n, c in files.items() if n[0] != ".")
    manifest = Manifest(hub_id, commit, "", hub_id, 1, "full", "", stored)
    return store.commit(partial, manifest).path


def test_an_empty_store(store: ModelStore) -> None:
    assert store.models() == ()
    assert store.partials() == ()
    assert store.clean() == 0
    with pytest.raises(ModelError, match="'base' is not on disk") as caught:
        store.path(parse_reference("base"))
    assert "bundled demo" in caught.value.hint


def test_the_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "here"))
    assert ModelStore.default().root == tmp_path / "here"
    monkeypatch.delenv(MODELS_VARIABLE)
    assert ModelStore.default().root.parts[-2:] == ("live-whisper", "models")


def test_removing_what_is_absent(store: ModelStore) -> None:
    with pytest.raises(ModelError, match="not on disk"):
        remove_model("base", store)
    with pytest.raises(ModelError, match="cannot be removed"):
        remove_model("demo", store)


def test_removing_frees_the_folder(hub: FakeHub, store: ModelStore) -> None:
    model = pull("base", store).model
    assert remove_model("base", store) == (model,)
    assert not model.path.exists()
    assert store.models() == ()
    assert [p for p in store.root.rglob("*") if p.is_file() and p.suffix != ".lock"] == []


def test_removing_one_revision_keeps_the_other(store: ModelStore) -> None:
    install(store, BASE, "a" * 40)
    kept = install(store, BASE, "b" * 40)
    store.remove(parse_reference("base@aaaaaaa"))
    assert [model.path for model in store.models()] == [kept]


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "240080 bytes instead of 240081"),
        (lambda path: path.write_bytes(b"\xff" + path.read_bytes()[1:]), "content differs"),
    ],
)
def test_verify_names_the_damaged_file(hub: FakeHub, store: ModelStore, damage, problem) -> None:
    model = pull("base", store).model
    damage(model.path / "model.safetensors")
    (report,) = verify_models("base", store)
    (found,) = report.problems
    assert found.name == "model.safetensors"
    assert found.problem == problem
    assert not report.intact


@settings(deadline=None, max_examples=25)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), data=st.data())
def test_verify_notices_any_flipped_bit(tmp_path_factory, where, bit, data) -> None:
    store = ModelStore(tmp_path_factory.mktemp("store"))
    path = install(store, BASE, "a" * 40)
    manifest = json.loads((path / "manifest.json").read_text())
    for file in manifest["files"]:
        file["sha256"] = hashlib.sha256((path / file["name"]).read_bytes()).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))
    (model,) = store.models()
    assert store.verify(model).intact
    name = data.draw(st.sampled_from([file.name for file in model.manifest.files]))
    content = bytearray((path / name).read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    (path / name).write_bytes(content)
    assert store.verify(model).problems == (FileProblem(name, "content differs"),)


def test_verify_reports_progress(hub: FakeHub, store: ModelStore) -> None:
    model = pull("base", store).model
    seen: list[tuple[str, int, int]] = []
    store.verify(model, lambda *step: seen.append(step))
    assert seen[-1][1] == seen[-1][2] == model.manifest.size
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_folders_without_manifest_and_strangers_are_left_out(store: ModelStore) -> None:
    path = install(store, BASE, "a" * 40)
    (store.root / "half@made").mkdir()
    (store.root / "notes.txt").write_text("mine")
    (store.root / "link@x").symlink_to(path / "config.json")
    assert [model.path for model in store.models()] == [path]


def test_manifest_round_trip(tmp_path: Path) -> None:
    files = (StoredFile("config.json", 2, "a" * 64),)
    manifest = Manifest(BASE, "e" * 40, "main", "old/name", 5, "fit", "", files)
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    record=json_values
    | st.fixed_dictionaries(
        {
            "format": st.sampled_from([1, 2]),
            "hub_id": json_values | st.just(BASE),
            "revision": json_values | st.just("e" * 40),
            "requested": json_values | st.just(""),
            "asked_id": st.just(BASE),
            "tokenizer_from": st.just(""),
            "pulled_ns": json_values | st.just(1),
            "audio_context": json_values | st.just("fit"),
            "files": json_values
            | st.lists(
                st.fixed_dictionaries(
                    {
                        "name": json_values | st.sampled_from(["a.json", "../a", "/etc/passwd"]),
                        "size": json_values | st.integers(0, 9),
                        "sha256": json_values | st.just("a" * 64),
                    }
                ),
                max_size=3,
            ),
        }
    )
)
def test_any_manifest_is_read_or_refused(tmp_path_factory, record) -> None:
    folder = tmp_path_factory.mktemp("folder")
    (folder / "manifest.json").write_text(json.dumps(record))
    try:
        manifest = read_manifest(folder)
    except HubError:
        return
    assert all(is_plain_file_name(file.name) for file in manifest.files)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../x", "a/b", "a\\b", "/etc/passwd", "C:x", "con", "NUL.json", "x."),
        *("\0", ".hidden", "a\nb", "x" * 200, "ü.json"),
    ],
)
def test_names_that_are_never_written(name: str) -> None:
    assert not is_plain_file_name(name)
