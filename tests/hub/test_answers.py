"""Answers that no Hub should give: never more than one line of error, never a file outside."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_whisper.errors import HubError, one_line
from live_whisper.hub import listing
from live_whisper.hub.pull import pull
from live_whisper.hub.store import ModelStore

from .fakehub import BASE, FakeHub, Fault, Repo, checkpoint_files
from .test_store import json_values

COMMIT = "e" * 40
names = st.text(max_size=20) | st.sampled_from(
    ["config.json", "model.safetensors", "../x", "/etc/passwd", "a/b", "..\\x", "con"]
)
siblings = st.fixed_dictionaries(
    {"rfilename": names | json_values},
    optional={"size": json_values, "blobId": json_values, "lfs": json_values},
)
answers = json_values | st.fixed_dictionaries(
    {
        "id": st.just(BASE) | json_values,
        "sha": st.just(COMMIT) | json_values,
        "siblings": st.lists(siblings | json_values, max_size=6) | json_values,
    }
)


@settings(deadline=None, max_examples=300)
@given(answer=answers)
def test_any_description_is_read_or_refused(answer) -> None:
    try:
        repository = listing.parse_repository(answer, BASE)
    except HubError:
        return
    for name, file in repository.files.items():
        assert "/" not in name
        assert "\\" not in name
        assert not name.startswith(".")
        assert file.size is None or file.size >= 0


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(answer=answers)
def test_any_answer_of_a_server_is_an_error_of_ours(hub, tmp_path_factory, answer) -> None:
    hub.faults[:] = [Fault("/api/models", body=json.dumps(answer).encode())]
    store = ModelStore(tmp_path_factory.mktemp("store"))
    with pytest.raises(HubError) as caught:
        pull("base", store)
    assert "\n" not in str(caught.value)
    assert store.models() == ()


@settings(deadline=None, max_examples=200)
@given(config=json_values | st.fixed_dictionaries({"model_type": json_values | st.just("whisper")}))
def test_any_config_is_read_or_refused(config) -> None:
    said = ""
    try:
        assert isinstance(listing.check_config(config, BASE), int)
    except HubError as error:
        said = str(error)
    assert one_line(said) == said


@settings(deadline=None, max_examples=200)
@given(
    index=json_values
    | st.fixed_dictionaries({"weight_map": json_values | st.dictionaries(st.text(), names)})
)
def test_an_index_cannot_point_outside(index) -> None:
    file = listing.RemoteFile(BASE, COMMIT, "model.safetensors", 1, "a" * 64)
    repository = listing.Repository(BASE, COMMIT, {"model.safetensors": file}, has_pickles=False)
    with contextlib.suppress(HubError):
        assert listing.shard_names(index, repository, BASE) == ("model.safetensors",)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"\xff\xfe", b"nul"])
def test_answers_that_are_not_json(hub: FakeHub, store: ModelStore, body: bytes) -> None:
    hub.faults.append(Fault("/api/models", body=body))
    with pytest.raises(HubError, match="not JSON"):
        pull("base", store)


def test_names_with_paths_write_nothing_outside(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelStore(tmp_path / "inside" / "models")
    tricks = ["../evil.json", "../../evil.json", "/evil.json", "sub/vocab.json", "..\\evil.json"]
    files = checkpoint_files()
    hub.repos["someone/tricks"] = Repo(files=files)
    hub.repos["someone/tricks"].extra_siblings = [
        {"rfilename": name, "size": 4, "blobId": "0" * 40} for name in tricks
    ]
    model = pull("someone/tricks", store).model
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and store.root not in p.parents]
    assert outside == []
    assert {p.name for p in model.path.iterdir()} == {f.name for f in model.manifest.files} | {
        "manifest.json"
    }


def test_an_index_with_paths_is_refused(hub: FakeHub, store: ModelStore) -> None:
    files = checkpoint_files()
    content = files.pop("model.safetensors")
    files["../evil.safetensors"] = content
    files["model.safetensors.index.json"] = json.dumps(
        {"weight_map": {"a": "../evil.safetensors"}}
    ).encode()
    hub.repos["someone/index"] = Repo(files=files)
    with pytest.raises(HubError, match="names files that it does not have"):
        pull("someone/index", store)


def test_an_id_with_a_path_in_the_answer_is_refused(hub: FakeHub, store: ModelStore) -> None:
    body = json.dumps({"id": "../../evil", "sha": COMMIT, "siblings": []}).encode()
    hub.faults.append(Fault("/api/models", body=body))
    with pytest.raises(HubError, match="not a description"):
        pull("base", store)


@pytest.mark.parametrize("sha", [None, "main", "../x", "E" * 40, 5])
def test_an_answer_without_commit_cannot_be_pinned(
    hub: FakeHub, store: ModelStore, sha: object
) -> None:
    body = json.dumps({"id": BASE, "sha": sha, "siblings": []}).encode()
    hub.faults.append(Fault("/api/models", body=body))
    with pytest.raises(HubError, match="cannot be pinned"):
        pull("base", store)
