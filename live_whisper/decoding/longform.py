"""Decodes a whole recording: the long-form algorithm of openai/whisper ``transcribe.py``.

Windows of 30 s follow each other by the timestamps of the text; the text so far is the prompt of
the next window; a doubtful window is decoded again at a higher temperature.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from live_whisper.decoding.boost import TermBoost
from live_whisper.decoding.context import fitted_positions
from live_whisper.decoding.fallback import (
    FallbackSettings,
    decode_with_fallback,
    is_silence,
    needs_fallback,
)
from live_whisper.decoding.file_mel import FileMel
from live_whisper.decoding.hallucination import SilenceCheck, last_word_end, tightened
from live_whisper.decoding.prompt import PromptBuilder
from live_whisper.decoding.second_look import SecondLook
from live_whisper.decoding.segments import Segment, Window, attach_words, cut, ends_in_silence
from live_whisper.decoding.types import BeamSettings, Decoded, DecodeRequest, Task
from live_whisper.decoding.window import WindowDecoder
from live_whisper.types.audio import Mel, Span
from live_whisper.units import HOP_SAMPLES, SAMPLE_RATE, WINDOW_FRAMES, WINDOW_POSITIONS
from live_whisper.vad.voices import VoiceMap

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the mel frames done and the mel frames in all."""

FULL_TEXT_CONTEXT = 448
"""Token positions of every official checkpoint."""
LEAST_PROGRESS_SAMPLES = SAMPLE_RATE
"""Words that end earlier in their window have no times to go by."""
_RESET_TEMPERATURE = 0.5  # text sampled above this is no prompt for what follows


@dataclass(frozen=True, slots=True)
class LongFormSettings:
    """What the reference's ``transcribe`` takes; its defaults."""

    language: str | None = None
    """``None``: decided once, from the first 30 s."""
    task: Task = "transcribe"
    candidate_languages: tuple[str, ...] = ()
    initial_prompt: tuple[int, ...] = ()
    """Tokens before the first window."""
    carry_initial_prompt: bool = False
    """Keep the initial prompt before every window."""
    condition_on_previous_text: bool = True
    beam: BeamSettings | None = None
    """Of the decodes at temperature 0; ``None``: greedy."""
    boost: TermBoost | None = None
    """Makes expected terms likelier."""
    fallback: FallbackSettings = field(default_factory=FallbackSettings)
    words: bool = True
    """Give words their times."""
    hallucination_silence_samples: int | None = None
    """Drop suspect text between silences longer than this; needs ``words``."""
    context: Literal["full", "fit"] = "full"
    """``fit``: windows as short as the audio, for checkpoints trained for it."""
    seed: int = 0
    unheard_samples: int = 0
    """Go back to this much speech for which the text has nothing; needs ``words``. 0: never, as in
    the reference."""


