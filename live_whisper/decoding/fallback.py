"""Decodes again at a higher temperature where the first answer cannot be trusted.

The thresholds and their order are those of ``decode_with_fallback`` in openai/whisper
``transcribe.py``.
"""

from dataclasses import dataclass, replace

from live_whisper.decoding.types import Decoded, DecodeRequest, StepMonitor
from live_whisper.decoding.window import WindowDecoder
from live_whisper.engines.base import Features


@dataclass(frozen=True, slots=True)
class FallbackSettings:
    """When an answer is not good enough; ``None`` switches a test off."""

    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """Tried in order until one passes; the last one's answer stands."""
    compression_ratio: float | None = 2.4
    """Text that compresses better than this is repetitive."""
    average_log_probability: float | None = -1.0
    """Below this the model was guessing."""
    no_speech_probability: float | None = 0.6
    """Above this, and with a low log probability, the window is silence, not a bad decode."""


def is_silence(decoded: Decoded, settings: FallbackSettings) -> bool:
    """Whether the window is to be skipped: no speech, and the text is not sure enough to stand."""
    if settings.no_speech_probability is None:
        return False
    if decoded.no_speech_probability <= settings.no_speech_probability:
        return False
    floor = settings.average_log_probability
    return floor is None or decoded.average_log_probability <= floor


def needs_fallback(decoded: Decoded, settings: FallbackSettings) -> bool:
    """Whether the answer fails a test and another temperature may do better."""
    ratio, floor = settings.compression_ratio, settings.average_log_probability
    repetitive = ratio is not None and decoded.compression_ratio > ratio
    unsure = floor is not None and decoded.average_log_probability < floor
    silent = (
        settings.no_speech_probability is not None
        and decoded.no_speech_probability > settings.no_speech_probability
        and unsure
    )
    return (repetitive or unsure or decoded.stop == "loop") and not silent


def decode_with_fallback(
    decoder: WindowDecoder,
    features: Features,
    request: DecodeRequest,
    settings: FallbackSettings | None = None,
    monitor: StepMonitor | None = None,
) -> Decoded:
    """The first answer that passes, or the last one. ``request.temperature`` is not used.

    ``monitor`` sees every attempt from its first token. The costs of all attempts are summed.
    Raises ``ValueError`` without any temperature.
    """
    settings = settings or FallbackSettings()
    if not settings.temperatures:
        raise ValueError("fallback needs at least one temperature")
    costs: dict[str, int] = {}
    for attempt, temperature in enumerate(settings.temperatures):
        tried = replace(request, temperature=temperature, seed=request.seed + attempt)
        decoded = decoder.decode(features, tried, monitor)
        for stage, cost in decoded.costs_ns.items():
            costs[stage] = costs.get(stage, 0) + cost
        if not needs_fallback(decoded, settings):
            break
    return replace(decoded, costs_ns=costs)
