"""From committed words to cues: at most two lines of 42 columns, 1–7 s, append-only.

Verbatim captions cannot be slower than the speaker, so reading speed (17 narrow or 12 wide
characters per second) is met by letting a cue stand into the silence that follows, never by
delaying or dropping words.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from live_whisper import units
from live_whisper.captions import breaks
from live_whisper.captions.text import (
    LINE_COLUMNS,
    MAX_LINES,
    balance,
    display_width,
    graphemes,
    reading_seconds,
    sanitize,
    truncate,
    wrap,
)
from live_whisper.types.text import Word


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption; never changed once made."""

    index: int
    """Position in the stream of cues, from 1."""
    start: int
    """Absolute sample at which it appears."""
    end: int
    """Absolute sample at which it goes; at most the next cue's ``start``."""
    words: tuple[Word, ...]
    """The words as committed; one longer than a line comes as several pieces, one without
    anything visible in it does not come."""
    lines: tuple[str, ...]
    """One or more lines as shown: sanitised, wrapped, label included."""
    source: str = ""
    """Label of the input it was heard on, where there are several."""

    @property
    def text(self) -> str:
        """Label and words on one line, as they are written without line breaks."""
        return label_prefix(self.source) + sanitize(_join(self.words)).strip()


def label_prefix(source: str) -> str:
    """What stands before the text of one of several inputs: ``"[me] "``, at most 16 columns."""
    label = sanitize(source).strip()
    return f"[{truncate(label, 16)}] " if label else ""


@dataclass(frozen=True, slots=True)
class CueLimits:
    """What a cue must keep to. Lengths in samples, widths in columns."""

    columns: int = LINE_COLUMNS
    lines: int = MAX_LINES
    minimum: int = units.seconds_to_samples(1.0)
    """A cue stands at least this long unless the next words begin sooner."""
    maximum: int = units.seconds_to_samples(7.0)
    gap: int = units.ms_to_samples(80)
    """Pause between cues that would touch: two frames at 25 per second, so a change is seen."""
    pause: int = units.ms_to_samples(500)
    """A silence that ends a cue by itself."""
    late_minimum: int = units.ms_to_samples(300)
    """Shortest cue where words come faster than they can be shown; keeps delays from growing."""
    idle: int = units.ms_to_samples(1500)
    """``poll`` closes a cue whose last word is this old."""

    def __post_init__(self) -> None:
        if self.columns < 24 or self.lines < 1:
            raise ValueError(f"no room for captions in {self.lines} lines of {self.columns}")


