"""Pulling from a server that behaves like the Hub."""

import errno
import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from live_whisper.errors import HubError, ModelError
from live_whisper.hub import download
from live_whisper.hub.http import HubSettings
from live_whisper.hub.names import parse_reference
from live_whisper.hub.pull import PullControls, PullProgress, pull
from live_whisper.hub.resolve import resolve
from live_whisper.hub.store import ModelStore

from .conftest import Watched
from .fakehub import BASE, FakeHub, Fault, Repo, checkpoint_files, safetensors

FETCHED = {
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "model.safetensors",
}
WEIGHTS = "model.safetensors"
CDN = f"/cdn/{BASE}/0123456789abcdef0123456789abcdef01234567"


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "manifest.json"}


def partial_of(store: ModelStore) -> Path:
    (partial,) = store.partials()
    return partial.path


# What is fetched and recorded


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


# Cut, slow, failing connections


def test_a_cut_connection_is_continued_where_it_stopped(
    hub: FakeHub, store: ModelStore, watched: Watched
) -> None:
    hub.faults += [
        Fault(f"{CDN}/config.json", cut_after=0),
        Fault(f"{CDN}/{WEIGHTS}", times=3, cut_after=40_000),
    ]
    result = pull("base", store, controls=watched.controls)
    assert store.verify(result.model).intact
    ranges = [headers.get("range") for headers in hub.downloads(WEIGHTS)]
    assert ranges == [None, "bytes=40000-", "bytes=80000-", "bytes=120000-"]


def test_the_next_pull_continues_a_failed_one(
    hub: FakeHub, store: ModelStore, watched: Watched
) -> None:
    hub.faults += [
        Fault(f"{CDN}/{WEIGHTS}", cut_after=100_000),
        Fault(f"{CDN}/{WEIGHTS}", times=99, status=503),
    ]
    with pytest.raises(HubError, match="keeps failing: it answered 503") as caught:
        pull("base", store, controls=watched.controls)
    assert "continued" in caught.value.hint
    assert (partial_of(store) / f"{WEIGHTS}.part").stat().st_size == 100_000
    assert store.models() == ()
    hub.faults.clear()
    hub.requests.clear()
    result = pull("base", store, controls=watched.controls)
    assert [headers.get("range") for headers in hub.downloads(WEIGHTS)] == ["bytes=100000-"]
    assert hub.downloads("vocab.json") == []
    assert store.verify(result.model).intact
    assert not store.partials()


def test_it_gives_up_after_five_attempts_without_progress(
    hub: FakeHub, store: ModelStore, watched: Watched
) -> None:
    hub.faults.append(Fault(WEIGHTS, times=99, status=500))
    with pytest.raises(HubError, match="keeps failing"):
        pull("base", store, controls=watched.controls)
    assert hub.faults[0].times == 99 - 5
    assert watched.clock.now_ns() == (1 + 2 + 4 + 8) * 1_000_000_000


def test_an_error_of_the_server_passes(hub: FakeHub, store: ModelStore, watched: Watched) -> None:
    hub.faults += [Fault("/api/models", times=2, status=500), Fault("vocab.json", status=429)]
    assert pull("base", store, controls=watched.controls).outcome == "downloaded"


def test_a_silent_connection_is_given_up_and_tried_again(
    hub: FakeHub, store: ModelStore, watched: Watched, impatient: HubSettings
) -> None:
    hub.faults.append(Fault(f"{CDN}/{WEIGHTS}", hang=True))
    result = pull("base", store, controls=watched.controls, settings=impatient)
    assert store.verify(result.model).intact


@pytest.mark.parametrize("kind", ["ignore_range", "wrong_range"])
def test_a_server_that_cannot_continue_sends_it_all(
    hub: FakeHub, store: ModelStore, watched: Watched, kind: str
) -> None:
    cdn = f"{CDN}/{WEIGHTS}"
    hub.faults += [Fault(cdn, cut_after=50_000), Fault(cdn, **{kind: True})]
    result = pull("base", store, controls=watched.controls)
    assert store.verify(result.model).intact


def test_a_partial_file_longer_than_the_file_starts_anew(
    hub: FakeHub, store: ModelStore, watched: Watched
) -> None:
    partial = store.partial_folder(BASE, hub.repos[BASE].commit)
    partial.mkdir(parents=True)
    (partial / f"{WEIGHTS}.part").write_bytes(b"x" * 1_000_000)
    result = pull("base", store, controls=watched.controls)
    assert store.verify(result.model).intact


