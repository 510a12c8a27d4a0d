"""Reading safetensors: the header is checked before a byte of data is mapped.

Format: https://github.com/huggingface/safetensors (8 bytes little-endian header length, JSON
header, then the data without holes). No torch, no pickle.
"""

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from live_whisper.errors import ModelError
from live_whisper.whisper.jsonfile import parse_object, read_object

Array = npt.NDArray[np.float32]

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
MAX_HEADER_BYTES = 100_000_000  # the format's own limit
_SAMPLE_BYTES = 1 << 16
_HASH_WHOLE_BELOW = 64 << 20

_FLOATS: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),  # numpy has none: the upper half of a float32
}


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """Where one tensor lies."""

    path: Path
    dtype: str
    """``F32``, ``F16`` or ``BF16``."""
    shape: tuple[int, ...]
    offset: int
    """Bytes from the beginning of the file."""

    def read(self) -> Array:
        """The tensor as float32: a read-only memory map where it is stored so, else a copy."""
        mapped = np.memmap(
            self.path, dtype=_FLOATS[self.dtype], mode="r", offset=self.offset, shape=self.shape
        )
        if self.dtype == "F32":
            return np.asarray(mapped, dtype=np.float32)
        if self.dtype == "F16":
            return np.asarray(mapped).astype(np.float32)
        return (np.asarray(mapped).astype(np.uint32) << 16).view(np.float32)


class Tensors(Mapping[str, Array]):
    """Names to float32 arrays, read on demand and not kept. Any thread."""

    def __init__(self, entries: Mapping[str, TensorEntry]) -> None:
        self.entries = dict(entries)

    def __getitem__(self, name: str) -> Array:
        return self.entries[name].read()

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape without reading."""
        return self.entries[name].shape


def open_folder(folder: Path) -> dict[str, TensorEntry]:
    """Entries of ``model.safetensors`` or of every shard its index names.

    Raises ``ModelError`` for missing, truncated or inconsistent files, and for a checkpoint that
    is there only as a pickle, which is never opened.
    """
    if (folder / SINGLE_FILE).is_file():
        return read_header(folder / SINGLE_FILE)
    if (folder / INDEX_FILE).is_file():
        return _open_shards(folder)
    if any(folder.glob("pytorch_model*.bin")) or any(folder.glob("*.pt")):
        raise ModelError(
            f"{folder} has its weights only as a pickle, which can run code and is not opened.",
            hint="Save it with safe_serialization=True, or use a revision with model.safetensors.",
        )
    raise ModelError(f"{folder} has no {SINGLE_FILE}.")


def _open_shards(folder: Path) -> dict[str, TensorEntry]:
    weight_map = read_object(folder / INDEX_FILE).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelError(f"{INDEX_FILE} has no weight_map.")
    entries: dict[str, TensorEntry] = {}
    for shard in sorted({str(name) for name in weight_map.values()}):
        if Path(shard).name != shard or not shard.endswith(".safetensors"):
            raise ModelError(f"{INDEX_FILE} names a file outside the folder: {shard[:60]!r}.")
        if not (folder / shard).is_file():
            raise ModelError(f"{folder} lacks {shard}, which {INDEX_FILE} names.")
        for name, entry in read_header(folder / shard).items():
            if weight_map.get(name) != shard:
                raise ModelError(f"{shard} holds {name[:80]!r}, which {INDEX_FILE} does not say.")
            entries[name] = entry
    for name, shard in weight_map.items():
        if name not in entries:
            raise ModelError(f"{shard} lacks {name[:80]!r}, which {INDEX_FILE} says it holds.")
    return entries


def read_header(path: Path) -> dict[str, TensorEntry]:
    """Checked entries of one safetensors file."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or not 2 <= length <= MAX_HEADER_BYTES:
                raise ModelError(f"{path.name} is not a safetensors file.")
            if length > size - 8:
                raise ModelError(f"{path.name} is truncated: its header is cut off.")
            header = parse_object(file.read(length), f"the header of {path.name}")
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}.") from error
    header.pop("__metadata__", None)
    spans = []
    entries = {}
    for name, described in header.items():
        begin, end, dtype, shape = _described(described, f"{path.name}: {name[:80]!r}")
        spans.append((begin, end))
        entries[name] = TensorEntry(path, dtype, shape, 8 + length + begin)
    _check_spans(sorted(spans), size - 8 - length, path.name)
    return entries


def _described(described: object, where: str) -> tuple[int, int, str, tuple[int, ...]]:
    if not isinstance(described, dict):
        raise ModelError(f"{where} is not described.")
    dtype, shape, span = (described.get(key) for key in ("dtype", "shape", "data_offsets"))
    if dtype not in _FLOATS:
        raise ModelError(f"{where} is {str(dtype)[:12]}, not a float tensor (F32, F16 or BF16).")
    if not _natural(shape) or not _natural(span) or len(span) != 2:
        raise ModelError(f"{where} has no valid shape and offsets.")
    if span[1] - span[0] != math.prod(shape) * _FLOATS[dtype].itemsize:
        raise ModelError(f"{where} has a shape that does not match its bytes.")
    return span[0], span[1], dtype, tuple(shape)


def _natural(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(i) is int and i >= 0 for i in value)


def _check_spans(spans: list[tuple[int, int]], available: int, name: str) -> None:
    position = 0
    for begin, end in spans:
        if begin != position:
            raise ModelError(f"{name} is damaged: its tensors overlap or leave holes.")
        position = end
    if position > available:
        raise ModelError(
            f"{name} is truncated: {position - available} of {position} bytes are missing.",
            hint="Copy or download it again.",
        )
    if position < available:
        raise ModelError(f"{name} is damaged: {available - position} bytes follow the tensors.")


def content_key(paths: list[Path]) -> str:
    """A key that changes when the weights do: 32 hexadecimal digits.

    Files below 64 MiB are hashed whole. Of larger ones the header, 64 KiB at 256 even steps, the
    size and the time of change: training changes every tensor, and a hand-made change moves the
    time.
    """
    digest = hashlib.sha256()
    for path in paths:
        status = path.stat()
        digest.update(f"{path.name}:{status.st_size}\n".encode())
        with path.open("rb") as file:
            if status.st_size <= _HASH_WHOLE_BELOW:
                digest.update(file.read())
                continue
            digest.update(str(status.st_mtime_ns).encode())
            for step in range(257):
                file.seek((status.st_size - _SAMPLE_BYTES) * step // 256, os.SEEK_SET)
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:32]
