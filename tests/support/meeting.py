"""A meeting whose every word is known, and simulated runs that hear it."""

import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from support.scripted_recognizer import Script, ScriptedRecognizer

from live_whisper.audio.ring import AudioRing
from live_whisper.audio.spool import SpoolReader, SpoolWriter
from live_whisper.config.schema import Config
from live_whisper.runtime.captioner import make_gate
from live_whisper.runtime.known import STEP_SAMPLES, KnownEdge, KnownSegments
from live_whisper.runtime.lane import Lane, Segments
from live_whisper.runtime.simulate import SimulatedClock, SimulatedMicrophone
from live_whisper.runtime.spool import LaneSpool
from live_whisper.streaming.stream import CaptionStream
from live_whisper.types.audio import Samples, Span, SpeechEdge, SpeechEnded, SpeechStarted
from live_whisper.types.text import Word
from live_whisper.units import SAMPLE_RATE, seconds_to_samples

WORD_SAMPLES = 6400


def speech_like(n: int) -> Samples:
    """A voiced pitch in syllables: enough for the gate to open. On the 16-bit grid."""
    t = np.arange(n) / SAMPLE_RATE
    rng = np.random.default_rng(1)
    voice = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 25))
    envelope = 0.25 + 0.75 * np.clip(np.sin(2 * np.pi * 3 * t), 0, 1)
    sound = 0.1 * voice * envelope + 0.002 * rng.standard_normal(n)
    return (np.rint(sound * 32768) / 32768).astype(np.float32)


@dataclass(frozen=True)
class Meeting:
    """Sentences of known words with pauses between them."""

    samples: Samples
    script: Script

    @property
    def text(self) -> str:
        """Everything that is said."""
        return "".join(word.text for word in self.script.words)

    def text_until(self, end: int) -> str:
        """The words that were spoken to their end by sample ``end``."""
        return "".join(word.text for word in self.script.words if word.end <= end)


def make_meeting(seconds: float, *, sentence_words: int = 11, pause_s: float = 1.5) -> Meeting:
    """Speech of ``sentence_words`` words of 0.4 s, then a pause, over and over."""
    total = seconds_to_samples(seconds)
    spoken = speech_like(sentence_words * WORD_SAMPLES)
    silence = np.zeros(seconds_to_samples(pause_s), np.float32)
    parts, words, at = [silence[:8000]], [], 8000
    while at + len(spoken) + len(silence) <= total:
        for i in range(sentence_words):
            start = at + i * WORD_SAMPLES
            stop = "." if i == sentence_words - 1 else ""
            number = len(words)
            words.append(Word(f" w{number}{stop}", start, start + WORD_SAMPLES, tokens=(number,)))
        parts += [spoken, silence]
        at += len(spoken) + len(silence)
    parts.append(np.zeros(total - at, np.float32))
    return Meeting(np.concatenate(parts), Script(tuple(words)))


def save(audio: Path, meeting: Meeting) -> None:
    """Write it as a WAV file."""
    with wave.open(str(audio), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.rint(meeting.samples * 32768).astype("<i2").tobytes())


def edges_of(samples: Samples, config: Config) -> list[KnownEdge]:
    """What the real gate says, so that many runs over the same sound need it only once."""
    gate, edges = make_gate(config.vad), []
    for at in range(0, len(samples), STEP_SAMPLES):
        part = samples[at : at + STEP_SAMPLES]
        edges += [KnownEdge(at + len(part), edge) for edge in gate.push(part)]
    return edges


class Heard(KnownSegments):
    """Known edges of a microphone that may be switched off early: an open segment is closed."""

    def flush(self) -> list[SpeechEdge]:
        """What the gate says at this end."""
        told = self._edges[: self._next]
        if not told or not isinstance(told[-1].edge, SpeechStarted):
            return []
        return [SpeechEnded(Span(told[-1].edge.at, self._position), "end")]


@dataclass
class Stage:
    """Everything a simulated run is made of; what a test changes is a field."""

    meeting: Meeting
    folder: Path
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    gaps: tuple[Span, ...] = ()
    notices: tuple[tuple[int, str], ...] = ()
    config: Config = field(default_factory=Config)
    edges: Sequence[KnownEdge] | None = None

    def lane(self, label: str = "") -> Lane:
        """A lane as a live run has it; fsync is left out."""
        audio = self.folder / "audio"
        segments: Segments = make_gate(self.config.vad)
        if self.edges is not None:
            segments = Heard(self.edges)
        return Lane(
            source=SimulatedMicrophone(
                self.clock, self.meeting.samples, gaps=self.gaps, notices=self.notices
            ),
            spool=LaneSpool(SpoolWriter(audio, sync_samples=None), SpoolReader(audio)),
            ring=AudioRing(seconds_to_samples(self.config.audio.ring_seconds)),
            segments=segments,
            stream=CaptionStream(self.config.streaming, language="en", source=label),
            label=label,
        )

    def recognizer(self) -> ScriptedRecognizer:
        """One that hears exactly what is said."""
        return ScriptedRecognizer(self.meeting.script)
