"""Fixtures: a Hub on this machine, an empty store, controls that cost no time."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from live_whisper.clock import VirtualClock
from live_whisper.hub.http import HubSettings
from live_whisper.hub.pull import PullControls, PullProgress
from live_whisper.hub.store import ModelStore

from .fakehub import BASE, FakeHub, Handler, Repo, Server, checkpoint_files


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    from huggingface_hub import close_session

    state = FakeHub()
    state.repos[BASE] = Repo(files=checkpoint_files())
    servers, threads = [], []
    for _ in range(2):
        handler = type("BoundHandler", (Handler,), {"hub": state})
        server = Server(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        servers.append(server)
        threads.append(thread)
    state.endpoint, state.store_endpoint = (f"http://127.0.0.1:{s.server_port}" for s in servers)
    monkeypatch.setenv("HF_ENDPOINT", state.endpoint)
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    yield state
    state.released.set()
    if state.gate is not None:
        state.gate.set()
    close_session()
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@dataclass
class Watched:
    controls: PullControls
    seen: list[PullProgress]
    clock: VirtualClock
    cancel: threading.Event


@pytest.fixture
def watched() -> Watched:
    """Controls with a virtual clock, so that pauses between attempts take no time."""
    seen: list[PullProgress] = []
    clock, cancel = VirtualClock(), threading.Event()
    controls = PullControls(on_progress=seen.append, cancel=cancel, clock=clock)
    return Watched(controls=controls, seen=seen, clock=clock, cancel=cancel)


@pytest.fixture
def impatient(hub: FakeHub) -> HubSettings:
    """Settings under which a silent connection is given up soon."""
    return HubSettings(endpoint=hub.endpoint, timeout_s=0.3)
