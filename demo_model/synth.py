"""Speech with exact word times, from libespeak-ng through ctypes.

Needs the library `libespeak-ng.so.1` (Debian: `libespeak-ng1`). The library has one global
state: use it from one thread of a process only. It keeps the phase of its oscillators from one
sentence to the next, so a sentence that is repeated can differ by some samples; a fresh process
that speaks the same sentences gives the same samples.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from demo_model.voices import Voice

SAMPLE_RATE = 16_000
"""Hertz of everything this module returns."""
PEAK = 0.9
"""Largest magnitude of a synthesised sentence."""

_OUTPUT_RETRIEVAL = 1
_PHONEME_EVENTS = 1
_CHARS_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken whitespace word with its punctuation."""

    text: str
    start: int
    """First sample."""
    end: int
    """One past the last sample; a pause after the word is not part of it."""


@dataclass(frozen=True, slots=True)
class Phoneme:
    """A phoneme of the synthesiser, in its own notation; pauses begin with `_`."""

    name: str
    start: int
    """First sample."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A synthesised sentence."""

    samples: NDArray[np.float32]
    """Mono, 16 kHz."""
    words: list[Word]
    phonemes: list[Phoneme]


class _EventId(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class SynthesiserMissingError(RuntimeError):
    """libespeak-ng is not installed."""


class _Synthesiser:
    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise SynthesiserMissingError(
                "install libespeak-ng1 (apt install espeak-ng)"
            ) from error
        self.rate = self._library.espeak_Initialize(_OUTPUT_RETRIEVAL, 0, None, _PHONEME_EVENTS)
        self._blocks: list[NDArray[np.int16]] = []
        self._words: list[tuple[int, int]] = []
        self._phonemes: list[tuple[str, int]] = []
        self._callback = _CALLBACK(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, block: object, count: int, events: object) -> int:
        if block and count > 0:
            self._blocks.append(np.ctypeslib.as_array(block, (count,)).copy())  # type: ignore[arg-type]
        i = 0
        while (event := events[i]).type != _EVENT_END:  # type: ignore[index]
            if event.type == _EVENT_WORD:
                self._words.append((event.text_position - 1, event.sample))
            elif event.type == _EVENT_PHONEME:
                self._phonemes.append((event.id.string.decode(errors="replace"), event.sample))
            i += 1
        return 0

    def speak(
        self, text: str, voice: Voice
    ) -> tuple[NDArray[np.int16], list[tuple[int, int]], list[tuple[str, int]]]:
        """Samples at `rate`, word events (character, sample), phoneme events (name, sample)."""
        self._blocks, self._words, self._phonemes = [], [], []
        library = self._library
        if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise ValueError(f"the synthesiser has no voice {voice.name!r}")
        settings = ((_RATE, voice.rate_wpm), (_PITCH, voice.pitch), (_RANGE, voice.pitch_range))
        for parameter, value in settings:
            library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _CHARS_UTF8, None, None)
        library.espeak_Synchronize()
        return np.concatenate(self._blocks), self._words, sorted(self._phonemes, key=lambda p: p[1])


@cache
def _synthesiser() -> _Synthesiser:
    return _Synthesiser()


def available() -> bool:
    """Whether the library can be loaded."""
    try:
        _synthesiser()
    except SynthesiserMissingError:
        return False
    return True


def synthesise(text: str, voice: Voice) -> Speech:
    """Speak `text`; silence before the first and after the last word is cut away.

    Raises `SynthesiserMissingError` where the library is not installed.
    """
    synthesiser = _synthesiser()
    raw, word_events, phoneme_events = synthesiser.speak(text, voice)
    ratio = SAMPLE_RATE / synthesiser.rate
    samples = soxr.resample(raw.astype(np.float32) / 32768, synthesiser.rate, SAMPLE_RATE)
    phonemes = [Phoneme(name, round(sample * ratio)) for name, sample in phoneme_events]
    words = _words(text, [(c, round(s * ratio)) for c, s in word_events], phonemes, len(samples))
    samples = samples[: words[-1].end]
    samples *= PEAK / max(float(np.abs(samples).max()), 1e-6)
    return Speech(samples.astype(np.float32), words, phonemes)


def _words(
    text: str, events: list[tuple[int, int]], phonemes: list[Phoneme], length: int
) -> list[Word]:
    """Whitespace words of `text` with their spans; starts that are missing are interpolated."""
    tokens = text.split()
    starts: list[int | None] = []
    position = 0
    for token in tokens:
        position = text.index(token, position)
        inside = [s for c, s in events if position <= c < position + len(token)]
        starts.append(min(inside) if inside else None)
        position += len(token)
    pauses = [p.start for p in phonemes if p.name.startswith("_")]
    speech_end = pauses[-2] if len(pauses) > 1 and pauses[-1] - pauses[-2] < 4000 else length
    filled = _interpolate(starts, [len(token) for token in tokens], min(speech_end, length))
    words = []
    for token, start, limit in zip(tokens, filled, [*filled[1:], length], strict=True):
        inner = [p for p in pauses if start + 160 < p < limit]
        words.append(Word(token, start, max(inner[0] if inner else limit, start + 160)))
    return words


def _interpolate(starts: list[int | None], sizes: list[int], end: int) -> list[int]:
    """Fill missing starts in proportion to the words' lengths; make all starts increase."""
    filled: list[int] = []
    for i, known in enumerate(starts):
        start = known
        if start is None:
            following = next((k for k in range(i, len(starts)) if starts[k] is not None), None)
            limit = end if following is None else starts[following]
            last = len(starts) if following is None else following
            previous = filled[-1] if filled else 0
            share = sizes[i - 1] / sum(sizes[i - 1 : last]) if i else 0.0
            start = round(previous + ((limit or end) - previous) * share)
        filled.append(max(start, filled[-1] + 160) if filled else max(start, 0))
    return filled