# Wrong content


def test_wrong_content_is_refused(hub: FakeHub, store: ModelStore, watched: Watched) -> None:
    right = hub.repos[BASE].files[WEIGHTS]
    hub.faults.append(Fault(f"{CDN}/{WEIGHTS}", times=99, content=b"\0" * len(right)))
    with pytest.raises(HubError, match=r"model\.safetensors .* arrived damaged"):
        pull("base", store, controls=watched.controls)
    assert store.models() == ()
    assert not (partial_of(store) / WEIGHTS).exists()
    hub.faults.clear()
    assert pull("base", store, controls=watched.controls).outcome == "downloaded"


def test_a_longer_file_than_described_is_refused(
    hub: FakeHub, store: ModelStore, watched: Watched
) -> None:
    hub.faults.append(Fault("/cdn/", content=b"{}" * 500, times=99))
    with pytest.raises(HubError, match="longer than the Hub says"):
        pull("base", store, controls=watched.controls)


def test_a_damaged_beginning_is_fetched_again(
    hub: FakeHub, store: ModelStore, watched: Watched
) -> None:
    partial = store.partial_folder(BASE, hub.repos[BASE].commit)
    partial.mkdir(parents=True)
    (partial / f"{WEIGHTS}.part").write_bytes(b"\0" * 70_000)
    result = pull("base", store, controls=watched.controls)
    assert store.verify(result.model).intact
    ranges = [headers.get("range") for headers in hub.downloads(WEIGHTS)]
    assert ranges == ["bytes=70000-", None]


def test_a_damaged_finished_file_of_an_earlier_pull_is_fetched_again(
    hub: FakeHub, store: ModelStore
) -> None:
    partial = store.partial_folder(BASE, hub.repos[BASE].commit)
    partial.mkdir(parents=True)
    (partial / "vocab.json").write_bytes(b"\0" * len(hub.repos[BASE].files["vocab.json"]))
    assert store.verify(pull("base", store).model).intact


# Checksums from elsewhere


def test_checksums_missing_from_the_description_come_from_the_headers(
    hub: FakeHub, store: ModelStore
) -> None:
    hub.repos[BASE].describes_checksums = False
    assert store.verify(pull("base", store).model).intact
    assert len(hub.paths("HEAD")) == len(FETCHED)


def test_wrong_content_is_noticed_by_the_checksum_of_the_headers(
    hub: FakeHub, store: ModelStore
) -> None:
    hub.repos[BASE].describes_checksums = False
    size = len(hub.repos[BASE].files["vocab.json"])
    hub.faults.append(Fault(f"{CDN}/vocab.json", times=9, content=b"x" * size))
    with pytest.raises(HubError, match="arrived damaged"):
        pull("base", store)


def test_nothing_unchecked_is_kept(hub: FakeHub, store: ModelStore) -> None:
    hub.repos[BASE].describes_checksums = False
    hub.repos[BASE].sends_etags = False
    with pytest.raises(HubError, match=r"no checksum for config\.json"):
        pull("base", store)
    assert store.models() == ()


# What cannot be pulled


def test_not_whisper_is_noticed_before_the_weights(hub: FakeHub, store: ModelStore) -> None:
    hub.repos["someone/bert"] = Repo(files=checkpoint_files(model_type="bert\x1b[31m"))
    with pytest.raises(
        HubError, match=r"someone/bert is not a Whisper checkpoint: its model type is bert"
    ) as caught:
        pull("someone/bert", store)
    assert "\x1b" not in str(caught.value)
    assert [p.rpartition("/")[2] for p in hub.paths() if p.startswith("/cdn/")] == ["config.json"]


@pytest.mark.parametrize(
    ("drop", "add", "message"),
    [
        ((WEIGHTS,), (), "only as pickle files"),
        ((WEIGHTS, "pytorch_model.bin"), (), "no model.safetensors"),
        (("config.json",), (), "no config.json"),
        (("config.json",), ("adapter_config.json",), "an adapter"),
    ],
)
def test_repositories_without_a_checkpoint(
    hub: FakeHub, store: ModelStore, drop: tuple[str, ...], add: tuple[str, ...], message: str
) -> None:
    files = {k: v for k, v in checkpoint_files().items() if k not in drop}
    hub.repos["someone/thing"] = Repo(files=files | dict.fromkeys(add, b"{}"))
    with pytest.raises(HubError, match=message):
        pull("someone/thing", store)


