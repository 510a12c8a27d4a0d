"""What a pull fetches, records and continues."""

import hashlib
import json
from pathlib import Path

import pytest

from live_whisper.errors import HubError
from live_whisper.hub.names import parse_reference
from live_whisper.hub.pull import PullProgress, pull
from live_whisper.hub.resolve import resolve
from live_whisper.hub.store import ModelStore

from .conftest import Watched
from .fakehub import BASE, FETCHED, WEIGHTS, FakeHub, Repo, checkpoint_files, safetensors


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "manifest.json"}


def test_pull_fetches_the_needed_files_at_one_commit(
    hub: FakeHub, store: ModelStore, watched: Watched
) -> None:
    result = pull("base", store, controls=watched.controls)
    repo = hub.repos[BASE]
    assert result.outcome == "downloaded"
    assert contents(result.model.path) == {name: repo.files[name] for name in FETCHED}
    manifest = json.loads((result.model.path / "manifest.json").read_text())
    assert (manifest["hub_id"], manifest["revision"]) == (BASE, repo.commit)
    assert {(file["name"], file["size"], file["sha256"]) for file in manifest["files"]} == {
        (n, len(repo.files[n]), hashlib.sha256(repo.files[n]).hexdigest()) for n in FETCHED
    }
    resolved = [path for path in hub.paths() if "/resolve/" in path]
    assert resolved
    assert all(f"/resolve/{repo.commit}/" in path for path in resolved)
    assert not store.partials()
    assert resolve("base", store=store).path == result.model.path


def test_progress_counts_every_byte_once(hub: FakeHub, store: ModelStore, watched: Watched) -> None:
    pull("base", store, controls=watched.controls)
    size = sum(len(hub.repos[BASE].files[name]) for name in FETCHED)
    steps = [step for step in watched.seen if step.stage == "downloading"]
    assert watched.seen[0].stage == "looking up"
    assert steps[-1] == PullProgress("downloading", WEIGHTS, size, size)
    done = [step.done_bytes for step in steps]
    assert done == sorted(done)
    assert {step.file for step in steps} == FETCHED


def test_nothing_is_left_in_the_user_s_cache(
    hub: FakeHub, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    pull("base", store)
    assert list(home.rglob("*")) == []


def test_the_request_names_the_program_and_nothing_else(hub: FakeHub, store: ModelStore) -> None:
    pull("base", store)
    agents = {headers["user-agent"] for _, _, headers in hub.requests}
    (agent,) = agents
    assert agent.startswith("live-whisper/")
    assert " " not in agent


def test_a_second_pull_verifies_and_fetches_nothing(hub: FakeHub, store: ModelStore) -> None:
    first = pull("base", store)
    hub.requests.clear()
    second = pull("base", store)
    assert second.outcome == "already here"
    assert second.model == first.model
    assert not [path for path in hub.paths() if "/resolve/" in path]


def test_a_damaged_model_is_repaired_by_fetching_the_damaged_file(
    hub: FakeHub, store: ModelStore
) -> None:
    path = pull("base", store).model.path
    damaged = bytearray((path / WEIGHTS).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (path / WEIGHTS).write_bytes(damaged)
    hub.requests.clear()
    result = pull("base", store)
    assert result.outcome == "repaired"
    assert (result.model.path / WEIGHTS).read_bytes() == hub.repos[BASE].files[WEIGHTS]
    assert [p.rpartition("/")[2] for p in hub.paths() if "/resolve/" in p] == [WEIGHTS]


def test_a_folder_with_a_damaged_manifest_is_replaced(hub: FakeHub, store: ModelStore) -> None:
    path = pull("base", store).model.path
    (path / "manifest.json").write_text('{"format": 1')
    assert store.models() == ()
    assert pull("base", store).outcome == "downloaded"
    assert store.verify(store.models()[0]).intact


def test_revisions_live_side_by_side(hub: FakeHub, store: ModelStore) -> None:
    old = pull("base", store).model
    hub.repos[BASE] = Repo(
        files=checkpoint_files(seed=2), commit="b" * 40, revisions={"refs/pr/3": "b" * 40}
    )
    new = pull("base@refs/pr/3", store).model
    assert new.path != old.path
    assert new.manifest.requested == "refs/pr/3"
    assert store.find(parse_reference("base@refs/pr/3")) == (new,)
    assert store.find(parse_reference(f"base@{old.manifest.revision[:8]}")) == (old,)
    assert store.find(parse_reference("base"))[0] == new


def test_a_renamed_repository_is_found_under_both_names(hub: FakeHub, store: ModelStore) -> None:
    hub.repos["someone/old-name"] = Repo(files={}, renamed_to=BASE)
    model = pull("someone/old-name", store).model
    assert model.manifest.hub_id == BASE
    assert resolve("someone/old-name", store=store).path == model.path
    assert resolve("base", store=store).path == model.path


def test_sharded_weights(hub: FakeHub, store: ModelStore) -> None:
    files = checkpoint_files()
    del files[WEIGHTS]
    shards = {f"model-0000{i}-of-00002.safetensors": safetensors(i, 5000) for i in (1, 2)}
    index = {"weight_map": {f"w{i}": name for i, name in enumerate(shards)}}
    files |= shards | {"model.safetensors.index.json": json.dumps(index).encode()}
    files["model-00003-of-00003.safetensors"] = b"belongs to nothing"
    hub.repos["someone/sharded"] = Repo(files=files)
    model = pull("someone/sharded", store).model
    assert set(contents(model.path)) == (
        FETCHED - {WEIGHTS} | set(shards) | {"model.safetensors.index.json"}
    )
    assert store.verify(model).intact


def test_a_fine_tune_without_tokenizer_gets_the_official_one(
    hub: FakeHub, store: ModelStore
) -> None:
    files = checkpoint_files(seed=5)
    for name in ("vocab.json", "merges.txt", "added_tokens.json"):
        del files[name]
    hub.repos["someone/fine-tune"] = Repo(files=files, commit="c" * 40)
    model = pull("someone/fine-tune", store).model
    assert (model.path / "vocab.json").read_bytes() == hub.repos[BASE].files["vocab.json"]
    assert (model.path / WEIGHTS).read_bytes() == files[WEIGHTS]
    assert model.manifest.tokenizer_from == f"{BASE}@{hub.repos[BASE].commit}"


def test_a_foreign_vocabulary_without_tokenizer_is_refused(hub: FakeHub, store: ModelStore) -> None:
    files = checkpoint_files(vocab_size=12345)
    for name in ("vocab.json", "merges.txt", "added_tokens.json"):
        del files[name]
    hub.repos["someone/odd"] = Repo(files=files)
    with pytest.raises(HubError, match="no tokenizer files"):
        pull("someone/odd", store)
