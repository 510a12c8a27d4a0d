"""Window in, hypothesis out: mel, encoder, decoder, words, guards. No state but caches.

Runs in the recognizer's process (or thread). Because a request is complete in itself, a recognizer
that died is replaced by a new one and asked again.
"""

from dataclasses import dataclass, replace

from live_whisper.clock import Clock, MonotonicClock
from live_whisper.config.schema import DecodingConfig, RecognitionConfig, StreamingConfig
from live_whisper.decoding.alignment import AlignmentWindow, words_from
from live_whisper.decoding.context import fitted_positions
from live_whisper.decoding.fallback import FallbackSettings, decode_with_fallback
from live_whisper.decoding.prompt import carries_text
from live_whisper.decoding.types import Decoded, DecodeRequest
from live_whisper.decoding.window import Guards as DecoderGuards
from live_whisper.decoding.window import WindowDecoder
from live_whisper.engines.base import Engine, Features
from live_whisper.streaming.glossary import fixed_prompt, term_boost, too_long
from live_whisper.streaming.guards import Guards, Judged
from live_whisper.streaming.policies.base import Watch
from live_whisper.streaming.policies.choose import make_policy
from live_whisper.streaming.prefix import prefix_tokens
from live_whisper.streaming.second_hearing import Heard, SecondHearing
from live_whisper.streaming.window import Window, WindowRequest
from live_whisper.types.audio import Samples, Span
from live_whisper.types.text import Hypothesis, Word
from live_whisper.units import SAMPLES_PER_POSITION, ms_to_samples
from live_whisper.whisper.checkpoint import Checkpoint
from live_whisper.whisper.mel import LogMel
from live_whisper.whisper.mel_cache import MelCache
from live_whisper.whisper.tokenizer import Tokenizer

LIKELIEST_LANGUAGES = 5


@dataclass(frozen=True, slots=True)
class RecognizerSettings:
    """What a recognizer is built from, besides the engine; crosses to its process."""

    recognition: RecognitionConfig
    streaming: StreamingConfig
    decoding: DecodingConfig
    fit_context: bool
    """Pad windows only as far as the audio needs, not to 30 s."""


