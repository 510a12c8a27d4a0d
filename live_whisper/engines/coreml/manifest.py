"""What a folder of converted models holds: ``manifest.json``, the last file written into it."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from live_whisper.errors import ModelError
from live_whisper.whisper.dims import Dims

EXPORTER_VERSION = 1
"""Raised with every change of a graph: older conversions and compiled models are made anew."""

FILE_NAME = "manifest.json"

Precision: TypeAlias = Literal["float16", "float32"]
Scheme: TypeAlias = Literal["none", "int8", "palette8"]
Role: TypeAlias = Literal["encoder", "cross", "step", "prefill", "stateful"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input, output or state."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """``float16``, ``float32`` or ``int32``."""


@dataclass(frozen=True, slots=True)
class Function:
    """A callable part of a package."""

    name: str
    """``main`` in a package with one function."""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    states: tuple[Tensor, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """One ``.mlpackage``."""

    role: Role
    positions: int
    """Encoder positions it is for."""
    path: str
    """Relative to the manifest, with forward slashes."""
    functions: tuple[Function, ...]
    bytes: int

    def function(self, name: str = "main") -> Function:
        """The function of that name. Raises ``KeyError``."""
        for function in self.functions:
            if function.name == name:
                return function
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A converted checkpoint."""

    exporter_version: int
    revision: str
    """Of the checkpoint it was made from."""
    dims: Dims
    compute_precision: Precision
    quantize: Scheme
    """How the weights are stored."""
    deployment_target: str
    """``iOS17`` (macOS 14) or ``iOS18`` (macOS 15)."""
    contexts: tuple[int, ...]
    """Encoder positions a window can have, ascending."""
    text_positions: int
    """Tokens the decoder's cache holds."""
    prefill_width: int
    alignment_heads: tuple[tuple[int, int], ...]
    packages: tuple[Package, ...]

    @property
    def stateful(self) -> bool:
        """Whether the decoder keeps its cache inside Core ML."""
        return any(package.role == "stateful" for package in self.packages)

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change with anything above."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def package(self, role: Role, positions: int) -> Package:
        """The package of a role for a context. Raises ``KeyError``."""
        for package in self.packages:
            if (package.role, package.positions) == (role, positions):
                return package
        raise KeyError((role, positions))

    def write(self, folder: Path) -> None:
        """Write ``manifest.json`` into ``folder``."""
        text = json.dumps(dataclasses.asdict(self), indent=1)
        (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Manifest of a folder of converted models.

    Raises:
        ModelError: it is missing, damaged, of another exporter version, or a package is not there.
    """
    path = Path(folder) / FILE_NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["exporter_version"] != EXPORTER_VERSION:
            raise ModelError(
                f"{folder} was converted by another version of live-whisper.",
                hint="Convert the checkpoint again with: live-whisper models convert",
            )
        manifest = _parse(raw)
    except OSError as error:
        raise ModelError(
            f"{folder} holds no converted models: {FILE_NAME} cannot be read.",
            hint="Make them with: live-whisper models convert",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is damaged.", hint="Convert the checkpoint again.") from error
    for package in manifest.packages:
        if not (path.parent / package.path).is_dir():
            raise ModelError(f"{folder} lacks {package.path}.", hint="Convert it again.")
    return manifest


def _parse(raw: Mapping[str, Any]) -> Manifest:
    values = {field.name: raw[field.name] for field in dataclasses.fields(Manifest)}
    values["dims"] = Dims(**raw["dims"])
    values["contexts"] = tuple(int(positions) for positions in raw["contexts"])
    values["alignment_heads"] = tuple((int(a), int(b)) for a, b in raw["alignment_heads"])
    values["packages"] = tuple(_parse_package(package) for package in raw["packages"])
    return Manifest(**values)


def _parse_package(raw: Mapping[str, Any]) -> Package:
    path = str(raw["path"])
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError(path)  # a manifest from elsewhere must not point outside its folder
    functions = tuple(
        Function(
            name=str(function["name"]),
            inputs=_tensors(function["inputs"]),
            outputs=_tensors(function["outputs"]),
            states=_tensors(function["states"]),
        )
        for function in raw["functions"]
    )
    return Package(raw["role"], int(raw["positions"]), path, functions, int(raw["bytes"]))


def _tensors(raw: list[Mapping[str, Any]]) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(str(tensor["name"]), tuple(int(size) for size in tensor["shape"]), tensor["dtype"])
        for tensor in raw
    )
