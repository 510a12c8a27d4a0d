"""Graphs that nobody can use any more leave the cache; those in use stay."""

import os
import shutil

import pytest
from support.checkpoints import make_random_checkpoint

from live_whisper.engines.onnx import OnnxEngine, pruning
from live_whisper.engines.onnx import cache as graph_cache
from live_whisper.engines.onnx.cache import cached_graphs
from live_whisper.whisper.checkpoint import load_checkpoint

LONG_AGO_S = 86_400


def build(folder):
    (folder / "graph").write_bytes(b"x" * 1000)


def model(folder):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    return folder


def age(folder, seconds=LONG_AGO_S):
    for path in (folder, *folder.iterdir()):
        moment = path.stat().st_mtime - seconds
        os.utime(path, (moment, moment))


@pytest.fixture
def cache(tmp_path):
    """Asks the cache; what was there before is old unless ``fresh``."""
    folder = tmp_path / "cache"

    def ask(key, source, *, fresh=False):
        for known in folder.glob("r*") if not fresh else ():
            age(known)
        return cached_graphs(folder, key, build, source=source)

    return ask


def test_the_contents_a_checkpoint_had_before_go(cache, tmp_path):
    one, other = model(tmp_path / "one"), model(tmp_path / "other")
    old, old_int8 = cache("r1-float32", one), cache("r1-int8", one)
    foreign, shared = cache("r7-float32", other), cache("r2-float32", one)
    assert not old.exists()
    assert not old_int8.exists()
    assert foreign.exists()
    cache("r2-float32", other)  # a copy of the first
    new = cache("r3-float32", one)
    assert shared.exists(), "the other model still has this content"
    assert new.exists()
    cache("r4-float32", other)
    assert not shared.exists()
    assert not foreign.exists()


def test_another_precision_stays(cache, tmp_path):
    one = model(tmp_path / "one")
    assert all(cache(f"r1-{kind}", one).exists() for kind in ("float32", "int8", "float32"))
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_graphs_of_a_model_that_was_removed_go(cache, tmp_path):
    gone = cache("r1-float32", model(tmp_path / "one"))
    shutil.rmtree(tmp_path / "one")
    cache("r2-float32", model(tmp_path / "two"))
    assert not gone.exists()


def test_graphs_of_an_older_exporter_go(cache, tmp_path, monkeypatch):
    one = model(tmp_path / "one")
    older = cache("r1-float32", one)
    monkeypatch.setattr(graph_cache, "EXPORTER_VERSION", graph_cache.EXPORTER_VERSION + 1)
    assert cache("r1-float32", one).exists()
    assert not older.exists()


def test_what_was_just_used_stays(cache, tmp_path):
    """Another process may be between the first and the last file it opens."""
    one = model(tmp_path / "one")
    old = cache("r1-float32", one)
    age(old)
    cache("r1-float32", one, fresh=True)  # used again now
    new = cache("r2-float32", one, fresh=True)
    assert old.exists()
    assert new.exists()


@pytest.mark.parametrize("bound", [("MOST_GRAPHS", 3), ("MOST_BYTES", 4500)])
def test_the_cache_is_bounded_and_the_longest_unused_go_first(cache, tmp_path, monkeypatch, bound):
    monkeypatch.setattr(pruning, *bound)
    made = [cache(f"r{n}-float32", model(tmp_path / f"m{n}")) for n in range(3)]
    cache("r0-float32", model(tmp_path / "m0"))
    cache("r9-float32", model(tmp_path / "m9"))
    assert [folder.exists() for folder in made] == [True, False, True]


def test_a_folder_that_cannot_be_removed_is_left(cache, tmp_path, monkeypatch):
    one = model(tmp_path / "one")
    old = cache("r1-float32", one)
    replace = os.replace

    def refuse(source, target):
        if source == old:
            raise PermissionError(13, "in use")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    assert cache("r2-float32", one).exists()
    assert graph_cache.is_complete(old)
    assert not list((tmp_path / "cache").glob(".*"))


def test_strange_things_in_the_cache_are_let_alone(cache, tmp_path):
    one = model(tmp_path / "one")
    old = cache("r1-float32", one)
    (old / pruning.USED).write_text('{"damaged')
    (tmp_path / "cache" / "notes.txt").write_text("mine")
    (tmp_path / "cache" / "folder").mkdir()
    cache("r2-float32", one)
    assert old.exists()  # whose it is nobody knows; the bounds will get it
    assert (tmp_path / "cache" / "notes.txt").exists()
    assert (tmp_path / "cache" / "folder").exists()


def test_an_engine_goes_on_when_its_graphs_are_dropped(tmp_path):
    folder, cache_dir = tmp_path / "model", tmp_path / "cache"
    make_random_checkpoint(folder, d_model=32, heads=4, seed=1)
    engine = OnnxEngine.load(load_checkpoint(folder), threads=1, cache_dir=cache_dir)
    (old,) = cache_dir.iterdir()
    age(old)
    shutil.rmtree(folder)
    make_random_checkpoint(folder, d_model=32, heads=4, seed=2)
    OnnxEngine.load(load_checkpoint(folder), threads=1, cache_dir=cache_dir).close()
    assert not old.exists()
    import numpy as np

    features = engine.encoder.encode(np.zeros((80, 3000), np.float32))
    assert features.positions == 1500
    engine.close()
