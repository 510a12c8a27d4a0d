"""From a checkpoint on disk to a recognizer, in whichever process it will run."""

import platform
import sys

import numpy as np

from live_whisper.config.schema import Config, EngineConfig
from live_whisper.engines.base import Engine
from live_whisper.errors import UsageError
from live_whisper.runtime.spec import RecognizerSpec
from live_whisper.streaming.recognizer import Recognizer, RecognizerSettings
from live_whisper.whisper.checkpoint import Checkpoint, load_checkpoint

INT8_FROM_STATE = 512
"""Width from which int8 pays: base and larger. Smaller checkpoints are fast enough as they are."""
MOST_THREADS = 4


def load_recognizer(spec: RecognizerSpec) -> Recognizer:
    """Load checkpoint and engine and run both once, so that the first caption pays for nothing.

    Raises ``ModelError``, ``EngineError`` or ``MissingDependencyError``.
    """
    checkpoint = load_checkpoint(spec.folder, short_context=spec.audio_context == "fit")
    check_language(spec.config, checkpoint)
    engine = load_engine(checkpoint, spec.config.engine)
    settings = RecognizerSettings(
        recognition=spec.config.recognition,
        streaming=spec.config.streaming,
        decoding=spec.config.decoding,
        fit_context=fits_context(spec.config.engine, checkpoint),
    )
    recognizer = Recognizer(engine, checkpoint, settings)
    recognizer.warm_up(np.zeros(16_000, np.float32))
    return recognizer


def load_engine(checkpoint: Checkpoint, settings: EngineConfig) -> Engine:
    """The engine that the settings name, or the platform's own."""
    kind = settings.kind
    if kind == "auto":
        apple = sys.platform == "darwin" and platform.machine() == "arm64"
        kind = "coreml" if apple else "onnx"
    if kind == "coreml":
        from live_whisper.engines.coreml.engine import CoreMLEngine, EngineOptions  # noqa: PLC0415

        return CoreMLEngine.load(checkpoint, EngineOptions(compute_units=settings.compute_units))
    from live_whisper.engines.onnx.engine import OnnxEngine  # noqa: PLC0415 - one is loaded

    return OnnxEngine.load(
        checkpoint,
        precision=_precision(checkpoint, settings),
        threads=settings.threads or None,
    )


def check_language(config: Config, checkpoint: Checkpoint) -> None:
    """Raise ``UsageError`` where the checkpoint lacks a language or the task asked for."""
    recognition = config.recognition
    tokenizer = checkpoint.tokenizer
    if recognition.language != "auto":
        tokenizer.language_token(recognition.language)
    for candidate in recognition.candidate_languages:
        tokenizer.language_token(candidate)
    if recognition.task == "translate" and not tokenizer.is_multilingual:
        raise UsageError(
            "This checkpoint knows English only and cannot translate.",
            hint="Choose a multilingual one, such as: --model base.",
        )


def _precision(checkpoint: Checkpoint, settings: EngineConfig) -> str:
    if settings.precision != "auto":
        return settings.precision
    return "int8" if checkpoint.dims.n_audio_state >= INT8_FROM_STATE else "float32"


def fits_context(settings: EngineConfig, checkpoint: Checkpoint) -> bool:
    """Whether windows are padded only as far as they need; the settings may override a model."""
    wanted = settings.audio_context
    return (checkpoint.audio_context if wanted == "auto" else wanted) == "fit"
