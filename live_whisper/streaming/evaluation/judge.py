"""Computes a report from a run's events and the timeline of what was said."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from live_whisper.captions.cues import Cue
from live_whisper.streaming.evaluation.align import Alignment, align
from live_whisper.streaming.evaluation.history import History, read_history
from live_whisper.streaming.evaluation.report import (
    Cost,
    Delay,
    ErrorRate,
    Quantiles,
    Report,
    Stability,
    Text,
    Timing,
    total_length,
)
from live_whisper.streaming.evaluation.units import (
    ReferenceWord,
    Unit,
    characters,
    committed_units,
    reference_units,
)
from live_whisper.streaming.rebuild import cues_of
from live_whisper.types.audio import Span
from live_whisper.types.events import Event
from live_whisper.types.text import Word
from live_whisper.units import SAMPLE_RATE, ms_to_samples

BY_CHARACTER = frozenset({"ko", "ja", "zh", "yue", "th", "lo", "my", "km"})
"""Languages whose error rate is counted in characters."""
NEAR_SPEECH = ms_to_samples(500)
COVERED = ms_to_samples(250)
"""A missing word is no missed speech where something else is written this near."""
DRIFT_FROM = 10 * 60 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Said:
    """The truth about a recording."""

    words: tuple[ReferenceWord, ...]
    samples: int
    """Length of the audio."""


def judge(
    said: Said,
    events: Sequence[Event],
    cost: Cost,
    *,
    offline: dict[str, float] | None = None,
    source: str = "",
) -> Report:
    """The report of one input of a run. ``offline``: see ``offline_rates``."""
    history = read_history(events, source=source)
    reference = reference_units(said.words)
    alignment = align(reference, history.units)
    cues = [cue for cue in cues_of(events) if cue.source == source]
    return Report(
        text=_text(said, reference, history.units, alignment),
        delay=_delay(reference, history, alignment),
        stability=Stability(
            normalized_erasure=history.withdrawn / max(1, len(history.words)),
            committed_erasure=erased(history.words, cues),
        ),
        timing=_timing(reference, history, alignment, cues),
        cost=cost,
        offline_by_language=offline,
    )


def offline_rates(said: Said, words: Iterable[Word]) -> dict[str, float]:
    """Error rate in percent by language of an offline transcript's words."""
    reference, units = reference_units(said.words), committed_units(words)
    return _by_language(reference, units, align(reference, units))


# --- text ---------------------------------------------------------------------------------------


def _text(
    said: Said, reference: Sequence[Unit], units: Sequence[Unit], alignment: Alignment
) -> Text:
    letters, written = characters(reference), characters(units)
    by_character = align(letters, written)
    speech = _speech(reference, said.samples)
    quiet = said.samples - total_length(speech)
    invented = sum(not _touches(speech, unit) for unit in units)
    return Text(
        words=_rate(alignment, len(reference)),
        characters=_rate(by_character, len(letters)),
        by_language=_by_language(reference, units, alignment),
        hallucinated_words=invented,
        hallucinated_per_minute=invented / (quiet / SAMPLE_RATE / 60) if quiet else 0.0,
        missed_speech_percent=_missed(reference, units, alignment),
    )


def _rate(alignment: Alignment, length: int) -> ErrorRate:
    return ErrorRate(
        alignment.errors,
        length,
        alignment.substitutions,
        alignment.deletions,
        alignment.insertions,
    )


def _by_language(
    reference: Sequence[Unit], units: Sequence[Unit], words: Alignment
) -> dict[str, float]:
    """Percent by the language of the words said; an insertion counts where it stands."""
    present = sorted({unit.language for unit in reference})
    rates: dict[str, float] = {}
    letters: tuple[list[Unit], Alignment] | None = None
    for code in present:
        said, alignment = reference, words
        if code in BY_CHARACTER:
            if letters is None:
                split = characters(reference)
                letters = split, align(split, characters(units))
            said, alignment = letters
        rates[code] = _share(said, alignment, code)
    return rates


def _share(reference: Sequence[Unit], alignment: Alignment, code: str) -> float:
    hits = set(alignment.hits)
    current = reference[0].language
    errors = 0
    for i, j in alignment.pairs:
        if i is not None:
            current = reference[i].language
        if current == code and (i, j) not in hits:
            errors += 1
    length = sum(unit.language == code for unit in reference)
    return 100.0 * errors / max(1, length)


