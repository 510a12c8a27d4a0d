"""Where in the audio each token was spoken: dynamic time warping over cross-attention.

The method is that of openai/whisper ``timing.py``: weights of the alignment heads, normalised over
the tokens, smoothed over time, averaged over the heads; then the cheapest monotone path.
"""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from live_whisper.decoding.types import AttentionRows

Cost: TypeAlias = npt.NDArray[np.float64]
Weights: TypeAlias = npt.NDArray[np.float32]
Path: TypeAlias = npt.NDArray[np.intp]

MEDIAN_WIDTH = 7  # positions, as in the reference
_NETWORK = (
    *((0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6)),
    *((2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4)),
)  # exchanges after which the middle of seven is the median
_TIE = 1e-9  # differences below this are rounding: the path is chosen as between equals


def alignment_matrix(attention: AttentionRows, first: int, last: int) -> Cost:
    """How well token and position fit, shape (rows, last - first), float64.

    Args:
        attention: shape (rows, n_heads, positions), softmax weights.
        first: first position of real audio.
        last: position after the last of real audio.
    """
    weights = attention[:, :, first:last]
    weights = weights / np.maximum(weights.sum(axis=2, keepdims=True), 1e-12)
    weights -= weights.mean(axis=0, keepdims=True)
    deviation = np.sqrt(np.square(weights).mean(axis=0, keepdims=True))
    weights /= np.where(deviation > 1e-12, deviation, np.inf).astype(np.float32)
    matrix = np.empty((weights.shape[0], weights.shape[2]))
    for row, heads in enumerate(weights):  # row by row: the work stays in the processor's cache
        matrix[row] = median_of_seven(heads).mean(axis=0)
    return matrix


def median_of_seven(values: Weights) -> Weights:
    """Running median of seven over the last axis, mirrored at the ends.

    An axis too short to be mirrored is returned as it is, as in the reference. The exchanges are
    those of a selection network (Devillard, "Fast median search"): vector minima and maxima are
    many times faster than sorting seven numbers a million times.
    """
    half = MEDIAN_WIDTH // 2
    length = values.shape[-1]
    if length <= half:
        return values
    padding = [(0, 0)] * (values.ndim - 1) + [(half, half)]
    padded = np.pad(values, padding, mode="reflect")
    taps = [padded[..., shift : shift + length] for shift in range(MEDIAN_WIDTH)]
    for low, high in _NETWORK:
        smaller = np.minimum(taps[low], taps[high])
        taps[high] = np.maximum(taps[low], taps[high])
        taps[low] = smaller
    return taps[half]


def token_times(matrix: Cost) -> npt.NDArray[np.intp]:
    """The column at which each row begins on the best path, shape (rows,), never decreasing."""
    rows, columns = dtw(-matrix)
    begins = np.searchsorted(rows, np.arange(matrix.shape[0]), side="left")
    return np.asarray(columns[begins])


def dtw(cost: Cost) -> tuple[Path, Path]:
    """The cheapest monotone path from the first to the last cell: row and column indices.

    A step goes down, right or both; between equals right, then both.
    """
    return _backtrace(_accumulate(cost))


def _accumulate(cost: Cost) -> Cost:
    """Cheapest path cost to each cell, shape (rows + 1, columns + 1) with an infinite border.

    Within a row ``d[j] = cost[j] + min(above[j], d[j-1])`` where ``above`` is the better of the two
    cells of the row before. With prefix sums ``s`` that is ``s[j] + min over k <= j of
    (above[k] - s[k-1])``: a running minimum, so a row is a few vector operations.
    """
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    sums = np.zeros(columns + 1)
    for row in range(rows):
        np.cumsum(cost[row], out=sums[1:])
        above = np.minimum(total[row, :-1], total[row, 1:])
        np.minimum.accumulate(above - sums[:-1], out=above)
        np.add(above, sums[1:], out=total[row + 1, 1:])
    return total


def _backtrace(total: Cost) -> tuple[Path, Path]:
    row, column = total.shape[0] - 1, total.shape[1] - 1
    lines = [line.tolist() for line in total]
    path = []
    while row > 0 or column > 0:
        path.append((row - 1, column - 1))
        right = lines[row][column - 1] if column else math.inf
        both = lines[row - 1][column - 1] if row and column else math.inf
        down = lines[row - 1][column] if row else math.inf
        best = min(right, both, down) + _TIE
        if right <= best:
            column -= 1
        elif both <= best:
            row, column = row - 1, column - 1
        else:
            row -= 1
    found = np.asarray(path[::-1], dtype=np.intp)
    return found[:, 0], found[:, 1]
