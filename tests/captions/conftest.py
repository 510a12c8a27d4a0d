"""Words for caption tests."""

import pytest

from live_whisper import units
from live_whisper.types.text import Word


def _say(text, start=0.0, *, rate=12.0, pause=0.35, spaced=True):
    """Words spoken one after another: ``rate`` characters per second, a pause after sentences."""
    words, position = [], units.seconds_to_samples(start)
    pieces = text.split(" ") if spaced else list(text)
    for piece in pieces:
        length = units.seconds_to_samples(max(len(piece), 2) / rate)
        words.append(Word((" " if spaced else "") + piece, position, position + length))
        position += length + units.ms_to_samples(30)
        if piece.rstrip('"')[-1:] in ".?!。":
            position += units.seconds_to_samples(pause)
    return tuple(words)


@pytest.fixture
def say():
    return _say
