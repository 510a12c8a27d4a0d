"""From a window to what the decoder reads and must predict, with the time of every token."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo_model.bilingual import align
from demo_model.lexicon import LEXICON
from demo_model.synth import SAMPLE_RATE, Word
from demo_model.vocabulary import Vocabulary
from demo_model.windows import Segment, Window

POSITION_SAMPLES = 320
"""Samples per encoder position (20 ms)."""
MAX_POSITIONS = 1500
MAX_INITIAL_TIMESTAMP = 50
"""Decoders may not begin a window later than this many steps of 0.02 s (1 s)."""
IGNORE = -100
"""Target of positions without a loss."""
SPAN_MARGIN = 2.0
"""Encoder positions (40 ms) by which a token's span is widened on both sides."""
PROMPT_SHARE = 0.4
TRUE_PROMPT_SHARE = 0.7
NO_TIMESTAMPS_SHARE = 0.2
GLOSSARY_SHARE = 0.12
MAX_PROMPT_TOKENS = 223

Span = tuple[float, float]
NO_SPAN: Span = (-1.0, -1.0)


@dataclass(slots=True)
class Example:
    """One sequence for the decoder. All lists have the same length."""

    tokens: list[int]
    """What the decoder reads."""
    targets: list[int]
    """What it must predict at each place, or `IGNORE`."""
    spans: list[Span]
    """Where each token *read* is heard: encoder positions, or `NO_SPAN`."""
    next_spans: list[Span]
    """Where the token to be *predicted* is heard."""


def build_example(
    window: Window, vocabulary: Vocabulary, rng: random.Random, offset: int = 0
) -> Example:
    """An example for a window that is placed at encoder position `offset`."""
    prompt = _prompt(window, vocabulary, rng)
    timestamps = rng.random() >= NO_TIMESTAMPS_SHARE
    special = vocabulary.special
    tokens = [*prompt, special("startoftranscript"), special(window.language)]
    targets = [IGNORE] * len(prompt)
    targets += [special(window.language) if window.speech else special("nospeech"), IGNORE]
    tokens.append(special(window.task))
    targets.append(IGNORE)
    if not timestamps:
        tokens.append(special("notimestamps"))
        targets.append(IGNORE)
    body, spans = _body(window, vocabulary, offset, timestamps=timestamps)
    targets[-1] = body[0]
    if timestamps and not any(segment.words for segment in window.segments):
        targets[-1] = IGNORE if window.speech else body[0]
    latest = vocabulary.timestamp_begin + MAX_INITIAL_TIMESTAMP
    if timestamps and offset == 0 and body[0] > latest and rng.random() < 0.4:
        body[0] = latest  # decoders may not begin later than 1 s: read that, learn nothing
        targets[-1] = IGNORE
    head = [NO_SPAN] * len(tokens)
    tokens += body[:-1]
    targets += body[1:]
    all_spans = head + spans
    return Example(tokens, targets, all_spans[: len(tokens)], all_spans[1 : len(tokens) + 1])


def _prompt(window: Window, vocabulary: Vocabulary, rng: random.Random) -> list[int]:
    """`<|startofprev|>` and text, or nothing."""
    if rng.random() >= PROMPT_SHARE:
        return []
    before = window.before if rng.random() < TRUE_PROMPT_SHARE else window.before[:-1]
    text = " ".join(before)
    if rng.random() < GLOSSARY_SHARE:
        text = _glossary(window, rng) + " " + text
    limit = MAX_PROMPT_TOKENS if rng.random() < 0.3 else rng.randint(8, 70)
    return [vocabulary.special("startofprev"), *vocabulary.encode(text)[-limit:]]


def _glossary(window: Window, rng: random.Random) -> str:
    """A list of rare names, among them those that the window holds."""
    entries = [*LEXICON["rare"], *LEXICON["term"]]
    form = "en" if window.language == "en" or window.task == "translate" else "ko"
    names = [(e.english if form == "en" else e.korean)[""] for e in entries]
    said = " ".join(segment.text for segment in window.segments)
    chosen = {name for name in names if name in said} | set(rng.sample(names, rng.randint(1, 3)))
    return ", ".join(sorted(chosen)) + "."


