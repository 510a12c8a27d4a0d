"""Builds every graph of a plan and saves it. Imports coremltools: import it from a function."""

import contextlib
import dataclasses
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import coremltools as ct
import numpy as np
from coremltools.converters.mil.mil.passes import pass_pipeline

from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.graphs.decoder import DecoderShape, decoder_program
from live_whisper.engines.coreml.graphs.encoder import cross_program, encoder_program
from live_whisper.engines.coreml.graphs.layers import Layers, Program, Target
from live_whisper.engines.coreml.graphs.stateful import (
    cross_function,
    decoder_function,
    stateful_shape,
)
from live_whisper.engines.coreml.manifest import Function, Manifest, Package, Role, Tensor
from live_whisper.engines.coreml.progress import ProgressCallback
from live_whisper.engines.coreml.weights import WeightStore

Feature: TypeAlias = Any
"""An input or output as the protobuf describes it."""
Build: TypeAlias = Callable[[], Program]
"""Makes a MIL program."""

FILE_NAMES: dict[Role, str] = {
    "encoder": names.ENCODER,
    "cross": names.CROSS,
    "step": names.STEP,
    "prefill": names.PREFILL,
    "stateful": names.STATEFUL,
}

_DTYPES = {
    ct.proto.FeatureTypes_pb2.ArrayFeatureType.FLOAT16: "float16",
    ct.proto.FeatureTypes_pb2.ArrayFeatureType.FLOAT32: "float32",
    ct.proto.FeatureTypes_pb2.ArrayFeatureType.INT32: "int32",
}


class Exporter:
    """Writes the packages of one manifest that has none yet. One use, one thread."""

    def __init__(self, blank: Manifest, store: WeightStore, head_name: str) -> None:
        self._plan = blank
        self._store = store
        self._head = head_name
        opset = getattr(ct.target, blank.deployment_target)
        self._target = Target(opset, block_weights=blank.deployment_target == "iOS18")

    def write_all(self, folder: Path, progress: ProgressCallback) -> Manifest:
        """Build, convert and save each package below ``folder``; gives the complete manifest."""
        jobs = [job for positions in self._plan.contexts for job in self._jobs(positions)]
        # Encoders first: once they are done their weights need no longer be in memory.
        jobs.sort(key=lambda job: job[0] != "encoder")
        packages = []
        for done, (role, positions, builds) in enumerate(jobs):
            if role != "encoder":
                self._store.forget("model.encoder.")
            title = FILE_NAMES[role]
            progress(f"converting {title} ({positions} positions)", done / len(jobs))
            relative = f"{positions}/{title}.mlpackage"
            path = folder / relative
            path.parent.mkdir(exist_ok=True)
            functions = self._save(builds, path)
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            packages.append(Package(role, positions, relative, functions, size))
        return dataclasses.replace(self._plan, packages=tuple(packages))

    def _jobs(self, positions: int) -> list[tuple[Role, int, dict[str, Build]]]:
        dims = self._plan.dims
        encoder: Build = lambda: encoder_program(self._layers(), dims, positions)  # noqa: E731
        jobs: list[tuple[Role, int, dict[str, Build]]] = [("encoder", positions, {"main": encoder})]
        if self._plan.deployment_target == "iOS18":
            functions = {
                names.FUNCTION_STEP: self._stateful(positions, 1),
                names.FUNCTION_PREFILL: self._stateful(positions, self._plan.prefill_width),
                names.FUNCTION_CROSS: lambda: cross_function(
                    self._layers(), stateful_shape(self._shape(positions, 1)), positions
                ),
            }
            return [*jobs, ("stateful", positions, functions)]
        cross: Build = lambda: cross_program(self._layers(), dims, positions)  # noqa: E731
        return [
            *jobs,
            ("cross", positions, {"main": cross}),
            ("step", positions, {"main": self._explicit(positions, 1)}),
            ("prefill", positions, {"main": self._explicit(positions, self._plan.prefill_width)}),
        ]

    def _layers(self) -> Layers:
        return Layers(self._store, self._target, head_name=self._head)

    def _shape(self, positions: int, width: int) -> DecoderShape:
        return DecoderShape(
            dims=self._plan.dims,
            width=width,
            text_positions=self._plan.text_positions,
            audio_positions=positions,
            alignment_heads=self._plan.alignment_heads,
        )

    def _explicit(self, positions: int, width: int) -> Build:
        return lambda: decoder_program(self._layers(), self._shape(positions, width))

    def _stateful(self, positions: int, width: int) -> Build:
        shape = stateful_shape(self._shape(positions, width))
        return lambda: decoder_function(self._layers(), shape)

    def _save(self, builds: dict[str, Build], path: Path) -> tuple[Function, ...]:
        if list(builds) == ["main"]:
            return (self._save_one("main", builds["main"], path),)
        parts = path.with_suffix(".parts")
        parts.mkdir()
        functions = []
        merged = ct.utils.MultiFunctionDescriptor()
        for name, build in builds.items():
            part = parts / f"{name}.mlpackage"
            functions.append(self._save_one(name, build, part))
            merged.add_function(str(part), src_function_name="main", target_function_name=name)
        merged.default_function_name = functions[0].name
        with _quiet():
            ct.utils.save_multifunction(merged, str(path))
        shutil.rmtree(parts)
        return tuple(functions)

    def _save_one(self, name: str, build: Build, path: Path) -> Function:
        narrow = self._store.dtype is np.float16
        with _quiet():
            model = ct.convert(
                build(),
                pass_pipeline=_pipeline(),
                convert_to="mlprogram",
                minimum_deployment_target=self._target.opset,
                compute_precision=ct.precision.FLOAT16 if narrow else ct.precision.FLOAT32,
                compute_units=ct.ComputeUnit.CPU_AND_NE,
                skip_model_load=True,
                package_dir=str(path),  # else a copy stays in the temporary folder until exit
            )
        described = model.get_spec().description
        return Function(
            name=name,
            inputs=tuple(_tensor(feature) for feature in described.input),
            outputs=tuple(_tensor(feature) for feature in described.output),
            states=tuple(
                Tensor(
                    state.name,
                    tuple(state.type.stateType.arrayType.shape),
                    _DTYPES[state.type.stateType.arrayType.dataType],
                )
                for state in described.state
            ),
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep coremltools' progress bars, three for each graph, out of the terminal.

    And its temporary folders, which it leaves to the garbage collector, out of the warnings.
    """
    bar = getattr(pass_pipeline, "tqdm", None)

    def plain(passes: Iterable[str], **_: str) -> Iterable[str]:
        return passes

    pass_pipeline.tqdm = plain
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield
    finally:
        pass_pipeline.tqdm = bar


def _pipeline() -> "ct.PassPipeline":
    """Coremltools' own passes, without the one that lets ids be negative: ours never are.

    It would put four integer ops, which the Neural Engine does not have, before each look-up.
    """
    pipeline = ct.PassPipeline.DEFAULT
    pipeline.remove_passes({"common::guard_negative_gather_indices"})
    return pipeline


def _tensor(feature: Feature) -> Tensor:
    array = feature.type.multiArrayType
    return Tensor(feature.name, tuple(array.shape), _DTYPES[array.dataType])