@pytest.mark.parametrize("status", [401, 403])
def test_gated(hub: FakeHub, store: ModelStore, status: int) -> None:
    hub.repos["someone/gated"] = Repo(files=checkpoint_files(), gated_status=status)
    with pytest.raises(HubError, match="someone/gated is gated") as caught:
        pull("someone/gated", store)
    assert "licence" in caught.value.hint
    assert "HF_TOKEN" in caught.value.hint


def test_the_token_goes_to_the_hub_and_not_to_its_file_store(
    hub: FakeHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repos["someone/gated"] = Repo(files=checkpoint_files(), gated_status=403)
    monkeypatch.setenv("HF_TOKEN", "good")
    assert pull("someone/gated", store).outcome == "downloaded"
    sent = {
        (path.startswith("/cdn/"), headers.get("authorization"))
        for _, path, headers in hub.requests
    }
    assert sent == {(False, "Bearer good"), (True, None)}


def test_a_missing_model_names_the_nearest(hub: FakeHub, store: ModelStore) -> None:
    with pytest.raises(ModelError, match=r"openai/whisper-bas was not found") as caught:
        pull("openai/whisper-bas", store)
    assert "Did you mean base" in caught.value.hint
    assert "HF_TOKEN" in caught.value.message


def test_a_missing_revision(hub: FakeHub, store: ModelStore) -> None:
    with pytest.raises(HubError, match="no such revision"):
        pull("base@nowhere", store)


def test_an_unknown_name_asks_nobody(hub: FakeHub, store: ModelStore) -> None:
    with pytest.raises(ModelError, match="no model called 'bsae'") as caught:
        pull("bsae", store)
    assert "base" in caught.value.hint
    assert hub.requests == []


# Offline


def test_offline_says_what_is_on_disk(
    hub: FakeHub, store: ModelStore, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull("base", store)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match=r"127\.0\.0\.1:9 cannot be reached") as caught:
        pull("small", store, controls=watched.controls)
    assert caught.value.hint == "On disk: base."
    assert "\n" not in str(caught.value)


def test_offline_with_the_model_on_disk_is_no_error(
    hub: FakeHub, store: ModelStore, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = pull("base", store).model
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    result = pull("base", store, controls=watched.controls)
    assert (result.outcome, result.model) == ("kept offline", model)


def test_hf_hub_offline_asks_nobody(
    hub: FakeHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubError, match="HF_HUB_OFFLINE") as caught:
        pull("base", store)
    assert "bundled demo" in caught.value.hint
    assert hub.requests == []


def test_an_endpoint_that_is_no_address(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "ftp://x")
    with pytest.raises(HubError, match="HF_ENDPOINT is not an address"):
        pull("base", store)


# The disk


def test_too_little_space_is_noticed_before_the_download(
    hub: FakeHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(total=10**9, used=10**9, free=67_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(HubError, match=r"needs 2\d\d kB more, and 67 MB are free"):
        pull("base", store)
    assert hub.downloads(WEIGHTS) == []


def test_a_disk_that_fills_up(
    hub: FakeHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(HubError, match="The disk is full") as caught:
        pull("base", store)
    assert "continued" in caught.value.hint


def test_a_store_that_cannot_be_written(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HubError, match="cannot be used") as caught:
        pull("base", ModelStore(tmp_path / "file"))
    assert "LIVE_WHISPER_MODELS" in caught.value.hint


# Stopping


def test_cancelling_keeps_what_has_arrived(
    hub: FakeHub, store: ModelStore, watched: Watched
) -> None:
    def stop_at_weights(progress: PullProgress) -> None:
        if progress.file == "vocab.json":
            watched.cancel.set()

    controls = PullControls(on_progress=stop_at_weights, cancel=watched.cancel, clock=watched.clock)
    with pytest.raises(HubError, match="cancelled"):
        pull("base", store, controls=controls)
    assert (partial_of(store) / "config.json").exists()
    assert hub.downloads(WEIGHTS) == []
    watched.cancel.clear()
    assert pull("base", store).outcome == "downloaded"


def test_an_error_in_the_callback_passes_through(hub: FakeHub, store: ModelStore) -> None:
    def interrupt(_progress: PullProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull("base", store, controls=PullControls(on_progress=interrupt))
    assert pull("base", store).outcome == "downloaded"