def _speech(reference: Sequence[Unit], samples: int) -> list[Span]:
    """Speech with ``NEAR_SPEECH`` around it, joined."""
    spans: list[Span] = []
    for unit in reference:
        start, end = max(0, unit.start - NEAR_SPEECH), min(samples, unit.end + NEAR_SPEECH)
        if spans and start <= spans[-1].end:
            spans[-1] = Span(spans[-1].start, max(end, spans[-1].end))
        elif start < end:
            spans.append(Span(start, end))
    return spans


def _touches(spans: Sequence[Span], unit: Unit) -> bool:
    low, high = 0, len(spans)
    while low < high:  # the first span that ends after the unit begins
        middle = (low + high) // 2
        low, high = (middle + 1, high) if spans[middle].end < unit.start else (low, middle)
    return low < len(spans) and spans[low].start <= unit.end


def _missed(reference: Sequence[Unit], units: Sequence[Unit], alignment: Alignment) -> float:
    spans = sorted(Span(max(0, u.start - COVERED), u.end + COVERED) for u in units)
    joined: list[Span] = []
    for span in spans:
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(span.end, joined[-1].end))
        else:
            joined.append(span)
    missing = [reference[i] for i, j in alignment.pairs if i is not None and j is None]
    lost = sum(unit.end - unit.start for unit in missing if not _touches(joined, unit))
    return 100.0 * lost / max(1, sum(unit.end - unit.start for unit in reference))


# --- delay --------------------------------------------------------------------------------------


def quantiles(samples: Sequence[int]) -> Quantiles:
    """Of delays in samples."""
    if not samples:
        return Quantiles()
    p50, p90, p95 = (
        float(value) / SAMPLE_RATE for value in np.percentile(np.array(samples), [50, 90, 95])
    )
    return Quantiles(p50, p90, p95, max(samples) / SAMPLE_RATE)


def _delay(reference: Sequence[Unit], history: History, alignment: Alignment) -> Delay:
    hits = [(reference[i].end, history.units[j], history.first_seen[j]) for i, j in alignment.hits]
    return Delay(
        commit=quantiles([unit.at - end for end, unit, _ in hits]),
        commit_unaware=quantiles([unit.heard - end for end, unit, _ in hits]),
        first_seen=quantiles([seen.at - end for end, _, seen in hits]),
        first_seen_unaware=quantiles([seen.heard - end for end, _, seen in hits]),
        matched_percent=100.0 * len(hits) / max(1, len(reference)),
    )


# --- cues and times -----------------------------------------------------------------------------


def erased(words: Sequence[Word], cues: Sequence[Cue]) -> int:
    """Committed words that are not, in order, in the cues."""
    written = "".join(word.text for cue in cues for word in cue.words)
    left = "".join(written.split())
    at, missing = 0, 0
    for word in words:
        text = "".join(word.text.split())
        if left.startswith(text, at):
            at += len(text)
        else:
            missing += 1
    return missing


def _timing(
    reference: Sequence[Unit], history: History, alignment: Alignment, cues: Sequence[Cue]
) -> Timing:
    starts = [history.units[j].start - reference[i].start for i, j in alignment.hits]
    ends = [history.units[j].end - reference[i].end for i, j in alignment.hits]
    said_at = [reference[i].start for i, _ in alignment.hits]
    return Timing(
        word_start_error=_mean_absolute(starts),
        word_end_error=_mean_absolute(ends),
        cue_boundary_error=_mean_absolute(_boundary_errors(reference, history, alignment, cues)),
        cue_count=len(cues),
        drift_per_hour=_drift(said_at, starts),
    )


def _boundary_errors(
    reference: Sequence[Unit], history: History, alignment: Alignment, cues: Sequence[Cue]
) -> list[int]:
    said = {j: i for i, j in alignment.hits}
    by_start = {unit.start: index for index, unit in enumerate(history.units)}
    by_end = {unit.end: index for index, unit in enumerate(history.units)}
    errors: list[int] = []
    for cue in cues:
        first = said.get(by_start.get(cue.words[0].start, -1))
        last = said.get(by_end.get(cue.words[-1].end, -1))
        if first is not None:
            errors.append(cue.start - reference[first].start)
        if last is not None:
            errors.append(cue.words[-1].end - reference[last].end)
    return errors


def _mean_absolute(samples: Sequence[int]) -> float | None:
    return float(np.mean(np.abs(samples))) / SAMPLE_RATE if samples else None


def _drift(at: Sequence[int], errors: Sequence[int]) -> float | None:
    if len(at) < 2 or max(at) - min(at) < DRIFT_FROM:
        return None
    hours = np.array(at) / (SAMPLE_RATE * 3600)
    slope = np.polyfit(hours, np.array(errors) / SAMPLE_RATE, 1)[0]
    return float(slope)
