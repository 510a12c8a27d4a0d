"""Cut, slow and failing connections, and content that is not what the Hub described."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_whisper.errors import HubError
from live_whisper.hub.http import HubSettings
from live_whisper.hub.pull import pull
from live_whisper.hub.store import ModelStore

from .conftest import Watched
from .fakehub import BASE, CDN, FETCHED, WEIGHTS, FakeHub, Fault


def partial_of(store: ModelStore) -> Path:
    (partial,) = store.partials()
    return partial.path


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


def test_a_file_that_was_complete_but_not_named_is_not_fetched_again(
    hub: FakeHub, store: ModelStore
) -> None:
    partial = store.partial_folder(BASE, hub.repos[BASE].commit)
    partial.mkdir(parents=True)
    (partial / f"{WEIGHTS}.part").write_bytes(hub.repos[BASE].files[WEIGHTS])
    assert store.verify(pull("base", store).model).intact
    assert hub.downloads(WEIGHTS) == []


faults = st.builds(
    Fault,
    path=st.sampled_from([WEIGHTS, "vocab.json", "config.json", f"{CDN}/{WEIGHTS}", "/api/"]),
    times=st.integers(1, 2),
) | st.one_of(
    st.integers(0, 240_000).map(lambda n: Fault(f"{CDN}/{WEIGHTS}", cut_after=n)),
    st.sampled_from([408, 429, 500, 502, 503]).map(lambda code: Fault("", status=code)),
    st.sampled_from(["ignore_range", "wrong_range"]).map(
        lambda kind: Fault(f"{CDN}/{WEIGHTS}", **{kind: True})
    ),
    st.integers(0, 100).map(lambda n: Fault(CDN, cut_after=n)),
)


@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(planned=st.lists(faults, max_size=6))
def test_whatever_passes_is_survived(hub, watched, tmp_path_factory, planned) -> None:
    hub.faults[:] = [replace(fault) for fault in planned]
    store = ModelStore(tmp_path_factory.mktemp("store"))
    for _attempt in range(3):  # a user's patience
        try:
            result = pull("base", store, controls=watched.controls)
            break
        except HubError as error:
            assert "\n" not in str(error)  # noqa: PT017 - what is said while it fails
    assert store.verify(result.model).intact
    assert {p.name for p in result.model.path.iterdir()} == FETCHED | {"manifest.json"}


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
