"""Which decoded text is not speech. What is kept out keeps its reason.

No list of known phrases: text is judged by what the model itself says of it and by the sound. A
phrase that a person really said passes, whatever it is.
"""

from dataclasses import dataclass

from live_whisper.config.schema import DecodingConfig
from live_whisper.decoding.types import Decoded
from live_whisper.types.text import Suppressed, Word


@dataclass(frozen=True, slots=True)
class Judged:
    """Words that may be shown, and those that may not."""

    words: tuple[Word, ...]
    suppressed: tuple[Suppressed, ...]
    hold: bool = False
    """Whether to commit none of them yet: more sound may tell speech from noise."""


HOLD_LOG_PROBABILITY = -0.5
"""A segment's first words are held while the decode is no surer than this: on 26 s of chords that
opened the gate it was below, on speech in 10-20 dB of noise nearly always above."""


class Guards:
    """Thresholds of the reference (openai/whisper ``transcribe``), applied to one decode."""

    def __init__(self, settings: DecodingConfig) -> None:
        self._no_speech = settings.no_speech_threshold
        self._log_probability = settings.log_probability_threshold
        self._compression = settings.compression_ratio_threshold

    def judge(self, decoded: Decoded, words: tuple[Word, ...], *, prefixed: bool) -> Judged:
        """``prefixed``: part of the window's text is committed, so it is known to hold speech."""
        if not words:
            return Judged((), ())
        doubtful = decoded.average_log_probability < self._log_probability
        if doubtful and not prefixed and decoded.no_speech_probability > self._no_speech:
            return Judged((), (Suppressed(words, "no_speech"),))
        if decoded.compression_ratio > self._compression and decoded.stop == "loop":
            return Judged((), (Suppressed(words, "repetition"),))
        hold = not prefixed and decoded.average_log_probability < HOLD_LOG_PROBABILITY
        return Judged(words, (), hold)
