"""The door to Core ML: compile, load, run. Tests put an interpreter of ML Programs behind it."""

import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from live_whisper.engines.coreml.manifest import Package
from live_whisper.engines.coreml.tools import coremltools
from live_whisper.errors import EngineError, first_line, one_line

ComputeUnits: TypeAlias = Literal["cpu_and_ne", "cpu_and_gpu", "cpu_only", "all"]

UNITS_IN_WORDS: dict[ComputeUnits, str] = {
    "cpu_and_ne": "Neural Engine",
    "cpu_and_gpu": "GPU",
    "cpu_only": "processor",
    "all": "any unit",
}

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
State: TypeAlias = Any
"""Core ML's opaque caches of one session."""


class LoadedModel(Protocol):
    """A model in memory; what ``coremltools.models.CompiledMLModel`` offers."""

    def predict(self, data: Arrays, state: State = None) -> Arrays:
        """Run once. Inputs are float32 or int32 and must outlive the call."""
        ...

    def make_state(self) -> State:
        """Fresh states, zero, for a model that has some."""
        ...


class Backend(Protocol):
    """Compiles and loads models. Used from one thread."""

    def os_build(self) -> str:
        """What compiled models depend on: it changes with every system update."""
        ...

    def compile(self, package: Path, compiled: Path) -> None:
        """Make ``compiled`` (``.mlmodelc``), which does not exist yet. Raises ``EngineError``."""
        ...

    def load(self, compiled: Path, units: ComputeUnits, function: str) -> LoadedModel:
        """Load one function of a compiled model. Raises ``EngineError``."""
        ...

    def rehearse(
        self, compiled: Path, units: ComputeUnits, package: Package, timeout_seconds: float
    ) -> str:
        """Load and run a model once where a crash or a hang does no harm.

        Gives what went wrong, in words; empty where nothing did.
        """
        ...


class CoreMLBackend:
    """Core ML on this Mac, through coremltools."""

    def os_build(self) -> str:
        """The build of macOS, such as ``23F79``."""
        done = subprocess.run(
            ["/usr/bin/sw_vers", "-buildVersion"], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() or platform.release()

    def compile(self, package: Path, compiled: Path) -> None:
        """``coremltools.utils.compile_model`` into a fixed path.

        ``MLModel`` would compile into a new temporary folder at each load, and the Neural Engine's
        own cache, which goes by the path, would never be hit.
        """
        try:
            coremltools().utils.compile_model(str(package), str(compiled))
        except Exception as error:  # coremltools raises plain Exception and RuntimeError
            raise EngineError(
                f"Core ML could not compile {package.name}: {first_line(error)}"
            ) from error

    def load(self, compiled: Path, units: ComputeUnits, function: str) -> LoadedModel:
        """``CompiledMLModel`` on the given units. Holds the interpreter lock until it is done."""
        ct = coremltools()
        name = None if function == "main" else function
        try:
            model: LoadedModel = ct.models.CompiledMLModel(
                str(compiled), getattr(ct.ComputeUnit, units.upper()), name
            )
        except Exception as error:
            raise EngineError(
                f"Core ML could not load {compiled.name}: {first_line(error)}"
            ) from error
        return model

    def rehearse(
        self, compiled: Path, units: ComputeUnits, package: Package, timeout_seconds: float
    ) -> str:
        """Load and run in a child process, which is killed when the time is over.

        A load cannot be interrupted from within, and a bad compilation can take the process down.
        What the child made the system compile for the Neural Engine is kept by the system, so the
        load that follows here is short.
        """
        command = [sys.executable, "-m", "live_whisper.engines.coreml.rehearsal"]
        request = json.dumps(rehearsal_request(compiled, units, package))
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module
                command,
                input=request,
                capture_output=True,
                text=True,
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"loading took more than {timeout_seconds:.0f} s"
        if done.returncode < 0:
            return f"Core ML crashed with signal {-done.returncode}"
        if done.returncode:
            lines = done.stdout.strip().splitlines()
            return one_line(lines[-1] if lines else f"exit status {done.returncode}", 200)
        return ""


def rehearsal_request(compiled: Path, units: ComputeUnits, package: Package) -> dict[str, Any]:
    """What the child process is told, as JSON."""
    return {
        "compiled": str(compiled),
        "units": units,
        "functions": [
            {
                "name": function.name,
                "stateful": bool(function.states),
                "inputs": [[t.name, list(t.shape), t.dtype] for t in function.inputs],
            }
            for function in package.functions
        ],
    }


def system_backend() -> Backend:
    """Core ML of this machine. Raises ``EngineError`` in one line anywhere but on macOS."""
    if platform.system() != "Darwin":  # mypy takes sys.platform for the one it runs on
        raise EngineError(
            "The Core ML engine runs on macOS only.",
            hint="Use the onnx engine here; models can be converted on any system.",
        )
    coremltools()
    return CoreMLBackend()


def buffer_dtype(dtype: str) -> type[np.generic]:
    """Type of the array that is handed over for an input: never float16, which crashes."""
    return np.int32 if dtype == "int32" else np.float32
