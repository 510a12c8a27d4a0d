"""Stands in for Core ML under the engine: the same calls, answered by the interpreter."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np

from live_whisper.engines.coreml.backend import rehearsal_request
from live_whisper.engines.coreml.rehearsal import rehearse
from live_whisper.errors import EngineError
from tests.engines.coreml.mil.program import load_functions, run


class InterpretedModel:
    """What ``CompiledMLModel`` is to the engine, with its rules checked instead of crashing."""

    def __init__(self, function, label, units, spoil=None):
        self.function = function
        self.label = label
        self.units = units
        self.calls = 0
        self._addresses = {}
        self._spoil = spoil

    def predict(self, data, state=None):
        """Run on arrays that Core ML could use: right type and shape, always the same memory."""
        assert set(data) == set(self.function.inputs), (self.label, sorted(data))
        assert bool(self.function.states) == (state is not None), self.label
        for name, value in self.function.inputs.items():
            array = data[name]
            wanted = np.int32 if value.dtype is np.int32 else np.float32
            assert array.dtype == wanted, f"{name} is {array.dtype}: float16 crashes coremltools"
            assert array.shape == value.shape, (self.label, name, array.shape, value.shape)
            assert array.flags.c_contiguous, name
            address = self._addresses.setdefault(name, array.ctypes.data)
            assert address == array.ctypes.data, f"{name} moved: Core ML still reads the old one"
        self.calls += 1
        outputs = run(self.function, data, state)
        result = {
            name: array.astype(self.function.outputs[name].dtype) for name, array in outputs.items()
        }
        if self._spoil is not None:
            self._spoil(self, result)
        return result

    def make_state(self):
        """Zeros."""
        return {
            name: np.zeros(value.shape, np.float32) for name, value in self.function.states.items()
        }


class InterpreterBackend:
    """Counts compilations and loads; can be told what fails."""

    def __init__(self, build="23F79"):
        self.build = build
        self.compiled = Counter()
        self.loaded = Counter()
        self.rehearsed = []
        self.models = []
        self.refuse_load = lambda path, units: ""
        """Why a load fails, or nothing."""
        self.rehearsal_fault = lambda path, units: ""
        """Why a rehearsal fails, or nothing; the model itself is not run then."""
        self.spoil = None
        """Changes a model's outputs: (model, outputs)."""

    def os_build(self):
        """A build of macOS."""
        return self.build

    def compile(self, package, compiled):
        """A copy of the package stands for its compiled form."""
        assert not Path(compiled).exists(), "Core ML would move the model inside the folder"
        assert Path(compiled).suffix == ".mlmodelc"
        self.compiled[str(package)] += 1
        shutil.copytree(package, compiled)

    def load(self, compiled, units, function):
        """Read the copy back into the interpreter."""
        compiled = Path(compiled)
        fault = self.refuse_load(compiled, units)
        if fault:
            raise EngineError(fault)
        self.loaded[(str(compiled), function)] += 1
        loaded = load_functions(compiled, function)[function]
        model = InterpretedModel(loaded, f"{compiled.stem}.{function}", units, self.spoil)
        self.models.append(model)
        return model

    def rehearse(self, compiled, units, package, timeout_seconds):
        """The child process's own code, with another instance in the place of the child."""
        self.rehearsed.append((Path(compiled).stem, units))
        fault = self.rehearsal_fault(Path(compiled), units)
        if fault:
            return fault
        child = InterpreterBackend(self.build)
        child.refuse_load, child.spoil = self.refuse_load, self.spoil
        try:
            return rehearse(rehearsal_request(compiled, units, package), child)
        except EngineError as error:
            return error.message
