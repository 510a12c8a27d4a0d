"""The caption settings in this package's own terms."""

from live_whisper.captions.cues import CueLimits
from live_whisper.captions.writer import WriterOptions
from live_whisper.config.schema import CaptionsConfig
from live_whisper.units import seconds_to_samples


def cue_limits(settings: CaptionsConfig) -> CueLimits:
    """What cues keep to."""
    return CueLimits(
        columns=settings.columns,
        lines=settings.lines,
        minimum=seconds_to_samples(settings.minimum_seconds),
        maximum=seconds_to_samples(settings.maximum_seconds),
    )


def writer_options(settings: CaptionsConfig) -> WriterOptions:
    """How a new file is written."""
    return WriterOptions(words=settings.word_times, limits=cue_limits(settings))
