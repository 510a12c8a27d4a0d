"""Ops that move numbers and compute none."""

import numpy as np

from tests.engines.coreml.mil.table import op


@op("reshape", moves_only=True)
def reshape(x, shape):
    return np.reshape(x, [x.shape[i] if s == 0 else int(s) for i, s in enumerate(shape)])


@op("transpose", moves_only=True)
def transpose(x, perm):
    return np.transpose(x, perm)


@op("expand_dims", moves_only=True)
def expand_dims(x, axes):
    return np.expand_dims(x, tuple(int(a) for a in axes))


@op("squeeze", moves_only=True)
def squeeze(x, axes=None):
    return np.squeeze(x, None if axes is None else tuple(int(a) for a in axes))


@op("identity", moves_only=True)
def identity(x):
    return x


@op("concat", moves_only=True)
def concat(values, axis, interleave=False):
    assert not interleave
    return np.concatenate([np.atleast_1d(v) for v in values], int(axis))


@op("split", moves_only=True)
def split(x, axis, num_splits=None, split_sizes=None):
    if split_sizes is not None:
        return np.split(x, np.cumsum(split_sizes)[:-1], int(axis))
    return np.split(x, int(num_splits), int(axis))


@op("slice_by_index", moves_only=True)
def slice_by_index(  # noqa: PLR0917 - the names are those of the op
    x, begin, end, stride=None, begin_mask=None, end_mask=None, squeeze_mask=None
):
    index = []
    for i in range(x.ndim):
        if squeeze_mask is not None and squeeze_mask[i]:
            index.append(int(begin[i]))
            continue
        first = None if begin_mask is not None and begin_mask[i] else int(begin[i])
        last = None if end_mask is not None and end_mask[i] else int(end[i])
        index.append(slice(first, last, None if stride is None else int(stride[i])))
    return x[tuple(index)]


@op("gather", moves_only=True)
def gather(x, indices, axis=0, batch_dims=0, validate_indices=False):
    assert not batch_dims
    indices = np.asarray(indices)
    assert indices.min() >= 0, "the Neural Engine reads anything for a negative index"
    assert indices.max() < x.shape[int(axis)], "index outside the table"
    return np.take(x, indices.astype(np.int64), int(axis))


@op("cast", moves_only=True)
def cast(x, dtype):
    names = {"fp16": np.float32, "fp32": np.float32}  # the rounding follows the output's type
    x = np.asarray(x)
    if str(dtype) in names:
        return x.astype(np.float32)
    if str(dtype) == "bool":
        return x.astype(bool)
    info = np.iinfo(str(dtype))
    assert info.min <= x.min() <= x.max() <= info.max, f"{x.max()} does not fit {dtype}"
    return x.astype(str(dtype))
