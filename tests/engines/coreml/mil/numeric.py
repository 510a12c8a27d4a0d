"""Numbers the way an ML Program stores them.

Values of float16 variables are kept as float32 arrays that hold float16 numbers: every op computes
in float32 and its result is rounded once, so nothing is converted back and forth between ops.
"""

import numpy as np

FLOAT16_MAX = 65504.0


def round_to_half(x):
    """The nearest float16 numbers, as float32; beyond the range infinity, as on the device."""
    with np.errstate(over="ignore"):
        return np.asarray(x, np.float32).astype(np.float16).astype(np.float32)


def erf(x):
    """Error function of float32 to 1.5e-7 (Abramowitz and Stegun, 7.1.26), vectorised."""
    size = np.abs(x)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * size)
    poly = np.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        poly = poly * t + np.float32(factor)
    with np.errstate(under="ignore"):
        tail = poly * t * np.exp(-size * size)
    return np.copysign(np.float32(1) - tail, x)


def softmax(x, axis):
    """Softmax with the maximum taken out first."""
    with np.errstate(under="ignore"):
        e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)
