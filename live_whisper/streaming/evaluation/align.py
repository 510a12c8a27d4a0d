"""Edit distance between what was said and what was written, kept to words of the same time.

Levenshtein's recurrence over a band: a word can only be matched with one whose middle lies within
``REACH`` of its own. That makes hours cheap to compare, and a right word at a wrong time is an
error, as it is for whoever reads the captions. The distance is never below the unbounded one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from live_whisper.streaming.evaluation.units import Unit
from live_whisper.units import seconds_to_samples

REACH = seconds_to_samples(4.0)
_TIE = 1e-6 / seconds_to_samples(1.0)  # of equal distances the one nearest in time
_MATCH, _DELETE, _INSERT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which written word stands for which said one."""

    pairs: tuple[tuple[int | None, int | None], ...]
    """(index in the reference, index in the hypothesis) in order; ``None``: nothing there."""
    hits: tuple[tuple[int, int], ...]
    """The pairs whose texts are equal."""
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """The edit distance."""
        return self.substitutions + self.deletions + self.insertions


def align(
    reference: Sequence[Unit], hypothesis: Sequence[Unit], *, reach: int = REACH
) -> Alignment:
    """The cheapest way from one to the other. Both in order of time; ``reach`` in samples."""
    bands = _bands(reference, hypothesis, reach)
    moves = _table(reference, hypothesis, bands, reach)
    pairs = _path(moves, bands, len(reference), len(hypothesis))
    hits = tuple(
        (i, j)
        for i, j in pairs
        if i is not None and j is not None and reference[i].text == hypothesis[j].text
    )
    both = sum(i is not None and j is not None for i, j in pairs)
    return Alignment(
        pairs=tuple(pairs),
        hits=hits,
        substitutions=both - len(hits),
        deletions=sum(j is None for _, j in pairs),
        insertions=sum(i is None for i, _ in pairs),
    )


def _bands(
    reference: Sequence[Unit], hypothesis: Sequence[Unit], reach: int
) -> list[tuple[int, int]]:
    """For each number of words said, the numbers of words written that may belong to them."""
    middles: list[int] = []
    for unit in hypothesis:  # times of decoded words never run backwards; their middles may
        middles.append(max(unit.middle, middles[-1] if middles else 0))
    said: list[int] = []
    for unit in reference:
        said.append(max(unit.middle, said[-1] if said else 0))
    bands = [(0, bisect_right(middles, said[0] + reach) if said else len(middles))]
    for middle in said:
        before = bands[-1][1]
        low = min(bisect_left(middles, middle - reach), before)
        bands.append((low, max(bisect_right(middles, middle + reach), before)))
    bands[-1] = (bands[-1][0], len(middles))
    return bands


def _table(
    reference: Sequence[Unit],
    hypothesis: Sequence[Unit],
    bands: Sequence[tuple[int, int]],
    reach: int,
) -> list[bytearray]:
    """The best last move of every cell of the band."""
    infinite = float("inf")
    moves = [bytearray([_INSERT]) * (bands[0][1] + 1)]
    previous = [float(j) for j in range(bands[0][1] + 1)]
    for i, unit in enumerate(reference, start=1):
        (before, _), (low, high) = bands[i - 1], bands[i]
        row, move = [infinite] * (high - low + 1), bytearray(high - low + 1)
        for j in range(low, high + 1):
            best, best_move = infinite, _DELETE
            if 0 <= j - before < len(previous):
                best = previous[j - before] + 1
            if j and 0 <= j - 1 - before < len(previous):
                other = hypothesis[j - 1]
                apart = abs(unit.middle - other.middle)
                cost = previous[j - 1 - before] + (unit.text != other.text) + apart * _TIE
                if cost < best and apart <= reach:
                    best, best_move = cost, _MATCH
            if j > low and row[j - 1 - low] + 1 < best:
                best, best_move = row[j - 1 - low] + 1, _INSERT
            row[j - low], move[j - low] = best, best_move
        moves.append(move)
        previous = row
    return moves


def _path(
    moves: Sequence[bytearray], bands: Sequence[tuple[int, int]], i: int, j: int
) -> list[tuple[int | None, int | None]]:
    pairs: list[tuple[int | None, int | None]] = []
    while i or j:
        move = moves[i][j - bands[i][0]] if i else _INSERT
        if move == _MATCH:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif move == _DELETE:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    pairs.reverse()
    return pairs