class CueBuilder:
    """Turns words into cues as they are committed. One thread; holds at most one open cue.

    What it yields depends only on the words and on where segments close, not on how the words
    are batched, so a journal replayed gives the same cues as the live run.
    """

    def __init__(self, limits: CueLimits | None = None) -> None:
        self._limits = limits or CueLimits()
        self._index = 1
        self._label = ""
        self._source = ""
        self._pending: list[Word] = []
        self._last_end: int | None = None
        self._owes_space = False

    @property
    def pending(self) -> tuple[Word, ...]:
        """Committed words that no cue has taken yet: less than two lines of text."""
        return tuple(self._pending)

    @property
    def next_index(self) -> int:
        """The number the next cue will have."""
        return self._index

    @property
    def source(self) -> str:
        """Label of the input that the pending words were heard on."""
        return self._source

    def push(self, words: Iterable[Word], *, source: str = "") -> list[Cue]:
        """Take committed words in order; returns the cues they finish.

        Words of another ``source`` than before close the open cue: a cue has one speaker's input.
        """
        changed: list[Cue] = []
        incoming = tuple(words)
        if incoming and source != self._source:
            changed = self.segment_closed(incoming[0].start - self._limits.gap, source=self._source)
            self._source, self._label = source, label_prefix(source)
        return changed + [
            cue
            for word in map(self._spaced, incoming)
            if _visible(word)
            for piece in _pieces(word, self._room)
            for cue in self._add(piece)
        ]

    def segment_closed(self, sample: int, *, source: str = "") -> list[Cue]:
        """All words before ``sample`` have come: closes the open cue, which may stand until there.

        Nothing happens where the open cue is another ``source``'s.
        """
        if not self._pending or source != self._source:
            return []
        start = self._start_of(self._pending[0])
        late = start - self._pending[0].start >= self._limits.pause
        floor = self._limits.late_minimum if late else self._limits.minimum
        return [self._emit(len(self._pending), max(sample, start + floor))]

    def poll(self, now_sample: int) -> list[Cue]:
        """Close a cue whose last word ended long before ``now_sample``.

        ``now_sample`` is the position before which everything has been decoded, not the position
        captured: behind a slow engine every open cue would look old.
        """
        if not self._pending or now_sample - self._pending[-1].end < self._limits.idle:
            return []
        return self.segment_closed(now_sample, source=self._source)

    def flush(self) -> list[Cue]:
        """The stream ended: closes the open cue."""
        if not self._pending:
            return []
        last = self._pending[-1].end
        return self.segment_closed(last + self._limits.maximum, source=self._source)

    # --- choosing where to break ---

    def _spaced(self, word: Word) -> Word:
        """The word, with the space that an invisible word before it stood for."""
        owed, self._owes_space = self._owes_space, False
        if not _visible(word):
            self._owes_space = owed or any(char.isspace() for char in word.text)
            return word
        return replace(word, text=" " + word.text) if owed and not word.text[0].isspace() else word

    def _add(self, word: Word) -> list[Cue]:
        cues: list[Cue] = []
        if self._pending and self._ends_before(word):
            cues.append(self._emit(len(self._pending), word.start - self._limits.gap))
        self._pending.append(word)
        while len(self._pending) > 1 and not self._holds(self._pending):
            count = self._best_break()
            cues.append(self._emit(count, self._pending[count].start - self._limits.gap))
        return cues

    def _ends_before(self, word: Word) -> bool:
        last = self._pending[-1]
        room = word.start - self._limits.gap - self._start_of(self._pending[0])
        if room < self._limits.minimum or not breaks.is_boundary(last, word):
            return False
        return word.start - last.end >= self._limits.pause or breaks.ends_sentence(last, word)

    def _best_break(self) -> int:
        """How many of the open words the next cue takes; the last word does not fit any more."""
        words = self._pending
        fitting = [n for n in range(1, len(words)) if n == 1 or self._holds(words[:n])]
        return max(fitting, key=lambda n: (self._worth(n), n))

    def _worth(self, count: int) -> float:
        left, right = self._pending[count - 1], self._pending[count]
        kind = breaks.strength(left, right)
        fullness = display_width(_join(self._pending[:count])) / (self._room * self._limits.lines)
        room = right.start - self._limits.gap - self._start_of(self._pending[0])
        brief = room < self._limits.minimum
        # A full cue is worth about two steps of preference: a comma right after the first word
        # is no place to break, one at two thirds is.
        return _WORTH[kind] + 2.0 * min(fullness, 0.75) - (3.0 if brief else 0.0)

    # --- measures ---

    @property
    def _room(self) -> int:
        return self._limits.columns - display_width(self._label)

    def _start_of(self, word: Word) -> int:
        if self._last_end is None:
            return max(0, word.start)
        return max(0, word.start, self._last_end + self._limits.gap)

    def _holds(self, words: list[Word]) -> bool:
        if words[-1].end - words[0].start > self._limits.maximum or len(words) > _MOST_WORDS:
            return False
        text = self._label + sanitize(_join(words)).strip()
        return len(wrap(text, self._limits.columns)) <= self._limits.lines

    # --- making a cue ---

    def _emit(self, count: int, limit: int) -> Cue:
        """The first ``count`` open words as a cue that ends at ``limit`` at the latest."""
        words, self._pending = tuple(self._pending[:count]), self._pending[count:]
        limits = self._limits
        start = self._start_of(words[0])
        text = sanitize(_join(words)).strip()
        wished = max(
            words[-1].end,
            start + limits.minimum,
            start + units.seconds_to_samples(reading_seconds(text)),
        )
        end = max(min(wished, limit, start + limits.maximum), start + limits.late_minimum)
        cue = Cue(
            index=self._index,
            start=start,
            end=end,
            words=words,
            lines=balance(self._label + text, limits.columns),
            source=self._source,
        )
        self._index += 1
        self._last_end = end
        return cue


_WORTH = {
    breaks.SENTENCE: 2.4,
    breaks.PAUSE: 1.6,
    breaks.CLAUSE: 1.3,
    breaks.CONJUNCTION: 1.0,
    breaks.ANYWHERE: 0.5,
    breaks.POOR: 0.1,
    breaks.NOWHERE: -9.0,
}


_MOST_WORDS = 200  # in one cue: bounds it where words take no columns


def _visible(word: Word) -> bool:
    return bool(sanitize(word.text).strip())


def _join(words: Iterable[Word]) -> str:
    return "".join(word.text for word in words)


def _pieces(word: Word, columns: int) -> list[Word]:
    """A word longer than a line as several that fit, its time shared out by width."""
    if len(word.text) * 2 <= columns:
        return [word]
    text = sanitize(word.text)
    if display_width(text.strip()) <= columns:
        return [word]
    groups = _groups(graphemes(text), columns)
    total = sum(max(1, display_width(group)) for group in groups)
    pieces: list[Word] = []
    done, start = 0, word.start
    for number, group in enumerate(groups):
        done += max(1, display_width(group))
        end = word.start + (word.end - word.start) * done // total
        pieces.append(
            Word(
                group,
                start,
                end,
                word.probability,
                word.tokens if number == 0 else (),
                word.segment_start if number == 0 else None,
                word.segment_end if number == len(groups) - 1 else None,
            )
        )
        start = end
    return pieces


def _groups(clusters: list[str], columns: int) -> list[str]:
    groups: list[str] = []
    current, used = "", 0
    for cluster in clusters:
        width = display_width(cluster)
        if used + width > columns and current:
            groups.append(current)
            current, used = "", 0
        current += cluster
        used += width
    groups.append(current)
    return groups
