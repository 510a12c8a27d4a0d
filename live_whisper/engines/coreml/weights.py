"""Checkpoint tensors as numbers a graph stores: plain, int8 linear, or an 8-bit palette."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from live_whisper.engines.coreml.manifest import Scheme
from live_whisper.errors import ModelError

Array: TypeAlias = npt.NDArray[Any]

SMALLEST_QUANTIZED = 4096  # elements; smaller tensors cost nothing and matter more
PALETTE_ENTRIES = 256
PALETTE_ROUNDS = 25  # Lloyd iterations; the error changes by less than 1 % after about 15


@dataclass(frozen=True, slots=True)
class LinearWeight:
    """``scale * values``, symmetric, one scale per output channel (axis 0)."""

    values: npt.NDArray[np.int8]
    scale: Array
    """Shape (channels,), the graph's float type."""


@dataclass(frozen=True, slots=True)
class PaletteWeight:
    """``palette[indices]``."""

    indices: npt.NDArray[np.uint8]
    palette: Array
    """Shape (256,), the graph's float type, ascending."""


Weight: TypeAlias = Array | LinearWeight | PaletteWeight


def quantize_linear(tensor: Array, dtype: type[np.floating[Any]]) -> LinearWeight:
    """Round to int8 with one symmetric scale per row of axis 0.

    The scale is rounded to ``dtype`` first, so that the integers fit the scale that is stored.
    """
    rows = np.abs(tensor.reshape(len(tensor), -1)).max(axis=1)
    tiny = np.finfo(dtype).tiny  # an all-zero row keeps a scale that is not zero
    scale = np.maximum(rows / 127.0, tiny).astype(dtype)
    column = scale.astype(np.float32).reshape((-1,) + (1,) * (tensor.ndim - 1))
    values = np.clip(np.rint(tensor / column), -127, 127).astype(np.int8)
    return LinearWeight(values, scale)


def quantize_palette(tensor: Array, dtype: type[np.floating[Any]]) -> PaletteWeight:
    """One-dimensional k-means with 256 centres over the tensor's distinct float16 values.

    At most 65 536 distinct values exist, so a Lloyd iteration works on a histogram and costs the
    same for any tensor size. Values are counted by their bits: numpy 2.4 was seen to sort float16
    wrongly.
    """
    codes = tensor.astype(np.float16).ravel().view(np.uint16)
    counts = np.bincount(codes, minlength=1 << 16)
    used = np.flatnonzero(counts).astype(np.uint16)
    used = used[np.argsort(used.view(np.float16).astype(np.float64), kind="stable")]
    points = used.view(np.float16).astype(np.float64)
    centres = _lloyd(points, counts[used].astype(np.float64)).astype(dtype)
    middle = (centres[1:].astype(np.float64) + centres[:-1]) / 2
    nearest = np.zeros(1 << 16, np.uint8)
    nearest[used] = np.searchsorted(middle, points)
    return PaletteWeight(nearest[codes].reshape(tensor.shape), centres)


def _lloyd(points: Array, counts: Array) -> Array:
    if len(points) <= PALETTE_ENTRIES:
        return np.pad(points, (0, PALETTE_ENTRIES - len(points)), mode="edge")
    mass = np.concatenate([[0.0], np.cumsum(counts)])
    moment = np.concatenate([[0.0], np.cumsum(counts * points)])
    # An optimal quantizer's centres lie as the cube root of the density (Panter and Dite); float16
    # values lie closer together near zero, so counts alone are no density.
    width = np.maximum(np.gradient(points), np.finfo(np.float16).smallest_subnormal)
    spread = np.cumsum(np.cbrt(counts / width) * width)
    targets = (np.arange(PALETTE_ENTRIES) + 0.5) / PALETTE_ENTRIES * spread[-1]
    centres = np.interp(targets, spread, points)
    for _ in range(PALETTE_ROUNDS):
        edges = np.searchsorted(points, (centres[1:] + centres[:-1]) / 2)
        bounds = np.concatenate([[0], edges, [len(points)]])
        inside = np.diff(mass[bounds])
        centres = np.where(inside > 0, np.diff(moment[bounds]) / np.maximum(inside, 1), centres)
        centres.sort()
    return np.asarray(centres)


class WeightStore:
    """Tensors by their Hugging Face name, prepared for a graph; each is quantized once.

    ``dtype`` is float16 or float32; used from one thread.
    """

    def __init__(
        self, tensors: Mapping[str, Array], dtype: type[np.floating[Any]], scheme: Scheme
    ) -> None:
        self._tensors = tensors
        self._scheme = scheme
        self._ready: dict[tuple[str, float], Weight] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.dtype = dtype

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def plain_shape(self, name: str) -> tuple[int, ...]:
        """The tensor's shape. Raises ``ModelError`` where it is missing."""
        if name not in self._shapes:
            self._shapes[name] = self._tensor(name).shape
        return self._shapes[name]

    def _tensor(self, name: str) -> Array:
        try:
            return self._tensors[name]
        except KeyError:
            raise ModelError(f"The checkpoint lacks the tensor {name}.") from None

    def plain(self, name: str, *, scale: float = 1.0) -> Array:
        """The tensor in the graph's float type, multiplied by ``scale`` before rounding.

        Raises:
            ModelError: it is missing, or holds a value that the float type cannot.
        """
        tensor = np.asarray(self._tensor(name), np.float32)
        with np.errstate(over="ignore"):
            result = (tensor * np.float32(scale)).astype(self.dtype)
        if not np.isfinite(result).all():
            raise ModelError(
                f"The tensor {name} does not fit into {np.dtype(self.dtype).name}.",
                hint="Convert with --compute-precision float32.",
            )
        return result

    def weight(self, name: str, *, scale: float = 1.0) -> Weight:
        """The tensor in the chosen scheme; small ones stay plain."""
        key = (name, scale)
        if key not in self._ready:
            plain = self.plain(name, scale=scale)
            self._ready[key] = self._quantize(plain)
        return self._ready[key]

    def forget(self, prefix: str) -> None:
        """Free what was prepared of the tensors whose names begin like this."""
        for key in [key for key in self._ready if key[0].startswith(prefix)]:
            del self._ready[key]

    def _quantize(self, plain: Array) -> Weight:
        if self._scheme == "none" or plain.size < SMALLEST_QUANTIZED:
            return plain
        wide = plain.astype(np.float32)
        if self._scheme == "int8":
            return quantize_linear(wide, self.dtype)
        return quantize_palette(wide, self.dtype)
