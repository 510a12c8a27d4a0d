"""Linear layers, LayerNorm and feed-forward blocks in the Neural Engine's layout."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - coremltools' own short name
from coremltools.converters.mil.mil import types

from live_whisper.engines.coreml.weights import (
    Array,
    LinearWeight,
    PaletteWeight,
    Weight,
    WeightStore,
)

Var: TypeAlias = Any
"""A value inside a program under construction."""
Program: TypeAlias = Any
"""A finished MIL program."""

LAYER_NORM_EPSILON = 1e-5
NORM_SCALE = 1 / 8
"""Differences are made smaller by this power of two before they are squared, so that float16
overflows above |2047| instead of |255|; normalizing takes the factor out again."""


@dataclass(frozen=True, slots=True)
class Target:
    """The Core ML version a graph is for."""

    opset: Any
    """``coremltools.target.iOS17`` (macOS 14) or ``iOS18`` (macOS 15)."""
    block_weights: bool
    """Whether compressed weights use the ops that iOS 18 introduced."""


class Layers:
    """Building blocks of one program, used inside its ``mb.program`` function.

    A weight that is used twice (the token embedding) becomes one constant, so an instance must not
    serve two programs; the store behind it may.
    """

    def __init__(self, store: WeightStore, target: Target, *, head_name: str) -> None:
        self.store = store
        self.target = target
        self.head_name = head_name
        self._constants: dict[tuple[str, float], Var] = {}
        self.np_dtype = store.dtype
        self.mil_dtype = types.fp16 if store.dtype is np.float16 else types.fp32

    def const(self, name: str, *, scale: float = 1.0, shape: tuple[int, ...] | None = None) -> Var:
        """A weight as a constant of the program, decompressed when it is loaded."""
        key = (name, scale)
        if key not in self._constants:
            self._constants[key] = self._constant(self.store.weight(name, scale=scale), shape)
        return self._constants[key]

    def _constant(self, weight: Weight, shape: tuple[int, ...] | None) -> Var:
        if isinstance(weight, LinearWeight):
            return self._linear_const(weight, shape or weight.values.shape)
        if isinstance(weight, PaletteWeight):
            return self._palette_const(weight, shape or weight.indices.shape)
        return mb.const(val=weight if shape is None else weight.reshape(shape))

    def _linear_const(self, weight: LinearWeight, shape: tuple[int, ...]) -> Var:
        values = weight.values.reshape(shape)
        if self.target.block_weights:
            scale = weight.scale.reshape((-1,) + (1,) * (len(shape) - 1))
            return mb.constexpr_blockwise_shift_scale(data=values, scale=scale)
        return mb.constexpr_affine_dequantize(
            quantized_data=values, zero_point=np.int8(0), scale=weight.scale, axis=np.int32(0)
        )

    def _palette_const(self, weight: PaletteWeight, shape: tuple[int, ...]) -> Var:
        if self.target.block_weights:
            palette = weight.palette.reshape((1,) * len(shape) + (-1, 1))
            return mb.constexpr_lut_to_dense(indices=weight.indices.reshape(shape), lut=palette)
        return mb.constexpr_lut_to_dense(
            indices=weight.indices.ravel(), lut=weight.palette, shape=np.array(shape, np.uint32)
        )

    def linear(self, x: Var, prefix: str, *, scale: float = 1.0) -> Var:
        """(1, in, 1, S) -> (1, out, 1, S): ``scale * (W x + b)`` as a 1x1 convolution."""
        out_channels, in_channels = self.store.plain_shape(f"{prefix}.weight")
        extra = {}
        if f"{prefix}.bias" in self.store:  # Whisper's key projections have none
            extra["bias"] = self.store.plain(f"{prefix}.bias", scale=scale)
        kernel = self.const(
            f"{prefix}.weight", scale=scale, shape=(out_channels, in_channels, 1, 1)
        )
        return mb.conv(x=x, weight=kernel, pad_type="valid", **extra)

    def conv3(self, x: Var, prefix: str, *, stride: int) -> Var:
        """(1, in, 1, S) -> (1, out, 1, S / stride): width 3, padded by 1 at both ends."""
        out_channels, in_channels, width = self.store.plain_shape(f"{prefix}.weight")
        return mb.conv(
            x=x,
            weight=self.const(f"{prefix}.weight", shape=(out_channels, in_channels, 1, width)),
            bias=self.store.plain(f"{prefix}.bias"),
            pad_type="custom",
            pad=[0, 0, 1, 1],
            strides=[1, stride],
        )

    def gelu(self, x: Var) -> Var:
        """The exact GELU that Whisper was trained with."""
        return mb.gelu(x=x, mode="EXACT")

    def layer_norm(
        self, x: Var, prefix: str, *, name: str | None = None, recentre: bool = False
    ) -> Var:
        """LayerNorm over the channels, spelled out so that the converter keeps it as it is.

        The affine part is an explicit ``batch_norm``: as ``mul`` and ``add`` with constants the
        converter's own fusion pass stops with an error. ``recentre`` takes the mean out a second
        time: rounded to float16 it leaves an offset that all channels share.
        """
        dtype = self.np_dtype
        centred = mb.sub(x=x, y=mb.reduce_mean(x=x, axes=[1], keep_dims=True))
        small = mb.mul(x=centred, y=dtype(NORM_SCALE))
        variance = mb.reduce_mean(x=mb.mul(x=small, y=small), axes=[1], keep_dims=True)
        epsilon = dtype(LAYER_NORM_EPSILON * NORM_SCALE**2)
        normal = mb.mul(x=small, y=mb.rsqrt(x=variance, epsilon=epsilon))
        if recentre:
            normal = mb.sub(x=normal, y=mb.reduce_mean(x=normal, axes=[1], keep_dims=True))
        gamma = self.store.plain(f"{prefix}.weight")
        extra = {} if name is None else {"name": name}
        return mb.batch_norm(
            x=normal,
            mean=np.zeros_like(gamma),
            variance=np.ones_like(gamma),
            gamma=gamma,
            beta=self.store.plain(f"{prefix}.bias"),
            epsilon=dtype(0),
            **extra,
        )

    def feed_forward(self, x: Var, prefix: str) -> Var:
        """LayerNorm, widen, GELU, narrow; without the residual."""
        y = self.layer_norm(x, f"{prefix}.final_layer_norm")
        return self.linear(self.gelu(self.linear(y, f"{prefix}.fc1")), f"{prefix}.fc2")

    def positions(self, name: str, count: int) -> Array:
        """The first ``count`` rows of a position table as (1, d, 1, count)."""
        return np.ascontiguousarray(self.store.plain(name)[:count].T)[None, :, None, :]
