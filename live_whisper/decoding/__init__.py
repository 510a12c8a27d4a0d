"""From features to tokens and words: rules, the decoding loop, fallback, alignment, language."""

from live_whisper.decoding.alignment import AlignmentWindow, words_from
from live_whisper.decoding.fallback import FallbackSettings, decode_with_fallback
from live_whisper.decoding.language import LanguageLock, language_probabilities
from live_whisper.decoding.prompt import PromptBuilder
from live_whisper.decoding.repetition import LoopDetector
from live_whisper.decoding.types import (
    AttentionRows,
    BeamSettings,
    Decoded,
    DecodeRequest,
    Step,
    StepMonitor,
    Stop,
    Task,
    Verdict,
)
from live_whisper.decoding.window import NO_GUARDS, Guards, WindowDecoder

__all__ = [
    "NO_GUARDS",
    "AlignmentWindow",
    "AttentionRows",
    "BeamSettings",
    "DecodeRequest",
    "Decoded",
    "FallbackSettings",
    "Guards",
    "LanguageLock",
    "LoopDetector",
    "PromptBuilder",
    "Step",
    "StepMonitor",
    "Stop",
    "Task",
    "Verdict",
    "WindowDecoder",
    "decode_with_fallback",
    "language_probabilities",
    "words_from",
]
