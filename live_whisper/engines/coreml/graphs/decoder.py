"""The text decoder with its key/value cache as plain inputs and outputs.

The same body serves one token (``width`` 1) and a prefill of fixed width, in which unused places
at the end are hidden by the masks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import types

from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.graphs.attention import batched_attention, head_scale
from live_whisper.engines.coreml.graphs.layers import Layers, Program, Var
from live_whisper.whisper.dims import Dims

EMBEDDING = "model.decoder.embed_tokens.weight"

Lookup: TypeAlias = Callable[[int], tuple[Var, Var]]
"""Layer -> cross keys and values, (1, d, 1, positions)."""
Merge: TypeAlias = Callable[[int, Var, Var], tuple[Var, Var]]
"""Layer, new keys, new values (1, d, 1, width) -> the whole cache (1, d, 1, text positions)."""


@dataclass(frozen=True, slots=True)
class DecoderShape:
    """What a decoder graph is built for."""

    dims: Dims
    width: int
    """Ids per call."""
    text_positions: int
    """Length of the cache."""
    audio_positions: int
    alignment_heads: tuple[tuple[int, int], ...]
    """(layer, head) pairs whose cross-attention is an output."""


@dataclass(frozen=True, slots=True)
class Caches:
    """Where a decoder body finds and puts its keys and values."""

    merge: Merge
    cross: Lookup
    mask: Var
    """(1, 1, width, text positions): 0 to see, ``MASKED`` to hide."""
    cross_mask: Var | None
    """(1, 1, 1, positions) where the cross cache is padded."""


def decoder_program(layers: Layers, shape: DecoderShape) -> Program:
    """``width`` ids and the cache -> logits of one id, cache updates, alignment attention."""
    dims, width, text = shape.dims, shape.width, shape.text_positions
    total = dims.n_text_layer * dims.n_text_state
    half, spec = layers.mil_dtype, mb.TensorSpec
    specs = [
        spec((width,), dtype=types.int32),
        spec((1,), dtype=types.int32),
        spec((1, total, 1, text), dtype=half),
        spec((1, total, 1, text), dtype=half),
        spec((width, text), dtype=half),
        spec((width, text), dtype=half),
        spec((1, total, 1, shape.audio_positions), dtype=half),
        spec((1, total, 1, shape.audio_positions), dtype=half),
        spec((1, width), dtype=half),
    ]

    @mb.program(input_specs=specs, opset_version=layers.target.opset)  # type: ignore[untyped-decorator]
    def program(  # noqa: PLR0913, PLR0917 - the inputs of the graph, by name
        input_ids: Var,
        cache_length: Var,
        key_cache: Var,
        value_cache: Var,
        kv_cache_update_mask: Var,
        decoder_key_padding_mask: Var,
        cross_key_cache: Var,
        cross_value_cache: Var,
        output_mask: Var,
    ) -> tuple[Var, ...]:
        insert = Inserter(layers, kv_cache_update_mask)
        new_keys: list[Var] = []
        new_values: list[Var] = []

        def merge(layer: int, keys: Var, values: Var) -> tuple[Var, Var]:
            new_keys.append(keys)
            new_values.append(values)
            return (
                insert(layer_slice(key_cache, layer, dims), keys),
                insert(layer_slice(value_cache, layer, dims), values),
            )

        caches = Caches(
            merge=merge,
            cross=lambda layer: (
                layer_slice(cross_key_cache, layer, dims),
                layer_slice(cross_value_cache, layer, dims),
            ),
            mask=mb.reshape(x=decoder_key_padding_mask, shape=[1, 1, width, text]),
            cross_mask=None,
        )
        hidden, attention = decoder_body(layers, shape, (input_ids, cache_length), caches)
        return (
            logits_of(layers, hidden, output_mask),
            mb.concat(values=new_keys, axis=1, name=names.KEY_UPDATES),
            mb.concat(values=new_values, axis=1, name=names.VALUE_UPDATES),
            *alignment_rows(attention, shape),
        )

    return program


def layer_slice(stacked: Var, layer: int, dims: Dims) -> Var:
    """One layer's (1, d, 1, S) of (1, layers * d, 1, S)."""
    width = dims.n_text_state
    return mb.slice_by_index(
        x=stacked,
        begin=[0, layer * width, 0, 0],
        end=[1, (layer + 1) * width, 1, stacked.shape[3]],
    )


