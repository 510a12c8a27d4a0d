"""Mistakes in what the decoder has read, so that it learns to go on after its own.

A decoder that has only ever read what was truly said loses its place at its first mistake, and in
a window of 30 s with a hundred tokens the rest of the window with it. Here the tokens it reads are
wrong now and then, while what it must predict stays true.
"""

from __future__ import annotations

import random

from demo_model.examples import IGNORE, NO_SPAN, Example, Span
from demo_model.vocabulary import TIMESTAMP_STEP_S, Vocabulary

SHARE = 0.55
"""Of the examples; the others are left as they are."""
RATES = (0.01, 0.03, 0.06, 0.12)
"""Share of the text tokens that are wrong; drawn for each example."""
JITTER_SHARE = 0.25
"""Share of the timestamps that are off by up to `JITTER_STEPS`, where any are."""
JITTER_STEPS = 15
LATE_SHARE = 0.1
"""Of the examples with mistakes: a timestamp runs ahead, and no later one may lie before it."""
LATE_SECONDS = (0.3, 6.0)
SPLIT_SHARE = 0.1
"""Of the examples with mistakes: two timestamps in the middle of a sentence."""
SKIP_SHARE = 0.15
"""Of the examples with mistakes: a stretch of up to `SKIP_TOKENS` was left out."""
SKIP_TOKENS = 24

Row = tuple[int, int, Span, Span]
"""Token read, token to be predicted, and where each is heard."""


def with_mistakes(
    example: Example, vocabulary: Vocabulary, rng: random.Random, *, share: float = SHARE
) -> Example:
    """The example, or in `share` of the cases one with mistakes in what is read after its head."""
    if rng.random() >= share:
        return example
    rows = list(
        zip(example.tokens, example.targets, example.spans, example.next_spans, strict=True)
    )
    head = _head_length(example, vocabulary)
    body = _substitute(rows[head:], vocabulary, rng)
    if rng.random() < SKIP_SHARE:
        body = _skip(body, rng)
    if rng.random() < SPLIT_SHARE:
        body = _split(body, vocabulary, rng)
    if rng.random() < LATE_SHARE:
        body = _run_ahead(body, vocabulary, rng)
    columns = zip(*rows[:head], *body, strict=True)
    tokens, targets, spans, next_spans = (list(column) for column in columns)
    return Example(tokens, targets, spans, next_spans)  # type: ignore[arg-type]


def _head_length(example: Example, vocabulary: Vocabulary) -> int:
    """Rows up to the first timestamp or word that is read: prompt, language and task."""
    start = example.tokens.index(vocabulary.special("startoftranscript"))
    after = (i for i in range(start + 1, len(example.tokens)) if _spoken(example, i, vocabulary))
    return next(after, len(example.tokens))


def _spoken(example: Example, index: int, vocabulary: Vocabulary) -> bool:
    token = example.tokens[index]
    return token < vocabulary.eot or token >= vocabulary.timestamp_begin


def _substitute(body: list[Row], vocabulary: Vocabulary, rng: random.Random) -> list[Row]:
    """Some words are others, said nearby or anywhere; some are said twice; some times are off."""
    rate = rng.choice(RATES)
    jitter = JITTER_SHARE if rng.random() < 0.5 else 0.0
    begin, last = vocabulary.timestamp_begin, vocabulary.size - 1
    spoken = [row[0] for row in body if row[0] < vocabulary.eot]
    out: list[Row] = []
    for token, target, span, next_span in body:
        wrong = token
        if token >= begin:
            if rng.random() < jitter:
                shifted = token + rng.randint(-JITTER_STEPS, JITTER_STEPS)
                wrong = min(max(shifted, begin), last)
        elif rng.random() < rate:
            kind = rng.random()
            if kind < 0.8:
                wrong = rng.choice(spoken) if kind < 0.5 else rng.randrange(vocabulary.eot)
            elif kind < 0.9:  # read twice: what comes next is the same both times
                out.append((token, IGNORE, span, NO_SPAN))
            elif out and target != vocabulary.eot:
                continue  # left out
        out.append((wrong, target, span, next_span))
    return out


def _skip(body: list[Row], rng: random.Random) -> list[Row]:
    """A stretch is missing; the token before it still has to predict the stretch's first."""
    length = rng.randint(2, SKIP_TOKENS)
    if len(body) < length + 4:
        return body
    first = rng.randint(1, len(body) - length - 1)
    return body[:first] + body[first + length :]


def _split(body: list[Row], vocabulary: Vocabulary, rng: random.Random) -> list[Row]:
    """An end and a start where there is none; what comes next stays the same."""
    begin = vocabulary.timestamp_begin
    places = [
        i
        for i, row in enumerate(body)
        if row[0] < begin and row[1] < vocabulary.eot and row[2][1] > 0
    ]
    stamps = [row[0] for row in body if row[0] >= begin]
    if not places or not stamps:
        return body
    at = rng.choice(places)
    token, target, span, next_span = body[at]
    earlier = [row[0] for row in body[:at] if row[0] >= begin]
    end = min((earlier or stamps)[-1] + rng.randint(5, 60), vocabulary.size - 1)
    start = min(end + rng.randint(0, 20), vocabulary.size - 1)
    inserted: list[Row] = [
        (token, IGNORE, span, NO_SPAN),
        (end, IGNORE, NO_SPAN, NO_SPAN),
        (start, target, NO_SPAN, next_span),
    ]
    return body[:at] + inserted + body[at + 1 :]


def _run_ahead(body: list[Row], vocabulary: Vocabulary, rng: random.Random) -> list[Row]:
    """One timestamp is late; the rules of decoding let none of the later ones lie before it."""
    begin = vocabulary.timestamp_begin
    places = [i for i, row in enumerate(body) if row[0] >= begin]
    if not places:
        return body
    at = rng.choice(places)
    late = body[at][0] + round(rng.uniform(*LATE_SECONDS) / TIMESTAMP_STEP_S)
    floor = min(late, vocabulary.size - 1)
    return [
        (max(token, floor) if i >= at and token >= begin else token, *rest)
        for i, (token, *rest) in enumerate(body)
    ]
