"""Graphs are built once, replaced when damaged, and safe to build twice at once."""

import os
import stat
import sys
import threading

import pytest
from support.checkpoints import make_random_checkpoint

from live_whisper.engines.onnx import OnnxEngine
from live_whisper.engines.onnx import cache as graph_cache
from live_whisper.errors import ModelError, UsageError
from live_whisper.whisper.checkpoint import load_checkpoint


@pytest.fixture
def builds(monkeypatch):
    """Counts the builds."""
    from live_whisper.engines.onnx import export

    made = []
    original = export.export_graphs

    def counted(checkpoint, weights, folder):
        made.append(folder)
        original(checkpoint, weights, folder)

    monkeypatch.setattr(export, "export_graphs", counted)
    return made


def only(cache_dir):
    (folder,) = [path for path in cache_dir.iterdir() if not path.name.startswith(".")]
    return folder


def test_built_once(checkpoint, tmp_path, builds):
    for _ in range(3):
        OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path).close()
    assert len(builds) == 1
    assert [path.name for path in tmp_path.iterdir()] == [only(tmp_path).name]


def test_private(checkpoint, tmp_path):
    OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path / "new").close()
    folder = only(tmp_path / "new")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_each_precision_and_content_has_its_own(checkpoint, tmp_path, builds):
    other = load_checkpoint(make_random_checkpoint(tmp_path / "o", d_model=32, heads=4, seed=9))
    for one in (checkpoint, other):
        for precision in ("float32", "int8"):
            OnnxEngine.load(one, precision=precision, threads=1, cache_dir=tmp_path / "c").close()
    assert len(builds) == 4


def test_a_new_exporter_builds_again(checkpoint, tmp_path, builds, monkeypatch):
    OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path).close()
    monkeypatch.setattr(graph_cache, "EXPORTER_VERSION", 10**6)
    OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path).close()
    assert len(builds) == 2


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if len(data) < 2**16 else 100] ^= 0xFF
    path.write_bytes(bytes(data))


FILES = ["encoder.onnx", "decoder.onnx", "encoder.weights", "decoder.weights", "manifest.json"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", [cut, flip, os.remove])
def test_damage_is_noticed_and_repaired(checkpoint, tmp_path, builds, file, damage):
    OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path).close()
    damage(only(tmp_path) / file)
    OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path).close()
    assert len(builds) == 2
    assert graph_cache.is_complete(only(tmp_path))


def test_two_at_once(checkpoint, tmp_path):
    """Both build, one is thrown away, both work."""
    barrier = threading.Barrier(2, timeout=20)
    errors = []

    def build(folder):
        barrier.wait()
        (folder / "graph").write_bytes(b"x" * 1000)
        barrier.wait()

    def work():
        try:
            found = graph_cache.cached_graphs(tmp_path, "key", build, source=tmp_path)
            assert (found / "graph").read_bytes() == b"x" * 1000
        except Exception as error:  # noqa: BLE001 - shown by the main thread
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [path.name for path in tmp_path.iterdir()] == [only(tmp_path).name]


def test_a_failed_build_leaves_nothing(tmp_path):
    def build(folder):
        (folder / "half").write_bytes(b"x")
        raise ModelError("no.")

    with pytest.raises(ModelError):
        graph_cache.cached_graphs(tmp_path, "key", build, source=tmp_path)
    assert not list(tmp_path.iterdir())


def test_leftovers_of_a_killed_build_go(checkpoint, tmp_path):
    for name, age in ((".building-old", 2 * 86_400), (".building-new", 60)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_bytes(b"x")
        moment = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (moment, moment))
    OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path).close()
    assert not (tmp_path / ".building-old").exists()
    assert (tmp_path / ".building-new").exists()


def test_a_cache_that_cannot_be_written(checkpoint, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot write the graph cache") as caught:
        OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path / "file")
    assert caught.value.hint


def test_a_full_disk(checkpoint, tmp_path):
    def build(folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(ModelError, match="No space left"):
        graph_cache.cached_graphs(tmp_path, "key", build, source=tmp_path)


def test_unknown_precision(checkpoint, tmp_path):
    with pytest.raises(UsageError, match="unknown precision"):
        OnnxEngine.load(checkpoint, precision="int3", cache_dir=tmp_path)


def test_onnx_is_imported_only_to_build(checkpoint, graphs):
    import subprocess

    OnnxEngine.load(checkpoint, threads=1, cache_dir=graphs).close()
    program = (
        "import sys; from pathlib import Path\n"
        "from live_whisper.engines.onnx import OnnxEngine\n"
        "from live_whisper.whisper.checkpoint import load_checkpoint\n"
        "checkpoint = load_checkpoint(Path(sys.argv[1]))\n"
        "OnnxEngine.load(checkpoint, threads=1, cache_dir=Path(sys.argv[2])).close()\n"
        "assert 'onnx' not in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
    )
    arguments = [sys.executable, "-c", program, str(checkpoint.folder), str(graphs)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=os.getcwd())
    assert done.returncode == 0, done.stderr
