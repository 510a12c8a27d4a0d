"""Whisper on Core ML behind the common engine protocol."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from live_whisper.clock import Clock, MonotonicClock
from live_whisper.engines.base import Features
from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.backend import (
    UNITS_IN_WORDS,
    Backend,
    ComputeUnits,
    system_backend,
)
from live_whisper.engines.coreml.buffers import give_back
from live_whisper.engines.coreml.cache import CompiledCache, default_cache_dir
from live_whisper.engines.coreml.convert import Source
from live_whisper.engines.coreml.explicit import ExplicitSteps
from live_whisper.engines.coreml.manifest import Manifest, Precision, read_manifest
from live_whisper.engines.coreml.options import ConvertOptions
from live_whisper.engines.coreml.packages import ensure_packages
from live_whisper.engines.coreml.progress import ProgressCallback, silent
from live_whisper.engines.coreml.runner import FALLBACK, Loader, PackageRunner
from live_whisper.engines.coreml.session import CoreMLSession
from live_whisper.engines.coreml.stateful import StatefulSteps
from live_whisper.errors import EngineError, ModelError, UsageError
from live_whisper.types.audio import Mel
from live_whisper.units import NS_PER_SECOND
from live_whisper.whisper.dims import Dims

Array = npt.NDArray[np.float32]
Cross: TypeAlias = Any
"""What the steps of this engine made of an encoder output."""
DecoderSteps: TypeAlias = ExplicitSteps | StatefulSteps

WARM_UP_IDS = 3  # more than one, so that the prefill runs too


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How to load."""

    convert: ConvertOptions = field(default_factory=ConvertOptions)
    """How to convert where that has not been done."""
    packages: Path | None = None
    """A folder made by ``convert``; by default one in the cache, made when it is missing."""
    compute_units: str = "auto"
    """``auto`` falls back from the Neural Engine to GPU to processor; else only these are used."""
    cache_dir: Path | None = None
    load_timeout_seconds: float = 900.0
    """Longest first load of a model on one kind of unit."""


@dataclass(frozen=True, slots=True)
class PreparedPackage:
    """What ``prepare`` found out about one package."""

    path: str
    units: ComputeUnits


@dataclass(frozen=True, slots=True)
class PrepareReport:
    """The result of ``prepare``."""

    packages: tuple[PreparedPackage, ...]
    seconds: float
    """All of it: conversion, compilation, loading, warm-up."""
    notices: tuple[str, ...]
    """What did not work on the way."""


class CoreMLFeatures:
    """The encoder's output of one window; its cross projection is made once, when first needed."""

    def __init__(self, encoded: Array, project: Callable[[Array], Cross]) -> None:
        self._encoded = encoded
        self._project = project
        self._cross: Cross = None

    @property
    def positions(self) -> int:
        """Encoder positions, 20 ms each."""
        return int(self._encoded.shape[3])

    @property
    def encoded(self) -> Array:
        """Encoder output (1, d, 1, positions), float32."""
        return self._encoded

    def cross(self) -> Cross:
        """What the decoder of this engine needs of the window."""
        if self._cross is None:
            self._cross = self._project(self._encoded)
        return self._cross


class _Context:
    """Encoder and decoder for one number of positions."""

    def __init__(self, loader: Loader, manifest: Manifest, positions: int) -> None:
        self.encoder = PackageRunner(loader, manifest.package("encoder", positions))
        kind: type[ExplicitSteps | StatefulSteps]
        kind = StatefulSteps if manifest.stateful else ExplicitSteps
        self.steps: DecoderSteps = kind(loader, manifest, positions)

    @property
    def runners(self) -> list[PackageRunner]:
        """Every package of the context."""
        return [self.encoder, *self.steps.runners]


class CoreMLEncoder:
    """Mel to features, for the numbers of positions that were converted."""

    def __init__(self, contexts: dict[int, _Context], dims: Dims) -> None:
        self._contexts = contexts
        self._dims = dims

    def encode(self, mel: Mel) -> CoreMLFeatures:
        """``mel``: (n_mels, frames) float32 with frames/2 one of the engine's contexts."""
        if not self._contexts:
            raise EngineError("The Core ML engine is closed.")
        positions = mel.shape[1] // 2 if mel.ndim == 2 else 0
        context = self._contexts.get(positions)
        if context is None or mel.shape != (self._dims.n_mels, 2 * positions):
            raise ValueError(
                f"mel of shape {mel.shape} for {self._dims.n_mels} bins and "
                f"positions {sorted(self._contexts)}"
            )
        np.copyto(context.encoder.inputs["main"][names.MEL][0, :, 0, :], mel)
        outputs = context.encoder.run()
        return CoreMLFeatures(outputs[names.ENCODED], context.steps.project)


class CoreMLDecoder:
    """Opens sessions."""

    def __init__(self, contexts: dict[int, _Context], dims: Dims) -> None:
        self._contexts = contexts
        self._dims = dims

    def open(self, features: Features, *, want_attention: bool) -> CoreMLSession:
        """Start a session on one window."""
        if not isinstance(features, CoreMLFeatures):
            raise TypeError("features of another engine")
        context = self._contexts.get(features.positions)
        if context is None:
            raise EngineError("The Core ML engine is closed.")
        steps = context.steps
        return CoreMLSession(steps, self._dims, features, want_attention=want_attention)


