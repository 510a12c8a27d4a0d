"""The child process that tries a model where it can do no harm."""

import json
import os
import stat
import subprocess
import sys

import pytest

from live_whisper.engines.coreml.backend import CoreMLBackend, buffer_dtype, rehearsal_request
from live_whisper.engines.coreml.manifest import read_manifest
from live_whisper.engines.coreml.rehearsal import rehearse

pytestmark = pytest.mark.skipif(os.name == "nt", reason="stand-in interpreters are shell scripts")


@pytest.fixture
def package(conversions):
    return read_manifest(conversions()).packages[1]


@pytest.fixture
def child(tmp_path, monkeypatch):
    """Run a shell script where the child interpreter would run."""

    def become(script):
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(path))

    return become


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("cat > /dev/null; exit 0", ""),
        ("cat > /dev/null; printf 'logits is not finite'; exit 1", "logits is not finite"),
        ("cat > /dev/null; exit 3", "exit status 3"),
        ("kill -SEGV $$", "crashed with signal 11"),
        ("sleep 60", "took more than 0 s"),
    ],
)
def test_every_end_of_a_child(child, package, tmp_path, script, expected):
    child(script)
    timeout = 0.3 if script == "sleep 60" else 30
    fault = CoreMLBackend().rehearse(tmp_path / "x.mlmodelc", "cpu_only", package, timeout)
    assert fault == "" if not expected else expected in fault


def test_the_request_crosses_the_pipe_whole(child, package, tmp_path):
    child(f"cat > {tmp_path}/request")
    assert CoreMLBackend().rehearse(tmp_path / "x.mlmodelc", "cpu_and_ne", package, 30) == ""
    request = json.loads((tmp_path / "request").read_text())
    assert request == rehearsal_request(tmp_path / "x.mlmodelc", "cpu_and_ne", package)
    assert request["functions"][0]["inputs"] == [
        ["encoder_output_embeds", [1, 64, 1, 100], "float16"]
    ]


@pytest.mark.skipif(sys.platform == "darwin", reason="Core ML is there")
def test_the_child_module_answers_in_one_line(package, tmp_path):
    request = json.dumps(rehearsal_request(tmp_path / "x.mlmodelc", "cpu_only", package))
    command = [sys.executable, "-m", "live_whisper.engines.coreml.rehearsal"]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "The Core ML engine runs on macOS only."


def test_a_stateful_package_is_run_with_one_state(conversions, backend):
    folder = conversions(stateful=True)
    package = read_manifest(folder).packages[-1]
    request = rehearsal_request(folder / package.path, "cpu_only", package)
    assert rehearse(request, backend) == ""
    assert [model.calls for model in backend.models] == [1, 1, 1]


def test_float16_never_crosses_the_api():
    assert [buffer_dtype(d).__name__ for d in ("float16", "float32", "int32")] == [
        "float32",
        "float32",
        "int32",
    ]
