"""Compiled once for each checkpoint, exporter and system build; by one process at a time."""

import subprocess
import sys
import threading

import pytest

from live_whisper.engines.coreml.cache import CompiledCache, safe_name
from live_whisper.engines.coreml.folders import process_lock
from live_whisper.engines.coreml.manifest import read_manifest
from live_whisper.errors import EngineError
from tests.engines.coreml.mil.backend import InterpreterBackend


def nothing():
    pytest.fail("nobody else holds the lock")


@pytest.fixture
def make(conversions, tmp_path):
    def cache(backend):
        folder = conversions()
        return CompiledCache(tmp_path, read_manifest(folder), folder, backend)

    return cache


@pytest.fixture
def package(conversions):
    return read_manifest(conversions()).packages[1]


def test_the_path_is_fixed_and_compiled_once(make, backend, package, small):
    first = make(backend).ensure(package, nothing)
    second = make(backend).ensure(package, nothing)
    assert first == second == make(backend).path(package)
    assert first.suffix == ".mlmodelc"
    assert small.revision in str(first)
    assert "23F79" in str(first)
    assert sum(backend.compiled.values()) == 1


def test_a_system_update_compiles_anew_and_drops_the_old(make, backend, package):
    old = make(backend).ensure(package, nothing)
    make(backend).record(package, "cpu_and_gpu")
    updated = InterpreterBackend(build="24A335")
    new = make(updated).ensure(package, nothing)
    assert new != old
    assert new.is_dir()
    assert not old.exists()
    assert sum(updated.compiled.values()) == 1
    assert make(updated).units(package) is None


def test_a_failed_compilation_leaves_nothing(make, backend, package):
    def fail(package, compiled):
        compiled.mkdir()
        raise EngineError("no")

    good, backend.compile = backend.compile, fail
    with pytest.raises(EngineError):
        make(backend).ensure(package, nothing)
    target = make(backend).path(package)
    assert list(target.parent.iterdir()) == []
    backend.compile = good
    assert make(backend).ensure(package, nothing).is_dir()


def test_two_at_once_compile_once(make, backend, package):
    inside, go = threading.Event(), threading.Event()
    waited = []
    original = backend.compile

    def slow(source, compiled):
        inside.set()
        assert go.wait(20)
        original(source, compiled)

    backend.compile = slow
    first = threading.Thread(target=lambda: make(backend).ensure(package, nothing))
    first.start()
    assert inside.wait(20)

    def waiting():
        waited.append(True)
        go.set()

    path = make(backend).ensure(package, waiting)
    first.join(20)
    assert path.is_dir()
    assert waited == [True]
    assert sum(backend.compiled.values()) == 1


def test_a_lock_dies_with_its_process(tmp_path):
    path = tmp_path / "lock"
    program = (
        "import os, sys; from pathlib import Path;"
        "from live_whisper.engines.coreml.folders import process_lock;"
        "lock = process_lock(Path(sys.argv[1]), lambda: None); lock.__enter__();"
        "print('held', flush=True); sys.stdin.read(); os._exit(9)"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        waited = []

        def kill():
            waited.append(True)
            holder.kill()

        with process_lock(path, kill):
            assert waited == [True]


def test_units_are_remembered_and_rubbish_is_ignored(make, backend, package):
    cache = make(backend)
    cache.ensure(package, nothing)
    assert cache.units(package) is None
    cache.record(package, "cpu_only")
    assert make(backend).units(package) == "cpu_only"
    for text in ("{", "[]", '{"x": 1}', f'{{"{package.path}": "warp"}}'):
        (cache.folder / "units.json").write_text(text)
        assert cache.units(package) is None


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "..", "x" * 300, "ko\nrean"])
def test_names_stay_one_component(name):
    safe = safe_name(name)
    assert safe
    assert "/" not in safe
    assert safe not in {".", ".."}
    assert len(safe) <= 80
