"""Attention, split per head for long queries and batched over heads for short ones."""

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813

from live_whisper.engines.coreml.graphs.layers import Var

LONGEST_TILE = 512  # queries


def tile_length(queries: int) -> int:
    """Largest divisor of ``queries`` that is at most 512: all tiles have the same size.

    1500 gives three tiles of 500. A ragged last tile is what makes the Neural Engine's compiler
    work again at every load.
    """
    return next(size for size in range(min(queries, LONGEST_TILE), 0, -1) if queries % size == 0)


def split_heads_attention(q: Var, k: Var, v: Var, *, heads: int) -> Var:
    """Self-attention of the encoder: (1, d, 1, S) each -> (1, d, 1, S), ``q`` already scaled.

    One head and one tile of queries at a time keeps every intermediate small enough for the Neural
    Engine's own memory; the softmax runs over the channel axis, where the keys are.
    """
    _, width, _, length = q.shape
    head, tile = width // heads, tile_length(length)
    keys = mb.transpose(x=k, perm=[0, 3, 2, 1])  # (1, S, 1, d)
    outputs = []
    for index in range(heads):
        first, last = index * head, (index + 1) * head
        key = mb.slice_by_index(x=keys, begin=[0, 0, 0, first], end=[1, length, 1, last])
        value = mb.slice_by_index(x=v, begin=[0, first, 0, 0], end=[1, last, 1, length])
        tiles = []
        for start in range(0, length, tile):
            query = mb.slice_by_index(
                x=q, begin=[0, first, 0, start], end=[1, last, 1, start + tile]
            )
            scores = mb.einsum(values=(key, query), equation="nchw,nwhu->nchu")
            weights = mb.softmax(x=scores, axis=1)
            tiles.append(mb.einsum(values=(value, weights), equation="nchw,nwhu->nchu"))
        outputs.append(mb.concat(values=tiles, axis=3) if len(tiles) > 1 else tiles[0])
    return mb.concat(values=outputs, axis=1) if heads > 1 else outputs[0]


def batched_attention(q: Var, k: Var, v: Var, *, heads: int, mask: Var | None) -> tuple[Var, Var]:
    """Attention of the decoder: few queries, so all heads go in one product.

    ``q`` (1, d, 1, Q) already scaled, ``k`` and ``v`` (1, d, 1, S), ``mask`` (1, 1, Q, S) or
    ``None``. Gives the output (1, d, 1, Q) and the weights after softmax (1, heads, Q, S). Keys
    need no transposition, and a step of a large decoder stays below a thousand operations.
    """
    _, width, _, queries = q.shape
    length, head = k.shape[3], width // heads
    query = mb.reshape(x=q, shape=[1, heads, head, queries])
    key = mb.reshape(x=k, shape=[1, heads, head, length])
    value = mb.reshape(x=v, shape=[1, heads, head, length])
    scores = mb.matmul(x=query, y=key, transpose_x=True, transpose_y=False)
    if mask is not None:
        scores = mb.add(x=scores, y=mask)
    weights = mb.softmax(x=scores, axis=-1)
    mixed = mb.matmul(x=value, y=weights, transpose_x=False, transpose_y=True)
    return mb.reshape(x=mixed, shape=[1, width, 1, queries]), weights


def head_scale(width: int, heads: int) -> float:
    """What queries are multiplied by: 1 / sqrt(width of a head). Folded into the projection."""
    return float(1 / np.sqrt(width // heads))
