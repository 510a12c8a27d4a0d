"""What cannot be pulled, and what is said then."""

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from live_whisper.errors import HubError, ModelError
from live_whisper.hub import download
from live_whisper.hub.http import HubSettings
from live_whisper.hub.pull import PullControls, PullProgress, pull
from live_whisper.hub.store import ModelStore

from .conftest import Watched
from .fakehub import (
    CDN,
    WEIGHTS,
    FakeHub,
    Fault,
    Repo,
    checkpoint_files,
)


def partial_of(store: ModelStore) -> Path:
    (partial,) = store.partials()
    return partial.path


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


# Refusals and tokens


@pytest.mark.parametrize("status", [400, 451])
def test_other_refusals_are_one_line(hub: FakeHub, store: ModelStore, status: int) -> None:
    hub.faults.append(Fault("/api/models", status=status))
    with pytest.raises(HubError, match=f"refused to give openai/whisper-base: {status}"):
        pull("base", store)


def test_a_server_that_refuses_to_continue_is_asked_from_the_beginning(
    hub: FakeHub, store: ModelStore, watched: Watched
) -> None:
    hub.faults += [
        Fault(f"{CDN}/{WEIGHTS}", cut_after=50_000),
        Fault(f"{CDN}/{WEIGHTS}", status=416),
    ]
    result = pull("base", store, controls=watched.controls)
    assert store.verify(result.model).intact
    ranges = [headers.get("range") for headers in hub.downloads(WEIGHTS)]
    assert ranges == [None, "bytes=50000-", None]


def test_the_token_of_a_login_is_used_unless_that_is_switched_off(
    hub: FakeHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "get_token", lambda: " good\n")
    assert HubSettings.from_environment().token == ""
    monkeypatch.delenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")
    assert HubSettings.from_environment().token == "good"
    monkeypatch.setenv("HF_TOKEN", "other")
    assert HubSettings.from_environment().token == "other"


def test_a_refused_token_is_named(
    hub: FakeHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "stale")
    hub.stale_tokens.add("Bearer stale")
    with pytest.raises(HubError, match="refused the access token") as caught:
        pull("base", store)
    assert "HF_TOKEN" in caught.value.hint
    assert "stale" not in str(caught.value)


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