class Recognizer:
    """One engine and checkpoint, used from one thread."""

    def __init__(
        self,
        engine: Engine,
        checkpoint: Checkpoint,
        settings: RecognizerSettings,
        clock: Clock | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock or MonotonicClock()
        self._tokenizer = checkpoint.tokenizer
        self._decoder = WindowDecoder(
            engine,
            self._tokenizer,
            checkpoint.generation,
            guards=DecoderGuards(tokens_per_second=settings.decoding.tokens_per_second),
        )
        self._log_mel = LogMel(checkpoint.dims.n_mels)
        self._mel = MelCache(self._log_mel)
        self._policy = make_policy(settings.streaming)
        self._guards = Guards(settings.decoding)
        recognition = settings.recognition
        self._prompt_tokens = engine.dims.n_text_ctx // 2 - 1
        fixed = fixed_prompt(
            recognition.prompt, recognition.glossary, self._tokenizer, self._prompt_tokens
        )
        self._fixed = fixed.tokens
        self._boost = term_boost(
            recognition.glossary, self._tokenizer, settings.decoding.glossary_boost
        )
        left_out = too_long(fixed, recognition.glossary)
        self.notices = () if left_out is None else (left_out,)
        """What the user should know before the first window."""
        decoding = settings.decoding
        self._fallback = FallbackSettings(
            temperatures=decoding.temperatures,
            compression_ratio=decoding.compression_ratio_threshold,
            average_log_probability=decoding.log_probability_threshold,
            no_speech_probability=decoding.no_speech_threshold,
        )
        self._second = SecondHearing(self._tokenizer, self._fallback)

    @property
    def description(self) -> str:
        """The engine's, and the context."""
        context = "fitted context" if self._settings.fit_context else "30 s context"
        return f"{self._engine.description}, {context}"

    def warm_up(self, samples: Samples) -> None:
        """Run everything once, so that the first window pays for nothing."""
        window = Window(Span(0, len(samples)), final=False)
        language = self._settings.recognition.language
        known = next(iter(self._tokenizer.languages), None) if language == "auto" else language
        self.recognize(WindowRequest(window, language=known), samples)
        self._mel.clear()

    def recognize(self, request: WindowRequest, samples: Samples) -> Hypothesis:
        """Decode one window. ``samples``: shape (n,), float32, the audio of the window's span."""
        span = request.window.span
        began = self._clock.now_ns()
        mel = self._mel.compute(span.start, samples, self._frames(len(samples)))
        measured = self._clock.now_ns()
        features = self._engine.encoder.encode(mel)
        encoded = self._clock.now_ns()
        languages = self._languages(request, features)
        language = request.language or (languages[0][0] if languages else "en")
        watch = self._policy.watch(
            positions=min(features.positions, -(-len(samples) // SAMPLES_PER_POSITION)),
            first_position=(request.not_before - span.start) // SAMPLES_PER_POSITION,
            final=request.window.final,
        )
        decoded = self._decode(request, features, language, watch)
        words = self._words(request, decoded)
        judged = self._guards.judge(decoded, words, prefixed=bool(request.committed))
        safe = len(decoded.tokens) if watch is None else watch.safe_tokens
        stable = 0 if judged.hold else stable_words(judged.words, decoded, safe, self._tokenizer)
        words, stable = self._completed(
            replace(request, language=language), samples, judged, stable
        )
        return Hypothesis(
            words=words,
            stable=stable,
            language=language,
            language_probability=languages[0][1] if languages else 1.0,
            language_probabilities=languages,
            no_speech_probability=decoded.no_speech_probability,
            average_log_probability=decoded.average_log_probability,
            compression_ratio=decoded.compression_ratio,
            temperature=decoded.temperature,
            suppressed=judged.suppressed,
            decoded_tokens=len(decoded.tokens),
            costs_ns={
                "mel": measured - began,
                "encode": encoded - measured,
                **decoded.costs_ns,
            },
        )

    def _completed(
        self, request: WindowRequest, samples: Samples, judged: Judged, stable: int
    ) -> tuple[tuple[Word, ...], int]:
        """The words with those of speech that was passed over, and how many of them are stable.

        While more sound is to come only stable words count, and a stretch must be longer: what
        lies behind them is still open. Translations do not follow the sound word by word.
        """
        words, final = judged.words, request.window.final
        known = words if final else words[:stable]
        if judged.suppressed or self._settings.recognition.task == "translate":
            return words, stable
        if not (known or final):
            return words, stable
        least = ms_to_samples(self._settings.decoding.unheard_ms)
        span = request.window.span
        heard = Heard(
            span if final else Span(span.start, known[-1].end),
            request.committed,
            since=max(span.start, request.not_before),
            least=least if final else 2 * least,
        )

        def decode(part: Span, audio: Samples, prefix: tuple[int, ...]) -> Decoded:
            mel = self._log_mel.compute(audio, self._frames(len(audio)))
            asked = self._asked(request, part, prefix)
            return self._decoder.decode(self._engine.encoder.encode(mel), asked)

        whole = self._second.complete(known, heard, samples[: heard.span.length], decode)
        return (*whole, *words[len(known) :]), stable + len(whole) - len(known)

    def _frames(self, n_samples: int) -> int:
        """Mel frames to pad to: all 30 s, or what the audio and its margin need."""
        full = 2 * self._engine.dims.n_audio_ctx
        if not self._settings.fit_context:
            return full
        heard = -(-n_samples // SAMPLES_PER_POSITION)
        return min(full, 2 * fitted_positions(heard, full // 2, self._engine.contexts))

    def _languages(
        self, request: WindowRequest, features: Features
    ) -> tuple[tuple[str, float], ...]:
        if request.language is not None:
            return ()
        found = self._decoder.detect_language(
            features, self._settings.recognition.candidate_languages
        )
        return tuple(found.items())[:LIKELIEST_LANGUAGES]

    def _decode(
        self, request: WindowRequest, features: Features, language: str, watch: Watch | None
    ) -> Decoded:
        span = request.window.span
        prefix = prefix_tokens(request.committed, span.start, self._tokenizer)
        asked = self._asked(replace(request, language=language), span, prefix)
        if request.window.final:
            return decode_with_fallback(self._decoder, features, asked, self._fallback, watch)
        return self._decoder.decode(features, asked, watch)

    def _asked(self, request: WindowRequest, span: Span, prefix: tuple[int, ...]) -> DecodeRequest:
        return DecodeRequest(
            language=request.language,
            task=self._settings.recognition.task,
            prompt=self._prompt(self._carried(request)),
            fixed=len(self._fixed),
            prefix=prefix,
            boost=self._boost,
            audio_samples=span.length,
            temperature=self._settings.decoding.temperatures[0],
            bound_timestamps=True,
        )

    def _carried(self, request: WindowRequest) -> tuple[int, ...]:
        """What was said before, as tokens."""
        settings = self._settings
        if not carries_text(settings.streaming.carry_prompt, short_context=settings.fit_context):
            return ()
        if request.carried or not request.context:
            return request.carried
        return tuple(self._tokenizer.encode(f" {request.context.strip()}"))

    def _prompt(self, carried: tuple[int, ...]) -> tuple[int, ...]:
        """Prompt and glossary, always, and as much of the newest text as fits beside it."""
        room = self._prompt_tokens - len(self._fixed)
        return (*self._fixed, *(carried[-room:] if room > 0 else ()))

    def _words(self, request: WindowRequest, decoded: Decoded) -> tuple[Word, ...]:
        span = request.window.span
        window = AlignmentWindow(span.start, span.length, not_before=request.not_before)
        return tuple(words_from(decoded, self._tokenizer, window))


def stable_words(
    words: tuple[Word, ...], decoded: Decoded, safe_tokens: int, tokenizer: Tokenizer
) -> int:
    """How many words are made of safe tokens only and cannot grow any more.

    The last safe word may still grow or gain punctuation unless the model went on to another word
    or closed the segment with a timestamp.
    """
    remaining = sum(token < tokenizer.eot for token in decoded.tokens[:safe_tokens])
    count = 0
    for word in words:
        remaining -= len(word.tokens)
        if remaining < 0:
            return count
        count += 1
    if count and not words[-1].ends_sentence:
        count -= 1
    return count
