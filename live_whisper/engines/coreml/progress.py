"""Progress of long work, as a plain callback."""

from collections.abc import Callable
from typing import TypeAlias

ProgressCallback: TypeAlias = Callable[[str, float], None]
"""What is being done now, in words, and the share of the whole done before it, 0 to 1."""


def silent(message: str, fraction: float) -> None:
    """Ignore progress."""
