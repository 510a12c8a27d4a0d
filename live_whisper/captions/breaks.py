"""Where a cue may end between two words, and how good a place it is.

The order of preference is that of professional subtitling: end of a sentence, a pause, clause
punctuation, before a conjunction or after a Korean connective ending, and only then anywhere.
The word lists join several languages; a word of one is no conjunction in another often enough to
matter, because they only choose among places where a cue must end soon anyway.
"""

import regex

from live_whisper import units
from live_whisper.captions.text import breaks_between
from live_whisper.types.text import Word

PAUSE_SAMPLES = units.ms_to_samples(300)
"""Silence between two words that counts as a pause."""

_SENTENCE_END = regex.compile(r"[.!?…。！？｡؟۔।॥]+[\"'”’»)\]」』）]*$")
_CLAUSE_END = regex.compile(r"[,;:，、；：،؛–—-][\"'”’»)\]」』）]*$")


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
    r"|어서|여서|해서|라서|때문에|는지|든지|듯이|고서|으며|으면|인데|던데|텐데))|(?:[\p{Hangul}]{2,}(?:고|며|면)))$"
)

# Words that lean on the next one; below, Korean bound nouns and auxiliaries that lean on the last.
_LEANS_RIGHT = _listed(
    "a an the of to in on at by for with from my your his her its our their this no not is are was",
    "der die das ein eine den dem im zu le la les un une de du des el los las del il lo gli",
)
_LEANS_LEFT = regex.compile(
    r"(?:것|거|수|줄|적|바|때|뿐|채|만큼|대로|듯|있|없|같|싶|않|못)\p{Hangul}{0,4}[.!?,]*"
)

SENTENCE, PAUSE, CLAUSE, CONJUNCTION, ANYWHERE, POOR, NOWHERE = 6, 5, 4, 3, 2, 1, 0


def is_boundary(left: Word, right: Word) -> bool:
    """Whether a cue may end between two words: at a space, or where the script allows it."""
    return breaks_between(left.text, right.text)


def ends_sentence(word: Word, following: Word | None = None) -> bool:
    """Whether a word closes a sentence; abbreviations, initials and ``3.`` before ``5`` do not."""
    text = word.text.rstrip()
    match = _SENTENCE_END.search(text)
    if match is None:
        return False
    if not match.group().startswith(".") or match.group().startswith(".."):
        return True
    stem = text[: match.start()].strip().lower().lstrip("([\"'“‘")
    if stem in _ABBREVIATIONS or (len(stem) == 1 and stem.isalpha() and stem.isascii()):
        return False
    first = following.text.lstrip()[:1] if following else ""
    return not first.islower()


def strength(left: Word, right: Word) -> int:
    """How good a place for a cue to end lies between two words: ``NOWHERE`` to ``SENTENCE``."""
    if not is_boundary(left, right):
        return NOWHERE
    if ends_sentence(left, right):
        return SENTENCE
    return _inside_sentence(left, right)


def _inside_sentence(left: Word, right: Word) -> int:
    if right.start - left.end >= PAUSE_SAMPLES:
        return PAUSE
    text = left.text.rstrip()
    if _CLAUSE_END.search(text):
        return CLAUSE
    if _CONNECTIVE.search(text) or right.text.strip(" ,.").lower() in _CONJUNCTIONS:
        return CONJUNCTION
    if text.strip().lower() in _LEANS_RIGHT or _LEANS_LEFT.fullmatch(right.text.strip()):
        return POOR
    return ANYWHERE