class Inserter:
    """Puts new keys or values at the places that the update mask names.

    ``mask`` is (width, text positions): row i is one-hot at the place of id i, or all zero for an
    unused place. Arithmetic instead of a scatter, which the Neural Engine does not have.
    """

    def __init__(self, layers: Layers, mask: Var) -> None:
        width, text = mask.shape
        self._width = width
        if width == 1:
            used = mb.reshape(x=mask, shape=[1, 1, 1, text])
            self._mask = used
        else:
            used = mb.reshape(x=mb.reduce_sum(x=mask, axes=[0]), shape=[1, 1, 1, text])
            self._mask = mb.reshape(x=mask, shape=[1, 1, width, text])
        self._keep = mb.sub(x=layers.np_dtype(1), y=used)

    def __call__(self, cache: Var, new: Var) -> Var:
        """``cache`` (1, d, 1, text positions) with ``new`` (1, d, 1, width) put in."""
        if self._width == 1:
            placed = mb.mul(x=new, y=self._mask)
        else:
            moved = mb.transpose(x=new, perm=[0, 2, 1, 3])  # (1, 1, d, width)
            placed = mb.transpose(x=mb.matmul(x=moved, y=self._mask), perm=[0, 2, 1, 3])
        return mb.add(x=mb.mul(x=cache, y=self._keep), y=placed)


def decoder_body(
    layers: Layers, shape: DecoderShape, tokens: tuple[Var, Var], caches: Caches
) -> tuple[Var, dict[int, Var]]:
    """Embeddings to the final LayerNorm: hidden (1, d, 1, width) and each layer's cross weights.

    ``tokens`` is the ids (width,) and the number of tokens already in the cache (1,).
    """
    dims = shape.dims
    scale = head_scale(dims.n_text_state, dims.n_text_head)
    x = _embed(layers, shape, *tokens)
    attention: dict[int, Var] = {}
    for layer in range(dims.n_text_layer):
        prefix = f"model.decoder.layers.{layer}"
        inner, cross = f"{prefix}.self_attn", f"{prefix}.encoder_attn"
        y = layers.layer_norm(x, f"{prefix}.self_attn_layer_norm")
        new_keys = layers.linear(y, f"{inner}.k_proj")
        new_values = layers.linear(y, f"{inner}.v_proj")
        keys, values = caches.merge(layer, new_keys, new_values)
        query = layers.linear(y, f"{inner}.q_proj", scale=scale)
        mixed, _ = batched_attention(query, keys, values, heads=dims.n_text_head, mask=caches.mask)
        x = mb.add(x=x, y=layers.linear(mixed, f"{inner}.out_proj"))
        y = layers.layer_norm(x, f"{prefix}.encoder_attn_layer_norm")
        query = layers.linear(y, f"{cross}.q_proj", scale=scale)
        keys, values = caches.cross(layer)
        mixed, attention[layer] = batched_attention(
            query, keys, values, heads=dims.n_text_head, mask=caches.cross_mask
        )
        x = mb.add(x=x, y=layers.linear(mixed, f"{cross}.out_proj"))
        x = mb.add(x=x, y=layers.feed_forward(x, prefix))
    # The whole vocabulary is a product with this vector, and an embedding may have rows that cancel
    # only for a zero mean.
    return layers.layer_norm(x, "model.decoder.layer_norm", recentre=True), attention


def _embed(layers: Layers, shape: DecoderShape, ids: Var, length: Var) -> Var:
    dims, width = shape.dims, shape.width
    table = layers.store.plain("model.decoder.embed_positions.weight")[: shape.text_positions]
    places = mb.add(x=length, y=np.arange(width, dtype=np.int32)) if width > 1 else length
    # Unused places of a prefill near the end of the cache would lie behind the table.
    places = mb.minimum(x=places, y=np.int32(shape.text_positions - 1))
    x = mb.add(
        x=mb.gather(x=layers.const(EMBEDDING), indices=ids, axis=0),
        y=mb.gather(x=np.ascontiguousarray(table), indices=places, axis=0),
    )
    turned = mb.transpose(x=x, perm=[1, 0])
    return mb.reshape(x=turned, shape=[1, dims.n_text_state, 1, width])


def logits_of(layers: Layers, hidden: Var, output_mask: Var) -> Var:
    """Logits (1, 1, n_vocab) of the id that ``output_mask`` (1, width) marks.

    The head mostly is the token embedding itself (tied), which the graph then stores once.
    """
    width = hidden.shape[1]
    marked = mb.mul(x=hidden, y=mb.reshape(x=output_mask, shape=[1, 1, 1, hidden.shape[3]]))
    one = mb.reshape(x=mb.reduce_sum(x=marked, axes=[3]), shape=[1, width])
    logits = mb.linear(x=one, weight=layers.const(layers.head_name))
    return mb.reshape(x=logits, shape=[1, 1, logits.shape[1]], name=names.LOGITS)


def alignment_rows(attention: dict[int, Var], shape: DecoderShape) -> list[Var]:
    """The alignment heads' weights (1, heads, width, positions), or nothing without such heads."""
    rows = [
        mb.slice_by_index(
            x=attention[layer],
            begin=[0, head, 0, 0],
            end=[1, head + 1, shape.width, attention[layer].shape[3]],
        )
        for layer, head in shape.alignment_heads
    ]
    if not rows:
        return []
    if len(rows) == 1:
        return [mb.identity(x=rows[0], name=names.ALIGNMENT)]
    return [mb.concat(values=rows, axis=1, name=names.ALIGNMENT)]
