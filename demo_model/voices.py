"""The synthesiser's voices, divided into training and test by their variant."""

from __future__ import annotations

import random
from dataclasses import dataclass

from demo_model.grammar import Split

BASES: dict[str, tuple[str, ...]] = {
    "en": ("en-us", "en-us", "gmw/en", "gmw/en-GB-x-rp"),
    "ko": ("ko",),
}
"""Language -> base voices; one named twice is twice as frequent."""

_TRAIN_VARIANTS = """
- m1 m2 m3 m4 m6 m7 m8 f1 f2 f4 f5 adam Alex Andy anika antonio aunty belinda benjamin boris caleb
david Denis Diogo ed edward Gene Gene2 gustave Henrique Hugo iven iven2 iven3 Jacky john klatt
klatt2 klatt3 klatt5 Lee linda marcelo Marco Mario max michel miguel Mike Nguyen pablo paul pedro
quincy rob robert sandro shelby steph steph2 travis victor zac
"""
VARIANTS: dict[Split, tuple[str, ...]] = {
    "train": tuple(_TRAIN_VARIANTS.split()),
    "test": ("m5", "f3", "Annie", "Michael", "steph3", "klatt4", "iven4", "norbert", "edward2"),
}
"""Set -> variants (`-` is the plain voice); none is in both."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice and how it speaks."""

    name: str
    """Base voice and variant as the synthesiser takes them, e.g. `en-us+f3`."""
    rate_wpm: int = 160
    """Words per minute."""
    pitch: int = 50
    """0 to 100."""
    pitch_range: int = 50
    """0 (monotone) to 100."""


def sample(rng: random.Random, language: str, split: Split = "train") -> Voice:
    """A random voice of a language and set."""
    base = rng.choice(BASES[language])
    variant = rng.choice(VARIANTS[split])
    return Voice(
        name=base if variant == "-" else f"{base}+{variant}",
        rate_wpm=rng.randint(130, 195),
        pitch=rng.randint(35, 70),
        pitch_range=rng.randint(30, 70),
    )
