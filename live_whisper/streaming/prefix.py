"""Committed words as the tokens a decode begins with."""

from live_whisper.types.text import Word
from live_whisper.units import SAMPLES_PER_POSITION
from live_whisper.whisper.tokenizer import Tokenizer


def prefix_tokens(
    committed: tuple[Word, ...], window_start: int, tokenizer: Tokenizer
) -> tuple[int, ...]:
    """Committed words as the tokens a decode of this window would have begun with.

    The first word needs a timestamp before it, as the rules make every decode begin with one;
    later timestamps are those the model wrote itself, moved to this window.
    """
    tokens: list[int] = []
    for index, word in enumerate(committed):
        opening = word.segment_start
        if index == 0 and opening is None:
            opening = word.start
        if opening is not None:
            tokens.append(timestamp(opening, window_start, tokenizer))
        tokens += word.tokens
        if word.segment_end is not None:
            tokens.append(timestamp(word.segment_end, window_start, tokenizer))
    return tuple(tokens)


def timestamp(sample: int, window_start: int, tokenizer: Tokenizer) -> int:
    """The timestamp token nearest to an absolute sample, in a window's own time."""
    position = round((sample - window_start) / SAMPLES_PER_POSITION)
    return tokenizer.timestamp_begin + min(max(position, 0), tokenizer.timestamp_count - 1)