class CoreMLEngine:
    """A checkpoint on Core ML. One thread at a time; holds the interpreter lock while it works."""

    def __init__(self, manifest: Manifest, loader: Loader, progress: ProgressCallback) -> None:
        # The decoder loop takes its limits from the sizes, so the cache's length stands in them.
        self._dims = dataclasses.replace(manifest.dims, n_text_ctx=manifest.text_positions)
        self._manifest = manifest
        self._contexts: dict[int, _Context] = {}
        for done, positions in enumerate(manifest.contexts):
            share = done / len(manifest.contexts)
            progress(f"loading the model for {positions} positions", share)
            self._contexts[positions] = _Context(loader, manifest, positions)
        self._encoder = CoreMLEncoder(self._contexts, self._dims)
        self._decoder = CoreMLDecoder(self._contexts, self._dims)

    @classmethod
    def load(
        cls,
        checkpoint: Source,
        options: EngineOptions | None = None,
        *,
        backend: Backend | None = None,
        progress: ProgressCallback = silent,
    ) -> Self:
        """Convert and compile where the cache lacks it, load each model once, and warm up.

        Args:
            checkpoint: what to run.
            options: how.
            backend: Core ML by default; tests put an interpreter here.
            progress: told what is being done and what did not work.

        Raises:
            EngineError: not a Mac, or no compute units run the model.
            MissingDependencyError: coremltools is not installed.
            ModelError: the packages are damaged or belong to another checkpoint.
        """
        options = options or EngineOptions()
        backend = backend or system_backend()
        root = options.cache_dir or default_cache_dir()
        folder = options.packages or ensure_packages(checkpoint, root, options.convert, progress)
        manifest = read_manifest(folder)
        if manifest.revision != checkpoint.revision:
            raise ModelError(
                f"{folder} was converted from another checkpoint.",
                hint="Convert this one, or leave the folder out.",
            )
        loader = Loader(
            backend,
            CompiledCache(root, manifest, folder, backend),
            _allowed(options.compute_units, manifest.compute_precision),
            options.load_timeout_seconds,
            say=lambda message: progress(message, 0.5),
        )
        engine = cls(manifest, loader, progress)
        engine.warm_up(progress)
        return engine

    def warm_up(self, progress: ProgressCallback = silent) -> None:
        """Run silence through every function once, the way a real window would."""
        for positions in self._contexts:
            progress(f"warming up ({positions} positions)", 0.9)
            silence = np.zeros((self._dims.n_mels, 2 * positions), np.float32)
            features = self._encoder.encode(silence)
            with self._decoder.open(features, want_attention=True) as session:
                session.append([0] * min(WARM_UP_IDS, self._dims.n_text_ctx - 1))
                session.append([0])
        progress("ready", 1.0)

    @property
    def description(self) -> str:
        """Precision and where encoder and decoder run."""
        weights = (
            "" if self._manifest.quantize == "none" else f", {self._manifest.quantize} weights"
        )
        context = next(iter(self._contexts.values()), None)
        if context is None:
            return f"Core ML, {self._manifest.compute_precision}{weights}, closed"
        encoder = UNITS_IN_WORDS[context.encoder.units]
        decoder = UNITS_IN_WORDS[context.steps.runners[-1].units]
        where = f"encoder on the {encoder}, decoder on the {decoder}"
        return f"Core ML, {self._manifest.compute_precision}{weights}, {where}"

    @property
    def dims(self) -> Dims:
        """The checkpoint's sizes, with the length of the decoder's cache as the text context."""
        return self._dims

    @property
    def encoder(self) -> CoreMLEncoder:
        """Mel to features."""
        return self._encoder

    @property
    def decoder(self) -> CoreMLDecoder:
        """Features to tokens."""
        return self._decoder

    @property
    def contexts(self) -> tuple[int, ...] | None:
        """Numbers of encoder positions that were converted, ascending."""
        return self._manifest.contexts

    @property
    def units(self) -> tuple[PreparedPackage, ...]:
        """Where each package runs."""
        return tuple(
            PreparedPackage(runner.package.path, runner.units)
            for context in self._contexts.values()
            for runner in context.runners
        )

    def close(self) -> None:
        """Release the models and give the buffers back. Idempotent."""
        for context in self._contexts.values():
            give_back(list(context.encoder.inputs["main"].values()))
            context.steps.close()
        self._contexts.clear()


def prepare(
    checkpoint: Source,
    options: EngineOptions | None = None,
    *,
    backend: Backend | None = None,
    progress: ProgressCallback = silent,
    clock: Clock | None = None,
) -> PrepareReport:
    """Do everything slow now: convert, compile, first load, warm-up. For ``models prepare``.

    Raises what ``CoreMLEngine.load`` raises.
    """
    clock = clock or MonotonicClock()
    began_ns = clock.now_ns()
    notices: list[str] = []

    def listen(message: str, fraction: float) -> None:
        if " does not run on the " in message or " failed on the " in message:
            notices.append(message)
        progress(message, fraction)

    engine = CoreMLEngine.load(checkpoint, options, backend=backend, progress=listen)
    packages = engine.units
    engine.close()
    seconds = (clock.now_ns() - began_ns) / NS_PER_SECOND
    return PrepareReport(packages, seconds, tuple(notices))


def _allowed(units: str, precision: Precision) -> tuple[ComputeUnits, ...]:
    if units == "auto":
        # The Neural Engine has no float32: Core ML would silently use the processor.
        return FALLBACK if precision == "float16" else FALLBACK[1:]
    for known in UNITS_IN_WORDS:
        if units == known:
            return (known,)
    raise UsageError(
        f"{units!r} are no compute units.", hint=f"Choose {', '.join(UNITS_IN_WORDS)}."
    )
