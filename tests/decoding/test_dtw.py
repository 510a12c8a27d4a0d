"""Dynamic time warping against a plain implementation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.decoding.dtw import alignment_matrix, dtw, median_of_seven, token_times


def plain_cost(cost):
    """Cheapest path cost, by the textbook recursion."""
    rows, columns = cost.shape
    total = np.full((rows, columns), np.inf)
    for i in range(rows):
        for j in range(columns):
            before = [0.0] if i == j == 0 else []
            before += [total[i - 1, j - 1]] if i and j else []
            before += [total[i - 1, j]] if i else []
            before += [total[i, j - 1]] if j else []
            total[i, j] = cost[i, j] + min(before)
    return total[-1, -1]


@given(
    st.integers(1, 12), st.integers(1, 30), st.integers(0, 2**32 - 1), st.sampled_from([0, 3, None])
)
@settings(deadline=None, max_examples=150)
def test_the_path_is_monotone_and_cheapest(rows, columns, seed, levels):
    random = np.random.default_rng(seed)
    cost = random.normal(size=(rows, columns))
    if levels is not None:
        cost = random.integers(0, levels + 1, (rows, columns)).astype(float)  # many ties
    down, right = dtw(cost)
    assert (down[0], right[0]) == (0, 0)
    assert (down[-1], right[-1]) == (rows - 1, columns - 1)
    steps = set(zip(np.diff(down).tolist(), np.diff(right).tolist(), strict=True))
    assert steps <= {(0, 1), (1, 0), (1, 1)}
    assert cost[down, right].sum() == pytest.approx(plain_cost(cost), abs=1e-6)


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_median_of_seven(length, seed):
    values = np.random.default_rng(seed).normal(size=(3, length)).astype(np.float32)
    got = median_of_seven(values)
    if length <= 3:
        np.testing.assert_array_equal(got, values)
        return
    padded = np.pad(values, ((0, 0), (3, 3)), mode="reflect")
    expected = [np.median(padded[:, at : at + 7], axis=1) for at in range(length)]
    np.testing.assert_array_equal(got, np.stack(expected, axis=1))


def test_tokens_begin_where_their_attention_does():
    attention = np.full((4, 2, 200), 1e-4, np.float32)
    for row, (first, last) in enumerate([(0, 40), (40, 90), (90, 150), (150, 200)]):
        attention[row, :, first:last] = 1.0
    times = token_times(alignment_matrix(attention, 0, 200))
    np.testing.assert_allclose(times, [0, 40, 90, 150], atol=3)


def test_equal_rows_and_empty_rows_do_no_harm():
    flat = np.ones((3, 1, 20), np.float32)
    assert np.isfinite(alignment_matrix(flat, 0, 20)).all()
    assert np.isfinite(alignment_matrix(np.zeros((3, 1, 20), np.float32), 5, 9)).all()
    assert token_times(alignment_matrix(flat, 0, 2)).shape == (3,)
