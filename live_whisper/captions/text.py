"""Cleaning, measuring and wrapping caption text.

Widths are columns of a terminal or subtitle grid: a Hangul syllable, a Han character or an emoji
takes two, a combining mark none (Unicode East Asian Width through ``wcwidth``; grapheme clusters
of UAX #29 through ``regex``). Pure functions; any thread.
"""

import functools
import unicodedata
from collections.abc import Sequence

import regex
import wcwidth

from live_whisper.captions.wordlists import belong_together, ends_clause, starts_clause

LINE_COLUMNS = 42
"""Columns of one caption line (21 Hangul syllables)."""
MAX_LINES = 2
"""Lines of one cue."""
LATIN_CHARACTERS_PER_SECOND = 17.0
"""Comfortable reading speed for narrow characters, spaces included."""
WIDE_CHARACTERS_PER_SECOND = 12.0
"""Comfortable reading speed for double-width characters (Hangul, Han, kana)."""

_MAX_MARKS = 8  # combining marks kept per base; real scripts stay well below
_ESCAPES = regex.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS …
    r"|\x1b[ -/]*[0-~]?"
)
_SPACES = regex.compile(r"[\s\u2028\u2029\x85]+")
_EXCESS_MARKS = regex.compile(rf"(\p{{M}}{{{_MAX_MARKS}}})\p{{M}}+")
_CLUSTER = regex.compile(r"\X")
# Format characters that spelling needs: joiners, direction marks, Arabic and Syriac signs.
_KEPT_FORMATS = frozenset(
    "\u200c\u200d\u200e\u200f\u061c\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"
)
_PLAIN = regex.compile(r"[ -~]*")


def sanitize(text: str) -> str:
    """Text from a model, file or device, safe to show on one line.

    Control characters and terminal escape sequences go, line breaks and runs of white space become
    one space, bidirectional embeddings, overrides and isolates and invisible format characters go
    (joiners and direction marks stay, spelling needs them), lone surrogates become U+FFFD, and
    stacks of combining marks are cut at eight. Leading and trailing space stays, as one space.
    """
    if _PLAIN.fullmatch(text):
        return text if "  " not in text else _SPACES.sub(" ", text)
    text = _ESCAPES.sub("", text)
    text = _SPACES.sub(" ", text)
    text = "".join(kept for char in text if (kept := _clean_character(char)))
    return str(_EXCESS_MARKS.sub(r"\1", _SPACES.sub(" ", text)))


def _clean_character(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cs":
        return "\ufffd"
    if category == "Cc" or (category == "Cf" and char not in _KEPT_FORMATS):
        return ""
    if category == "Cn" and (ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF):
        return ""  # noncharacters, which XML forbids
    return char


def graphemes(text: str) -> list[str]:
    """The user-perceived characters of a text (UAX #29 extended grapheme clusters)."""
    return list(text) if text.isascii() else [str(found) for found in _CLUSTER.findall(text)]


@functools.lru_cache(maxsize=4096)
def _cluster_width(cluster: str) -> int:
    width = int(wcwidth.wcswidth(cluster))
    return min(width, 2) if width >= 0 else 0


def display_width(text: str) -> int:
    """Columns that a sanitised text takes; unprintable characters count as none."""
    if text.isascii():
        return sum(" " <= char <= "~" for char in text)
    return sum(map(_cluster_width, graphemes(text)))


def reading_seconds(text: str) -> float:
    """Seconds a viewer needs for a text: 17 narrow or 12 wide characters per second."""
    seconds = 0.0
    for cluster in graphemes(text):
        width = _cluster_width(cluster)
        if width == 1:
            seconds += 1 / LATIN_CHARACTERS_PER_SECOND
        elif width == 2:
            seconds += 1 / WIDE_CHARACTERS_PER_SECOND
    return seconds


def truncate(text: str, columns: int) -> str:
    """The longest beginning of a text that fits into ``columns``, with ``…`` where cut."""
    if display_width(text) <= columns:
        return text
    kept: list[str] = []
    room = columns - 1
    for cluster in graphemes(text):
        room -= _cluster_width(cluster)
        if room < 0:
            break
        kept.append(cluster)
    return "".join(kept) + "…" if columns > 0 else ""


def keep_end(text: str, columns: int) -> str:
    """The longest end of a text that fits into ``columns``, with ``…`` where cut."""
    if display_width(text) <= columns:
        return text
    kept: list[str] = []
    room = columns - 1
    for cluster in reversed(graphemes(text)):
        room -= _cluster_width(cluster)
        if room < 0:
            break
        kept.append(cluster)
    return "…" + "".join(reversed(kept)) if columns > 0 else ""


# --- where a line may break -------------------------------------------------------------------

# Scripts written without spaces between words. Hangul is not one: Korean breaks at its spaces.
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
    r"\p{Javanese}々〆ー、。，．！？：；・…「」『』（）【】〈〉《》〔〕]"
)
# Not at a line's start: closing marks, small kana, iteration and length marks (JIS X 4051, 4.3).
_NOT_FIRST = frozenset(
    "、。，．・：；？！…‥）］｝〕〉》」』】〙〗〟’”｠»,.:;?!)]}%‰°℃％ーヽヾゝゞ々〻"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ～〜–‐゠"
    "ๆฯะาำๅຯະາຳໆ។៕ៗ၊။་།"
)
# Not at a line's end: opening marks, currency, leading vowels of Thai and Lao.
_NOT_LAST = frozenset("（［｛〔〈《「『【〘〖〝‘“｟«([{$£¥＄￥￡#＃เแโใไເແໂໃໄ")


