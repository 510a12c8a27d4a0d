"""Two pulls at once, and pulls that are killed."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import live_whisper
from live_whisper.errors import HubError
from live_whisper.hub import store as storing
from live_whisper.hub.names import parse_reference
from live_whisper.hub.pull import PullControls, PullProgress, PullResult, pull
from live_whisper.hub.store import ModelStore

from .fakehub import BASE, WEIGHTS, FakeHub, Fault

Start = Callable[[str, ModelStore], "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts pulling processes and ends those that are left."""
    running: list[subprocess.Popen[str]] = []

    def begin(model: str, store: ModelStore) -> "subprocess.Popen[str]":
        root = Path(live_whisper.__file__).parent.parent
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("puller.py")), model, str(store.root)],
            env=os.environ | {"PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_a_killed_pull_is_continued(hub: FakeHub, store: ModelStore, start: Start) -> None:
    hub.gate = threading.Event()
    process = start("base", store)
    assert hub.at_gate.wait(20)
    weights = len(hub.repos[BASE].files[WEIGHTS])
    part = store.partial_folder(BASE, hub.repos[BASE].commit) / f"{WEIGHTS}.part"
    assert process.stdout is not None
    for line in process.stdout:  # "downloading FILE BYTES-OF-ALL-FILES"
        if line.startswith(f"downloading {WEIGHTS}") and int(line.split()[2]) > 100_000:
            break
    process.kill()
    process.wait()
    assert store.models() == ()
    arrived = part.stat().st_size
    assert 0 < arrived < weights
    hub.gate.set()
    hub.requests.clear()
    result = pull("base", store)
    assert result.outcome == "downloaded"
    assert store.verify(result.model).intact
    assert hub.downloads("vocab.json") == []
    assert not store.partials()
    assert [h.get("range") for h in hub.downloads(WEIGHTS)] == [f"bytes={arrived}-"]


def test_two_processes_at_once_fetch_it_once(hub: FakeHub, store: ModelStore, start: Start) -> None:
    hub.gate = threading.Event()
    first = start("base", store)
    assert hub.at_gate.wait(20)
    second = start("base", store)
    assert second.stdout is not None
    assert any(line.startswith("waiting") for line in second.stdout)
    hub.gate.set()
    told = [process.communicate(timeout=30)[0] for process in (first, second)]
    assert [text.splitlines()[-1].split()[:2] for text in told] == [
        ["result", "downloaded"],
        ["result", "already"],
    ]
    assert len(hub.downloads(WEIGHTS)) == 1
    assert store.verify(store.models()[0]).intact


def test_two_threads_at_once_fetch_it_once(hub: FakeHub, store: ModelStore) -> None:
    hub.gate = threading.Event()
    waiting = threading.Event()
    results: list[PullResult] = []

    def note(progress: PullProgress) -> None:
        if progress.stage == "waiting":
            waiting.set()

    def work() -> None:
        results.append(pull("base", store, controls=PullControls(on_progress=note)))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert waiting.wait(20)
    hub.gate.set()
    for thread in threads:
        thread.join(20)
    assert sorted(result.outcome for result in results) == ["already here", "downloaded"]
    assert len(hub.downloads(WEIGHTS)) == 1


def test_a_waiting_pull_can_be_cancelled(hub: FakeHub, store: ModelStore) -> None:
    cancel = threading.Event()
    key = store.folder_name(BASE, hub.repos[BASE].commit)
    with store.lock(key), pytest.raises(HubError, match="cancelled"):
        pull(
            "base",
            store,
            controls=PullControls(on_progress=lambda _step: cancel.set(), cancel=cancel),
        )


def test_a_model_being_pulled_is_not_removed(hub: FakeHub, store: ModelStore) -> None:
    pull("base", store)
    with (
        store.lock(store.folder_name(BASE, hub.repos[BASE].commit)),
        pytest.raises(HubError, match="downloaded right now"),
    ):
        store.remove(parse_reference("base"))
    assert store.models()


def test_cleaning_leaves_a_running_download_alone(hub: FakeHub, store: ModelStore) -> None:
    hub.faults.append(Fault(f"/{WEIGHTS}", times=99, status=404))
    with pytest.raises(HubError):
        pull("base", store)
    with store.lock(store.folder_name(BASE, hub.repos[BASE].commit)):
        assert store.clean() == 0
        assert store.partials()
    assert store.clean() > 0
    assert store.partials() == ()


def test_an_unfinished_older_revision_goes_when_a_newer_is_complete(
    hub: FakeHub, store: ModelStore
) -> None:
    hub.faults.append(Fault(f"/{WEIGHTS}", times=1, status=404))
    with pytest.raises(HubError):
        pull("base", store)
    assert store.partials()
    hub.repos[BASE].commit = "d" * 40
    pull("base", store)
    assert store.partials() == ()


def test_kills_at_many_moments_cost_nothing_but_time(
    hub: FakeHub, store: ModelStore, start: Start
) -> None:
    for lines in (1, 3, 5, 7, 9):
        process = start("base", store)
        assert process.stdout is not None
        for _, _line in zip(range(lines), process.stdout, strict=False):
            pass
        process.kill()
        process.wait()
    result = pull("base", store)
    assert store.verify(result.model).intact
    assert not store.partials()
    assert len(store.models()) == 1


@pytest.mark.parametrize("step", [1, 2])
def test_an_end_while_the_folder_gets_its_name(
    hub: FakeHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Before the rename (step 1) it is no model yet; after it (step 2) it is a whole one."""
    calls = 0

    def end(folder: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(storing, "flush_folder", end)
    with pytest.raises(KeyboardInterrupt):
        pull("base", store)
    assert len(store.models()) == step - 1
    hub.requests.clear()
    result = pull("base", store)
    assert result.outcome == ("downloaded" if step == 1 else "already here")
    assert store.verify(result.model).intact
    assert hub.downloads(WEIGHTS) == []
