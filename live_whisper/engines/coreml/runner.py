"""One function of one model: fixed input buffers, the choice of compute units, finite outputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from live_whisper.engines.coreml.backend import (
    UNITS_IN_WORDS,
    Backend,
    ComputeUnits,
    LoadedModel,
    State,
    buffer_dtype,
)
from live_whisper.engines.coreml.buffers import take_buffer
from live_whisper.engines.coreml.cache import CompiledCache
from live_whisper.engines.coreml.manifest import Function, Package
from live_whisper.errors import EngineError

Outputs: TypeAlias = dict[str, npt.NDArray[np.float32]]
Say: TypeAlias = Callable[[str], None]


def _nothing(message: str) -> None:
    """Say nothing."""


FALLBACK: tuple[ComputeUnits, ...] = ("cpu_and_ne", "cpu_and_gpu", "cpu_only")


@dataclass(slots=True)
class Loader:
    """Loads packages and knows what to try next. One thread."""

    backend: Backend
    cache: CompiledCache
    units: tuple[ComputeUnits, ...] = FALLBACK
    """What may be used, best first; one entry where the user chose."""
    timeout_seconds: float = 900.0
    """Longest first load on one kind of unit: the Neural Engine's compiler takes minutes."""
    say: Say = _nothing

    def load(self, package: Package, *, after: ComputeUnits | None = None) -> "Loaded":
        """Load a package on the best units that work; with ``after``, on the next ones.

        Units that are not yet known to work are tried in a child process first. Raises
        ``EngineError`` when nothing is left.
        """
        compiled = self.cache.ensure(
            package, lambda: self.say("waiting for another process that compiles the model")
        )
        known = self.cache.units(package) if after is None else None
        fault = ""
        for units in self._candidates(known, after):
            fault = ""
            if units != known:
                fault = self.backend.rehearse(compiled, units, package, self.timeout_seconds)
            if not fault:
                try:
                    models = {
                        function.name: self.backend.load(compiled, units, function.name)
                        for function in package.functions
                    }
                except EngineError as error:
                    fault = error.message
                else:
                    self.cache.record(package, units)
                    return Loaded(package, units, models)
            self.say(f"{package.path} does not run on the {UNITS_IN_WORDS[units]}: {fault}")
        raise EngineError(
            f"Core ML cannot run {package.path}: {fault or 'no compute units are left'}",
            hint="Use the onnx engine, or try other compute units.",
        )

    def _candidates(
        self, known: ComputeUnits | None, after: ComputeUnits | None
    ) -> tuple[ComputeUnits, ...]:
        if after is not None:
            place = self.units.index(after) + 1 if after in self.units else len(self.units)
            return self.units[place:]
        if known in self.units:
            return self.units[self.units.index(known) :]
        return self.units


@dataclass(frozen=True, slots=True)
class Loaded:
    """A package in memory."""

    package: Package
    units: ComputeUnits
    models: Mapping[str, LoadedModel]
    """By function."""


class NotFiniteError(EngineError):
    """A model gave infinity or NaN: its arithmetic does not work on these units."""


class PackageRunner:
    """A package's functions with their input buffers. One thread."""

    def __init__(
        self,
        loader: Loader,
        package: Package,
        shared: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        """``shared``: buffers to use for inputs of these names, instead of new ones."""
        self._loader = loader
        self._loaded = loader.load(package)
        self.inputs = {
            function.name: _buffers(function, shared or {}) for function in package.functions
        }

    @property
    def package(self) -> Package:
        """What runs."""
        return self._loaded.package

    @property
    def units(self) -> ComputeUnits:
        """Where it runs."""
        return self._loaded.units

    def make_state(self) -> State:
        """Fresh states of a stateful package."""
        return next(iter(self._loaded.models.values())).make_state()

    def run(self, function: str = "main") -> Outputs:
        """Run on what the buffers hold; on the next compute units where the result is not finite.

        Raises ``EngineError`` when no units give finite numbers.
        """
        while True:
            try:
                return self.run_once(function)
            except EngineError as error:
                self.fall_back(error)

    def run_once(self, function: str, state: State = None) -> Outputs:
        """Run without falling back. Raises ``NotFiniteError`` or ``EngineError``."""
        model = self._loaded.models[function]
        try:
            if state is None:
                raw = model.predict(self.inputs[function])
            else:
                raw = model.predict(self.inputs[function], state=state)
        except EngineError:
            raise
        except Exception as error:  # coremltools raises RuntimeError with Core ML's text
            raise EngineError(
                f"Core ML failed in {self.package.path}: {str(error)[:200]}"
            ) from error
        outputs = {name: np.array(value, np.float32) for name, value in raw.items()}
        for name, value in outputs.items():
            if not np.isfinite(value).all():
                raise NotFiniteError(f"{name} is not finite")
        return outputs

    def fall_back(self, error: EngineError) -> None:
        """Load the package again on the next compute units. Raises ``EngineError`` at the end."""
        words = UNITS_IN_WORDS[self.units]
        self._loader.say(f"{self.package.path} failed on the {words}: {error.message}")
        self._loaded = self._loader.load(self.package, after=self.units)

    def warm_up(self) -> None:
        """Run every stateless function once on zeros."""
        for function in self.package.functions:
            if not function.states:
                self.run(function.name)


def _buffers(
    function: Function, shared: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    return {
        tensor.name: shared[tensor.name]
        if tensor.name in shared
        else take_buffer(tensor.shape, buffer_dtype(tensor.dtype))
        for tensor in function.inputs
    }
