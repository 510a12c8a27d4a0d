"""From ``--model`` to a folder, the default model and the model list."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import live_whisper
from live_whisper.errors import LiveWhisperError, ModelError
from live_whisper.hub import resolve as resolving
from live_whisper.hub.manage import model_rows, verify_models
from live_whisper.hub.names import KNOWN_MODELS, is_hub_id, nearest_names, parse_reference
from live_whisper.hub.resolve import default_model, is_pullable, resolve
from live_whisper.hub.store import ModelStore

from .fakehub import BASE, checkpoint_files
from .test_store import install

A = "a" * 40


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint folder in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine"
    path.mkdir()
    for name, content in checkpoint_files().items():
        (path / name).write_bytes(content)
    return path


def test_a_folder(store: ModelStore, folder: Path) -> None:
    for written in (str(folder), "./mine", "mine"):
        found = resolve(written, store=store)
        assert (found.path, found.name, found.origin) == (folder, "mine", "folder")
        assert found.audio_context == "full"
        assert not is_pullable(written)


def test_a_folder_says_its_context_in_its_config(store: ModelStore, folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text()) | {"audio_context": "fit"}
    (folder / "config.json").write_text(json.dumps(config))
    assert resolve("./mine", store=store).audio_context == "fit"


def test_a_short_name_wins_over_a_folder(store: ModelStore, folder: Path) -> None:
    folder.rename(folder.with_name("base"))
    with pytest.raises(ModelError, match="'base' is not on disk"):
        resolve("base", store=store)
    assert resolve("./base", store=store).origin == "folder"


def test_a_folder_wins_over_a_hub_id(store: ModelStore, folder: Path) -> None:
    (folder.parent / "owner").mkdir()
    folder.rename(folder.parent / "owner" / "name")
    assert resolve("owner/name", store=store).origin == "folder"
    assert is_pullable("owner/other")


def test_folders_without_checkpoint(store: ModelStore, folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"holds no checkpoint"):
        resolve(str(folder), store=store)
    with pytest.raises(ModelError, match="no model folder"):
        resolve("./nowhere", store=store)
    with pytest.raises(ModelError, match="no model folder"):
        resolve("/nowhere/at/all", store=store)


def test_absent_models_say_how_to_get_them(store: ModelStore) -> None:
    with pytest.raises(ModelError) as caught:
        resolve("base", store=store)
    assert "live-whisper models pull base" in caught.value.hint
    assert "live-whisper demo" in caught.value.hint
    with pytest.raises(ModelError) as caught:
        resolve("someone/thing@v1", store=store)
    assert "models pull someone/thing@v1" in caught.value.hint


def test_installed_models_by_every_name(store: ModelStore) -> None:
    path = install(store, "futo-org/acft-whisper-base", A)
    for written in ("acft-base", "ACFT-Base", "futo-org/acft-whisper-base", "acft-base@aaaaaaa"):
        found = resolve(written, store=store)
        assert (found.path, found.name, found.audio_context) == (path, "acft-base", "fit")
        assert (found.origin, found.revision) == ("store", A)
    with pytest.raises(ModelError):
        resolve("acft-base@bbbbbbb", store=store)


def test_page_addresses() -> None:
    page = "https://huggingface.co/openai/whisper-small"
    assert parse_reference(page) == parse_reference("small")
    assert parse_reference(page + "/tree/refs/pr/2").revision == "refs/pr/2"


@pytest.mark.parametrize(
    "written",
    [
        *("", " ", "@", "base@", "base@../x", "a/b/c", "../x", "a//b", "a/..", "--/x"),
        *("x" * 400, "a/b@a b", "\0", "owner/na\nme", "owner/name@x\x1b[2J"),
    ],
)
def test_what_names_no_model(store: ModelStore, written: str) -> None:
    with pytest.raises(LiveWhisperError) as caught:
        resolve(written, store=store)
    assert caught.value.exit_status == 5
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert not is_pullable(written)


def test_nearest_names() -> None:
    assert nearest_names("smal")[0] == "small"
    assert nearest_names("larg-v3-turbo")[0] == "large-v3-turbo"
    assert nearest_names("openai/whisper-mediun")[0] == "medium"
    assert nearest_names("zzzzzzzzz") == ()


def test_the_list_is_sound() -> None:
    names = [model.name for model in KNOWN_MODELS]
    assert len(names) == len(set(names))
    ids = [model.hub_id for model in KNOWN_MODELS if model.hub_id]
    assert len(ids) == len({hub_id.casefold() for hub_id in ids})
    assert all(is_hub_id(hub_id) for hub_id in ids)
    for model in KNOWN_MODELS:
        assert (model.audio_context == "fit") == (model.name.startswith("acft") or not model.hub_id)
        assert model.name.endswith(".en") <= (model.languages == "en")


def test_demo_is_bundled(store: ModelStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "demo_path", lambda: folder)
    found = resolve("demo", store=store)
    assert (found.path, found.origin, found.audio_context) == (folder, "bundled", "fit")
    assert not is_pullable("demo")
    with pytest.raises(ModelError, match="nothing to compare"):
        verify_models("demo", store)


def test_default_of_an_empty_store(store: ModelStore) -> None:
    assert default_model(store) is None


def test_the_default_suits_the_machine_and_the_language(store: ModelStore) -> None:
    for name in ("tiny", "base", "small", "base.en"):
        install(store, f"openai/whisper-{name}", A)
    assert default_model(store).name == "base"
    assert default_model(store, budget=300_000_000).name == "small"
    assert default_model(store, budget=1).name == "tiny"
    install(store, "futo-org/acft-whisper-small", A)
    assert default_model(store).name == "acft-small"
    assert default_model(store, language="ko").name == "acft-small"
    install(store, "ghost613/whisper-large-v3-turbo-korean", A)
    assert default_model(store, language="ko", budget=10**9).name == "ko-turbo"
    assert default_model(store, language="en", budget=10**9).name != "ko-turbo"


def test_models_that_are_not_listed_are_sized_by_their_config(store: ModelStore) -> None:
    dims = {"d_model": 512, "encoder_layers": 6, "decoder_layers": 6, "vocab_size": 51865}
    path = install(store, "someone/base-tuned", A, **dims)
    assert abs(resolving.approximate_parameters(path) / 74e6 - 1) < 0.1
    assert default_model(store).name == "someone/base-tuned"


def test_the_table(store: ModelStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = install(store, BASE, A)
    rows = model_rows(store, engine_files=lambda where: ["onnx"] if where == path else [])
    base = rows[0]
    assert (base.name, base.on_disk, base.is_default, base.path) == ("base", True, True, path)
    assert base.engine_files == ("onnx",)
    assert base.size == sum((path / f).stat().st_size for f in base_files(path))
    assert [row.name for row in rows].count("base") == 1
    others = {row.name: row for row in rows[1:]}
    assert {"tiny", "large-v3-turbo", "acft-small.en", "demo"} <= set(others)
    assert not others["tiny"].on_disk
    assert sum(row.is_default for row in rows) == 1


def base_files(path: Path) -> list[str]:
    return [file["name"] for file in json.loads((path / "manifest.json").read_text())["files"]]


def test_importing_does_not_load_huggingface_hub() -> None:
    code = (
        "import sys, live_whisper.hub.pull, live_whisper.hub.manage;"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('huggingface_hub', 'filelock', 'platformdirs', 'httpx', 'httpx2', 'requests')])"
    )
    root = Path(live_whisper.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "[]"
