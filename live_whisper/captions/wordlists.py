"""Words that say where a line or cue reads best when broken.

The lists join several languages; a word of one is no such word in another often enough to matter,
because they only choose among places where a break must come soon anyway.
"""

import regex


def _listed(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_ABBREVIATIONS = _listed(
    "mr mrs ms dr prof sr jr st vs etc fig vol approx dept est e.g i.e cf z.b d.h bzw ca m mme"
)
_CONJUNCTIONS = _listed(
    "and but or nor so because since although though while when where which who whom whose that if",
    "unless until before after than whereas however therefore as",
    "und aber oder weil dass wenn während obwohl sondern denn",
    "et mais ou parce quand lorsque qui dont comme donc",
    "y pero porque aunque cuando mientras pues",
    "e ma perché mentre quando mas então",
    "и но или потому что когда если",
    "그리고 그러나 하지만 그런데 그래서 그러면 그러니까 또는 또한 왜냐하면 즉",
)
# Korean connective endings (연결어미) at the end of an eojeol. Two syllables or unambiguous ones
# only: a lone -고 or -면 also ends nouns, so those need a stem before them.
_CONNECTIVE = regex.compile(
    r"(?:(?:[\p{Hangul}]{1,}(?:지만|는데|은데|니까|면서|려고|도록|거나|다가|므로|자마자|더니|아서"
    r"|어서|여서|해서|라서|는지|든지|듯이|고서|으며|으면|인데|던데|텐데))"
    r"|(?:[\p{Hangul}]{2,}(?:고|며|면))|때문에)$"
)

# Words that lean on the next one; below, Korean bound nouns and auxiliaries that lean on the last.
_LEANS_RIGHT = _listed(
    "a an the of to in on at by for with from my your his her its our their this no not is are was",
    "der die das ein eine den dem im zu le la les un une de du des el los las del il lo gli",
)
_LEANS_LEFT = regex.compile(
    r"(?:것|거|수|줄|적|바|때|뿐|채|만큼|대로|듯|있|없|같|싶|않|못)\p{Hangul}{0,4}[.!?,]*"
)


def is_abbreviation(word: str) -> bool:
    """Whether a lower-case word without its full stop is usually written with one."""
    return word in _ABBREVIATIONS


def starts_clause(word: str) -> bool:
    """Whether a word is a conjunction: a clause begins before it."""
    return word.strip(" ,.").lower() in _CONJUNCTIONS


def ends_clause(word: str) -> bool:
    """Whether a Korean eojeol has a connective ending: a clause ends after it."""
    return _CONNECTIVE.search(word.rstrip()) is not None


def belong_together(left: str, right: str) -> bool:
    """Whether the two words are better not parted: an article and its noun, 할 and 것."""
    return left.strip().lower() in _LEANS_RIGHT or bool(_LEANS_LEFT.fullmatch(right.strip()))