class LongForm:
    """One run over one recording. One thread."""

    def __init__(
        self,
        decoder: WindowDecoder,
        mel: FileMel,
        settings: LongFormSettings | None = None,
        voices: VoiceMap | None = None,
    ) -> None:
        """``mel``: finished. ``decoder``: without guards, to decode as the reference does.

        ``voices``: of the whole recording, to find speech without text by.
        """
        self._decoder = decoder
        self._tokenizer = decoder.tokenizer
        self._mel = mel
        self._settings = settings or LongFormSettings()
        self._prompt = self._new_prompt()
        self._last_speech = 0
        silence = self._settings.hallucination_silence_samples
        self._check = None if silence is None else SilenceCheck(silence, mel.frames)
        least = self._settings.unheard_samples
        self._look = SecondLook(voices, least=least) if voices is not None and least else None
        self.language = self._settings.language
        """Whisper's code; ``None`` until it is detected."""
        self.language_probability = 1.0

    def run(
        self, clips: Sequence[Span] = (), progress: Progress | None = None
    ) -> Iterator[Segment]:
        """Segments in order, empty ones left out.

        ``clips``: parts of the recording to decode; empty means all of it.
        Raises ``UsageError`` for a language or task the checkpoint lacks.
        """
        total = self._mel.frames
        if self.language is None:
            self._detect_language()
        for first, last in _clip_frames(clips, total):
            seek = first
            while seek < last:
                frames = min(WINDOW_FRAMES, total - seek, last - seek)
                window = Window(seek, self._look.frames(frames) if self._look else frames)
                segments, seek = self._window(window)
                for segment in segments:
                    if not segment.is_empty:
                        yield segment
                if progress is not None:
                    progress(min(seek, total), total)

    def _new_prompt(self) -> PromptBuilder:
        budget = self._decoder.engine.dims.n_text_ctx // 2 - 1
        initial = self._settings.initial_prompt
        if self._settings.carry_initial_prompt:
            return PromptBuilder(initial, budget=budget)
        prompt = PromptBuilder(budget=budget)
        prompt.extend(initial)
        return prompt

    def _detect_language(self) -> None:
        frames = min(WINDOW_FRAMES, self._mel.frames)
        mel = self._mel.window(0, WINDOW_FRAMES, WINDOW_FRAMES, "silence")
        if self._settings.context == "fit":
            mel = self._fitted(Window(0, frames))
        features = self._decoder.engine.encoder.encode(mel)
        found = self._decoder.detect_language(features, self._settings.candidate_languages)
        self.language, self.language_probability = next(iter(found.items()))

    def _window(self, window: Window) -> tuple[list[Segment], int]:
        """Decode one window; its segments and the frame to go on from."""
        decoded = self._decode(window)
        if is_silence(decoded, self._settings.fallback):
            return [], window.seek + window.frames
        failed = needs_fallback(decoded, self._settings.fallback)
        if self._look and failed and self._look.again(window):
            return [], window.seek
        segments, seek = cut(decoded, window, self._tokenizer)
        if self._settings.words:
            segments = self._with_words(segments, decoded, window)
            segments, seek = self._without_hallucinations(segments, decoded, window, seek)
        seek = max(self._after_what_was_said(segments, decoded, window, seek), window.seek + 1)
        if self._look:
            checked = self._look.check(segments, window, seek)
            segments, seek = checked.segments, checked.seek
        end = last_word_end(segments)
        if end is not None:
            self._last_speech = end
        self._remember(segments, decoded)
        return segments, seek

    def _after_what_was_said(
        self, segments: Sequence[Segment], decoded: Decoded, window: Window, seek: int
    ) -> int:
        """Where to go on, when a short text context (Core ML's for large models) ended the text.

        The reference takes a window without a pair of timestamps for whole. With all of Whisper's
        text context that is rarely wrong, with half of it speech would be skipped.
        """
        full = self._decoder.engine.dims.n_text_ctx >= FULL_TEXT_CONTEXT
        if full or decoded.stop not in ("budget", "length") or seek < window.seek + window.frames:
            return seek
        end = last_word_end(segments)
        if end is None or end < window.start + LEAST_PROGRESS_SAMPLES:
            return seek
        return min(seek, end // HOP_SAMPLES)

    def _decode(self, window: Window) -> Decoded:
        features = self._decoder.engine.encoder.encode(self._window_mel(window))
        request = DecodeRequest(
            language=self.language,
            task=self._settings.task,
            prompt=self._prompt.tokens(),
            fixed=len(self._prompt.fixed),
            beam=self._settings.beam,
            boost=self._settings.boost,
            max_tokens=self._decoder.engine.dims.n_text_ctx // 2,
            audio_samples=window.frames * HOP_SAMPLES,
            want_attention=self._settings.words,
            seed=self._settings.seed + window.seek,
            bound_timestamps=self._look is not None,
        )
        return decode_with_fallback(self._decoder, features, request, self._settings.fallback)

    def _window_mel(self, window: Window) -> Mel:
        if self._settings.context == "fit":
            return self._fitted(window)
        return self._mel.window(window.seek, window.frames, WINDOW_FRAMES)

    def _fitted(self, window: Window) -> Mel:
        heard = -(-window.frames // 2)
        contexts = self._decoder.engine.contexts
        frames = 2 * fitted_positions(heard, WINDOW_POSITIONS, contexts)
        return self._mel.window(window.seek, window.frames, frames, "silence")

    def _with_words(
        self, segments: list[Segment], decoded: Decoded, window: Window
    ) -> list[Segment]:
        groups = attach_words(segments, decoded, window, self._tokenizer, self._last_speech)
        return [
            replace(segment, words=words) for segment, words in zip(segments, groups, strict=True)
        ]

    def _without_hallucinations(
        self, segments: list[Segment], decoded: Decoded, window: Window, seek: int
    ) -> tuple[list[Segment], int]:
        if self._check is not None:
            segments = [tightened(segment) for segment in segments]
            whole = ends_in_silence(decoded.tokens, self._tokenizer)
            after = self._check.after_words(segments, window, whole=whole)
            checked = self._check.check(
                segments, window, seek if after is None else after, self._last_speech
            )
            segments, seek = checked.segments, checked.seek
        return segments, seek

    def _remember(self, segments: Sequence[Segment], decoded: Decoded) -> None:
        for segment in segments:
            if not segment.is_empty:
                self._prompt.extend(segment.tokens)
        sampled = decoded.temperature > _RESET_TEMPERATURE
        if sampled or not self._settings.condition_on_previous_text:
            self._prompt.drop()


def _clip_frames(clips: Sequence[Span], total: int) -> list[tuple[int, int]]:
    """Clips in mel frames, inside the recording."""
    if not clips:
        return [(0, total)]
    frames = [
        (round(clip.start / HOP_SAMPLES), min(total, round(clip.end / HOP_SAMPLES)))
        for clip in clips
    ]
    return [(first, last) for first, last in frames if first < last]
