"""The decoder with its caches as Core ML states: macOS 15 or later, chosen explicitly.

Three functions share four states: ``cross`` fills the cross keys and values and clears the rest,
``prefill`` and ``step`` decode. In each function a state is read once at the beginning and written
at most once at the end: a second read after a write is merged into the first by the converter
(coremltools issue 2786), which gives slightly wrong logits without any error.
"""

import dataclasses
from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import types

from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.graphs.decoder import (
    Caches,
    DecoderShape,
    Inserter,
    alignment_rows,
    decoder_body,
    logits_of,
)
from live_whisper.engines.coreml.graphs.encoder import project_cross
from live_whisper.engines.coreml.graphs.layers import Layers, Program, Var
from live_whisper.engines.coreml.options import padded


def stateful_shape(shape: DecoderShape) -> DecoderShape:
    """The same with the audio padded to a size that a state can have (1500 -> 1504)."""
    return dataclasses.replace(shape, audio_positions=padded(shape.audio_positions))


def _state_specs(layers: Layers, shape: DecoderShape) -> list[Any]:
    dims = shape.dims
    text = (dims.n_text_layer, dims.n_text_state, 1, shape.text_positions)
    audio = (dims.n_text_layer, dims.n_text_state, 1, shape.audio_positions)
    return [mb.StateTensorSpec(size, dtype=layers.mil_dtype) for size in (text, text, audio, audio)]


def _layer(stacked: Var, layer: int) -> Var:
    _, width, _, length = stacked.shape
    return mb.slice_by_index(x=stacked, begin=[layer, 0, 0, 0], end=[layer + 1, width, 1, length])


def decoder_function(layers: Layers, shape: DecoderShape) -> Program:
    """``width`` ids -> logits of one id and alignment attention; the caches stay inside."""
    width, text = shape.width, shape.text_positions
    half, spec = layers.mil_dtype, mb.TensorSpec
    specs = [
        spec((width,), dtype=types.int32),
        spec((1,), dtype=types.int32),
        spec((width, text), dtype=half),
        spec((width, text), dtype=half),
        spec((1, shape.audio_positions), dtype=half),
        spec((1, width), dtype=half),
        *_state_specs(layers, shape),
    ]

    @mb.program(input_specs=specs, opset_version=layers.target.opset)  # type: ignore[untyped-decorator]
    def program(  # noqa: PLR0913, PLR0917 - the inputs and states of the graph, by name
        input_ids: Var,
        cache_length: Var,
        kv_cache_update_mask: Var,
        decoder_key_padding_mask: Var,
        encoder_key_padding_mask: Var,
        output_mask: Var,
        key_cache: Var,
        value_cache: Var,
        cross_key_cache: Var,
        cross_value_cache: Var,
    ) -> tuple[Var, ...]:
        old_keys, old_values = mb.read_state(input=key_cache), mb.read_state(input=value_cache)
        cross_keys = mb.read_state(input=cross_key_cache)
        cross_values = mb.read_state(input=cross_value_cache)
        insert = Inserter(layers, kv_cache_update_mask)
        keys: list[Var] = []
        values: list[Var] = []

        def merge(layer: int, new_keys: Var, new_values: Var) -> tuple[Var, Var]:
            keys.append(insert(_layer(old_keys, layer), new_keys))
            values.append(insert(_layer(old_values, layer), new_values))
            return keys[-1], values[-1]

        caches = Caches(
            merge=merge,
            cross=lambda layer: (_layer(cross_keys, layer), _layer(cross_values, layer)),
            mask=mb.reshape(x=decoder_key_padding_mask, shape=[1, 1, width, text]),
            cross_mask=mb.reshape(
                x=encoder_key_padding_mask, shape=[1, 1, 1, shape.audio_positions]
            ),
        )
        hidden, attention = decoder_body(layers, shape, (input_ids, cache_length), caches)
        _store(key_cache, keys)
        _store(value_cache, values)
        return (logits_of(layers, hidden, output_mask), *alignment_rows(attention, shape))

    return program


def _store(state: Var, layers: list[Var]) -> None:
    stacked = mb.concat(values=layers, axis=0) if len(layers) > 1 else layers[0]
    mb.coreml_update_state(state=state, value=stacked)


def cross_function(layers: Layers, shape: DecoderShape, positions: int) -> Program:
    """Encoder output (1, d, 1, positions) -> the cross states; clears the text states.

    Clearing is not needed for the masks' sake. It makes all functions declare the same states,
    which is what lets them share one.
    """
    dims = shape.dims
    extra = shape.audio_positions - positions
    specs = [
        mb.TensorSpec((1, dims.n_audio_state, 1, positions), dtype=layers.mil_dtype),
        *_state_specs(layers, shape),
    ]

    @mb.program(input_specs=specs, opset_version=layers.target.opset)  # type: ignore[untyped-decorator]
    def program(
        encoder_output_embeds: Var,
        key_cache: Var,
        value_cache: Var,
        cross_key_cache: Var,
        cross_value_cache: Var,
    ) -> Var:
        zero = layers.np_dtype(0)
        keys, values = project_cross(layers, encoder_output_embeds, dims)
        for state, parts in ((cross_key_cache, keys), (cross_value_cache, values)):
            _store(state, [_pad(layers, part, extra) for part in parts])
        for state in (key_cache, value_cache):
            mb.coreml_update_state(state=state, value=mb.mul(x=mb.read_state(input=state), y=zero))
        return mb.reduce_max(
            x=encoder_output_embeds, axes=[1, 2, 3], keep_dims=False, name=names.PROJECTED
        )

    return program


def _pad(layers: Layers, x: Var, extra: int) -> Var:
    if not extra:
        return x
    zeros = np.zeros((1, x.shape[1], 1, extra), layers.np_dtype)
    return mb.concat(values=[x, zeros], axis=3)
