"""The source that the options name, and nothing heavier: capture begins before all else loads."""

from dataclasses import dataclass

from live_whisper.audio.source import AudioSource
from live_whisper.clock import Clock, wall_time_ns
from live_whisper.config.schema import AudioConfig
from live_whisper.errors import UsageError


@dataclass(frozen=True, slots=True)
class Input:
    """What to listen to."""

    source: AudioSource
    label: str = ""
    opened_wall_ns: int = 0
    """Wall-clock time at which it was opened, nanoseconds since 1970: that of sample 0."""


def open_input(settings: AudioConfig, wanted: str | None, pace: str, clock: Clock) -> Input:
    """Open a file, standard input (``-``) or, for ``None``, the configured device.

    From here on a microphone is captured. Raises ``UsageError``, ``InputError``, ``DeviceError``.
    """
    source = _source(settings, wanted, pace, clock)
    opened_wall_ns = wall_time_ns()
    source.open()
    return Input(source, opened_wall_ns=opened_wall_ns)


def _source(settings: AudioConfig, wanted: str | None, pace: str, clock: Clock) -> AudioSource:
    if pace not in ("realtime", "fast"):
        raise UsageError(f"Unknown pace {pace!r}.", hint="Use realtime or fast.")
    if wanted is None:
        from live_whisper.audio.microphone import PortAudioBackend  # noqa: PLC0415 - one is loaded
        from live_whisper.audio.microphone_source import MicrophoneSource  # noqa: PLC0415

        return MicrophoneSource(PortAudioBackend(clock), clock, settings.device or None)
    if wanted == "-":
        from live_whisper.audio.stdin_source import PcmLayout, StdinPcmSource  # noqa: PLC0415

        layout = PcmLayout(rate=settings.pcm_rate, channels=settings.pcm_channels)
        return StdinPcmSource(layout)
    from live_whisper.audio.media_source import MediaFileSource  # noqa: PLC0415

    return MediaFileSource(wanted, clock, pace="fast" if pace == "fast" else "realtime")
