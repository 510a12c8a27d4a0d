"""Korean particles (josa) chosen by the final sound of the word they follow."""

from __future__ import annotations

_HANGUL_FIRST = 0xAC00
_HANGUL_LAST = 0xD7A3
_FINALS = 28
_RIEUL = 8
"""Index of the final consonant ㄹ, after which `으로` becomes `로`."""

PARTICLES = {
    "이": ("이", "가"),
    "은": ("은", "는"),
    "을": ("을", "를"),
    "과": ("과", "와"),
    "으로": ("으로", "로"),
    "이나": ("이나", "나"),
    "입니다": ("입니다", "입니다"),
}
"""Name of the particle in templates -> (after a consonant, after a vowel)."""


def final_consonant(word: str) -> int:
    """Index (0 for none, up to 27) of the final consonant of the last Hangul syllable."""
    code = ord(word[-1])
    if not _HANGUL_FIRST <= code <= _HANGUL_LAST:
        raise ValueError(f"not a Hangul syllable at the end of {word!r}")
    return (code - _HANGUL_FIRST) % _FINALS


def with_particle(word: str, particle: str) -> str:
    """`word` followed by the form of `particle` that fits it."""
    after_consonant, after_vowel = PARTICLES[particle]
    final = final_consonant(word)
    if particle == "으로" and final == _RIEUL:
        return word + after_vowel
    return word + (after_consonant if final else after_vowel)
