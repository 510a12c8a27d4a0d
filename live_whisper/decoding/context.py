"""How long a window a short-context checkpoint is given: as long as its audio needs."""

from typing import Final

FIT_MARGIN_POSITIONS: Final = 64
"""Silence after the audio that a short-context checkpoint needs to end its text (ACFT)."""
FIT_STEP_POSITIONS: Final = 50
"""Short contexts are whole seconds, so that an engine meets few different shapes."""


def fitted_positions(heard: int, full: int, contexts: tuple[int, ...] | None = None) -> int:
    """Encoder positions for ``heard`` positions of audio: margin added, rounded up, at most all.

    ``contexts``: the only lengths an engine takes, where it does not take any.
    """
    positions = heard + FIT_MARGIN_POSITIONS
    if contexts is None:
        contexts = (-(-positions // FIT_STEP_POSITIONS) * FIT_STEP_POSITIONS,)
    return min([full, *(context for context in contexts if context >= positions)])
