"""Whole files, offline: read, look for speech, decode as the reference does, report progress.

One engine serves many files, one after the other, on one thread.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from live_whisper.audio.files import open_media
from live_whisper.clock import Clock, MonotonicClock
from live_whisper.decoding.file_mel import FileMel
from live_whisper.decoding.longform import LongForm, LongFormSettings
from live_whisper.decoding.segments import Segment
from live_whisper.decoding.window import NO_GUARDS, WindowDecoder
from live_whisper.engines.base import Engine
from live_whisper.types.audio import Samples, Span, SpeechEdge, SpeechEnded
from live_whisper.types.text import Word
from live_whisper.units import HOP_SAMPLES, NS_PER_SECOND, seconds_to_samples
from live_whisper.vad.voices import VoiceMap
from live_whisper.whisper.checkpoint import Checkpoint
from live_whisper.whisper.mel import LogMel

_SHORTEST_SKIP = seconds_to_samples(3.0)  # shorter pauses are decoded with the speech around them


class SpeechFinder(Protocol):
    """Finds speech in a stream; ``vad.gate.SpeechGate`` is one."""

    def push(self, samples: Samples) -> list[SpeechEdge]:
        """Take audio, shape (n,), float32, 16 kHz."""
        ...

    def flush(self) -> list[SpeechEdge]:
        """End of the stream."""
        ...


@dataclass(frozen=True, slots=True)
class TranscriptionProgress:
    """How far a file is."""

    stage: Literal["reading", "decoding"]
    done_samples: int
    total_samples: int | None
    """``None`` while reading a file that does not say how long it is."""
    seconds_left: float | None
    """Estimate from the speed so far; ``None`` before there is one."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a file says."""

    segments: tuple[Segment, ...]
    language: str
    language_probability: float
    samples: int
    """Length of the audio, 16 kHz."""
    skipped_samples: int
    """Of it, judged silent and not decoded."""
    decode_seconds: float
    """Time the decoding took."""
    notices: tuple[str, ...]
    """What was wrong with a file that could be read in part, one line each."""

    @property
    def words(self) -> tuple[Word, ...]:
        """All words in order."""
        return tuple(word for segment in self.segments for word in segment.words)

    @property
    def text(self) -> str:
        """The text of all segments."""
        return "".join(segment.text for segment in self.segments)


ProgressCallback = Callable[[TranscriptionProgress], None]


class Transcriber:
    """Transcribes files with one loaded checkpoint. One thread at a time."""

    def __init__(
        self,
        engine: Engine,
        checkpoint: Checkpoint,
        settings: LongFormSettings | None = None,
        *,
        speech_finder: Callable[[], SpeechFinder] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """``speech_finder`` makes a detector for each file; without one all audio is decoded."""
        self._decoder = WindowDecoder(
            engine, checkpoint.tokenizer, checkpoint.generation, guards=NO_GUARDS
        )
        self._log_mel = LogMel(checkpoint.dims.n_mels)
        self._settings = settings or LongFormSettings()
        self._speech_finder = speech_finder
        self._clock = clock or MonotonicClock()

    def transcribe(self, path: str | Path, progress: ProgressCallback | None = None) -> Transcript:
        """Transcribe one file or URL.

        Raises ``InputError`` for what cannot be read, ``UsageError`` for a language or task the
        checkpoint lacks.
        """
        report = progress or _ignore
        with FileMel(self._log_mel) as mel:
            voices = VoiceMap() if self._settings.unheard_samples else None
            speech, notices = self._read(path, mel, voices, report)
            if self._speech_finder is not None and not speech:
                return self._nothing(mel, notices)
            began = self._clock.now_ns()
            longform = LongForm(self._decoder, mel, self._settings, voices)
            segments = tuple(self._decode(longform, mel, speech, report))
            spent = (self._clock.now_ns() - began) / NS_PER_SECOND
            skipped = mel.samples - sum(span.length for span in speech) if speech else 0
            return Transcript(
                segments=segments,
                language=longform.language or "",
                language_probability=longform.language_probability,
                samples=mel.samples,
                skipped_samples=skipped,
                decode_seconds=spent,
                notices=notices,
            )

    def _read(
        self, path: str | Path, mel: FileMel, voices: VoiceMap | None, report: ProgressCallback
    ) -> tuple[list[Span], tuple[str, ...]]:
        """Fill the spectrogram and the map; the spans of speech, empty without a detector."""
        finder = self._speech_finder() if self._speech_finder is not None else None
        edges: list[SpeechEdge] = []
        with open_media(path) as media:
            for block in media.blocks():
                mel.push(block)
                if voices is not None:
                    voices.push(block)
                if finder is not None:
                    edges += finder.push(block)
                report(TranscriptionProgress("reading", mel.samples, media.duration_samples, None))
            notices = tuple(media.notices)
        mel.finish()
        if finder is not None:
            edges += finder.flush()
        return merge_spans([edge.span for edge in edges if isinstance(edge, SpeechEnded)]), notices

    def _decode(
        self, longform: LongForm, mel: FileMel, speech: Sequence[Span], report: ProgressCallback
    ) -> Iterator[Segment]:
        began = self._clock.now_ns()

        def tell(done_frames: int, total_frames: int) -> None:
            elapsed = (self._clock.now_ns() - began) / NS_PER_SECOND
            left = elapsed * (total_frames - done_frames) / done_frames if done_frames else None
            done = min(done_frames * HOP_SAMPLES, mel.samples)
            report(TranscriptionProgress("decoding", done, mel.samples, left))

        yield from longform.run(speech, tell)

    def _nothing(self, mel: FileMel, notices: tuple[str, ...]) -> Transcript:
        return Transcript(
            segments=(),
            language=self._settings.language or "",
            language_probability=0.0,
            samples=mel.samples,
            skipped_samples=mel.samples,
            decode_seconds=0.0,
            notices=notices,
        )


def merge_spans(spans: Sequence[Span], shortest_gap: int = _SHORTEST_SKIP) -> list[Span]:
    """Join spans, in order, between which there are fewer than ``shortest_gap`` samples."""
    merged: list[Span] = []
    for span in spans:
        if merged and span.start - merged[-1].end < shortest_gap:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _ignore(progress: TranscriptionProgress) -> None:
    """No one wants to know."""
