"""The table of ops an interpreter knows; the ``ops_*`` modules fill it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Op:
    """One op type."""

    compute: Callable
    """Keyword arguments as the MIL op names them -> an array, or a list where it has outputs."""
    moves_only: bool
    """The numbers are those of the input, so they need no rounding."""


TABLE: dict[str, Op] = {}


def op(name, *, moves_only=False):
    """Enter a function into the table."""

    def enter(compute):
        assert name not in TABLE, name
        TABLE[name] = Op(compute, moves_only)
        return compute

    return enter
