"""Products, convolutions, normalization and attention's softmax."""

import numpy as np

from tests.engines.coreml.mil import numeric
from tests.engines.coreml.mil.table import op


@op("conv")
def conv(  # noqa: PLR0917 - the names are those of the op
    x, weight, bias=None, strides=(1, 1), pad_type="valid", pad=None, dilations=(1, 1), groups=1
):
    """Height is 1 everywhere in these graphs; the width is unrolled into one product."""
    assert int(groups) == 1
    assert tuple(dilations) == (1, 1)
    batch, channels, height, _ = x.shape
    outputs, inputs, kernel_height, kernel = weight.shape
    assert (batch, height, kernel_height) == (1, 1, 1)
    assert inputs == channels
    before, after = (int(pad[2]), int(pad[3])) if str(pad_type) == "custom" else (0, 0)
    assert str(pad_type) in {"custom", "valid"}
    line = np.pad(x[0, :, 0], ((0, 0), (before, after))) if before or after else x[0, :, 0]
    step = int(strides[1])
    length = (line.shape[1] - kernel) // step + 1
    if kernel == 1 and step == 1:
        columns = line
    else:
        taps = [line[:, i : i + (length - 1) * step + 1 : step] for i in range(kernel)]
        columns = np.stack(taps, axis=1).reshape(channels * kernel, length)
    result = weight.reshape(outputs, channels * kernel) @ columns
    if bias is not None:
        result += bias[:, None]
    return result[None, :, None, :]


@op("linear")
def linear(x, weight, bias=None):
    result = x @ weight.T
    return result if bias is None else result + bias


@op("matmul")
def matmul(x, y, transpose_x=False, transpose_y=False):
    x = np.swapaxes(x, -1, -2) if transpose_x else x
    y = np.swapaxes(y, -1, -2) if transpose_y else y
    return np.matmul(x, y)


@op("einsum")
def einsum(values, equation):
    first, second = values
    if str(equation) == "nchw,nwhu->nchu" and first.shape[0] == first.shape[2] == 1:
        return (first[0, :, 0] @ second[0, :, 0])[None, :, None]
    return np.einsum(str(equation), *values)


@op("softmax")
def softmax(x, axis=-1):
    return numeric.softmax(x, int(axis))


@op("batch_norm")
def batch_norm(x, mean, variance, gamma=None, beta=None, epsilon=1e-5):
    shape = (1, -1) + (1,) * (x.ndim - 2)
    y = (x - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + np.float32(epsilon))
    if gamma is not None:
        y = y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)