def breaks_between(left: str, right: str) -> bool:
    """Whether a line may end between two adjacent pieces of text.

    At white space, and in scripts without spaces between any two clusters that line-breaking
    rules do not hold together (no closing mark at a line's start, no opening one at its end).
    """
    if not left or not right:
        return False
    if left[-1].isspace() or right[0].isspace():
        return True
    last, first = graphemes(left)[-1], graphemes(right)[0]
    if first[0] in _NOT_FIRST or last[0] in _NOT_LAST:
        return False
    return bool(_UNSPACED.match(last) or _UNSPACED.match(first))


def _break_offsets(clusters: Sequence[str]) -> list[int]:
    return [i for i in range(1, len(clusters)) if breaks_between(clusters[i - 1], clusters[i])]


def _width(clusters: Sequence[str]) -> int:
    return sum(map(_cluster_width, clusters))


def _strip(clusters: Sequence[str]) -> list[str]:
    first, last = 0, len(clusters)
    while first < last and clusters[first].isspace():
        first += 1
    while last > first and clusters[last - 1].isspace():
        last -= 1
    return list(clusters[first:last])


def wrap(text: str, columns: int = LINE_COLUMNS) -> tuple[str, ...]:
    """Fill lines of at most ``columns`` columns; a word that is longer is split, never overflows.

    Raises ``ValueError`` for fewer than two columns, which cannot hold a wide character.
    """
    if columns < 2:
        raise ValueError(f"a line of {columns} columns cannot hold a wide character")
    rest = _strip(graphemes(text))
    lines: list[str] = []
    while rest:
        cut = _line_end(rest, columns)
        lines.append("".join(_strip(rest[:cut])))
        rest = _strip(rest[cut:])
    return tuple(lines)


def _line_end(clusters: Sequence[str], columns: int) -> int:
    """How many clusters the first line takes."""
    used, hard, soft = 0, 0, 0
    for index, cluster in enumerate(clusters):
        if index and breaks_between(clusters[index - 1], cluster):
            soft = index
        used += 0 if cluster.isspace() and used == columns else _cluster_width(cluster)
        if used > columns:
            return soft or max(hard, 1)
        hard = index + 1
    return len(clusters)


_SENTENCE_MARKS = ".!?…。！？"
_CLAUSE_MARKS = ",;:、，；：，·–—"


def balance(text: str, columns: int = LINE_COLUMNS) -> tuple[str, ...]:
    """Wrap into as few lines as ``wrap`` needs; two lines are split where it reads best.

    Best is even lengths, a break after punctuation or before a conjunction, no article apart from
    its noun, and the second line the longer one.
    """
    lines = wrap(text, columns)
    if len(lines) != 2:
        return lines
    clusters = _strip(graphemes(text))
    best: tuple[float, tuple[str, str]] | None = None
    for offset in _break_offsets(clusters):
        top, bottom = _strip(clusters[:offset]), _strip(clusters[offset:])
        if not top or not bottom or max(_width(top), _width(bottom)) > columns:
            continue
        halves = "".join(top), "".join(bottom)
        cost = _split_cost(*halves)
        if best is None or cost < best[0]:
            best = cost, halves
    return lines if best is None else best[1]


def _split_cost(top: str, bottom: str) -> float:
    """How badly two lines read; in columns of difference between them."""
    widths = display_width(top), display_width(bottom)
    cost = abs(widths[0] - widths[1]) + (3.0 if widths[0] > widths[1] else 0.0)
    last, first = top.rpartition(" ")[2], bottom.partition(" ")[0]
    if top[-1] in _SENTENCE_MARKS:
        return cost - 16
    if top[-1] in _CLAUSE_MARKS:
        return cost - 10
    if ends_clause(last) or starts_clause(first):
        return cost - 8
    return cost + (8 if belong_together(last, first) else 0)