def _body(
    window: Window, vocabulary: Vocabulary, offset: int, *, timestamps: bool
) -> tuple[list[int], list[Span]]:
    """Tokens after the head of the sequence, up to the end of text, and their spans."""
    ids: list[int] = []
    spans: list[Span] = []

    def stamp(sample: int) -> None:
        position = sample / POSITION_SAMPLES
        ids.append(vocabulary.timestamp_begin + min(round(position) + offset, MAX_POSITIONS))
        spans.append((position - SPAN_MARGIN, position + SPAN_MARGIN))

    for segment in window.segments:
        if not segment.words:
            continue
        if timestamps:
            stamp(segment.words[0].start)
        if window.task == "translate":
            _append_translation(ids, spans, segment, vocabulary)
        else:
            for word in segment.words:
                _append_word(ids, spans, word, vocabulary)
        if timestamps and segment.complete:
            stamp(segment.words[-1].end)
    if timestamps and not ids:
        ids.append(vocabulary.timestamp_begin)
        spans.append(NO_SPAN)
    return [*ids, vocabulary.eot], [*spans, NO_SPAN]


def _append_translation(
    ids: list[int], spans: list[Span], segment: Segment, vocabulary: Vocabulary
) -> None:
    """Add the English words; each is heard at its Korean word, or somewhere in the sentence."""
    first, last = segment.words[0], segment.words[-1]
    english = segment.english.split()
    found = align(english, [word.text for word in segment.words])
    for word, index in zip(english, found, strict=True):
        start, end = first.start, last.end
        if index is not None:
            start, end = segment.words[index].start, segment.words[index].end
        span = (start / POSITION_SAMPLES - SPAN_MARGIN, end / POSITION_SAMPLES + SPAN_MARGIN)
        tokens = vocabulary.encode_word(word)
        ids += tokens
        spans += [span] * len(tokens)


def _append_word(ids: list[int], spans: list[Span], word: Word, vocabulary: Vocabulary) -> None:
    """Add a word's tokens; each takes a share of the word's time by its bytes."""
    tokens = vocabulary.encode_word(word.text)
    sizes = [len(vocabulary.text[token]) for token in tokens]
    scale = (word.end - word.start) / POSITION_SAMPLES / sum(sizes)
    position = word.start / POSITION_SAMPLES
    for token, size in zip(tokens, sizes, strict=True):
        ids.append(token)
        spans.append((position - SPAN_MARGIN, position + size * scale + SPAN_MARGIN))
        position += size * scale


def frame_tokens(window: Window, vocabulary: Vocabulary, positions: int) -> NDArray[np.int64]:
    """Per encoder position the text token heard there, `eot` for silence, `IGNORE` if unknown."""
    out = np.full(positions, vocabulary.eot, np.int64)
    for segment in window.segments:
        _mark_unknown(out, segment)
        for word in segment.words:
            ids: list[int] = []
            spans: list[Span] = []
            _append_word(ids, spans, word, vocabulary)
            for token, (start, end) in zip(ids, spans, strict=True):
                first, last = round(start + SPAN_MARGIN), round(end - SPAN_MARGIN)
                out[max(first, 0) : max(last, 0)] = token
    return out


def _mark_unknown(out: NDArray[np.int64], segment: Segment) -> None:
    """Words that are cut by an edge of the window have no target."""
    start = segment.phonemes[0][1] // POSITION_SAMPLES
    end = segment.phonemes[-1][1] // POSITION_SAMPLES
    out[max(start, 0) : max(end, 0)] = IGNORE


def frame_phonemes(window: Window, inventory: dict[str, int], positions: int) -> NDArray[np.int64]:
    """Per encoder position the phoneme heard there; 0 for silence and pauses."""
    out = np.zeros(positions, np.int64)
    for segment in window.segments:
        starts = [round(start / POSITION_SAMPLES) for _, start in segment.phonemes]
        for (name, _), start, end in zip(segment.phonemes, starts, starts[1:], strict=False):
            out[max(start, 0) : max(end, 0)] = inventory.get(name, 0)
    return out


def seconds_to_positions(seconds: float) -> int:
    """Encoder positions of a window."""
    return round(seconds * SAMPLE_RATE) // POSITION_SAMPLES
