"""Rates, hops and conversions: the only place where one unit becomes another.

Every position in a stream is an integer index of a 16 kHz mono sample since the stream began.
Seconds and milliseconds appear where people read them, clock nanoseconds only in the runtime.

The mel geometry is that of openai/whisper ``whisper/audio.py``.
"""

SAMPLE_RATE = 16_000  # samples per second of everything after the resampler
N_FFT = 400  # samples in one analysis frame (25 ms)
HOP_SAMPLES = 160  # samples between mel frames (10 ms)
FRAMES_PER_SECOND = SAMPLE_RATE // HOP_SAMPLES  # 100 mel frames
SAMPLES_PER_POSITION = (
    HOP_SAMPLES * 2
)  # 320: the encoder's second convolution halves the frames (20 ms)
POSITIONS_PER_SECOND = SAMPLE_RATE // SAMPLES_PER_POSITION  # 50 encoder positions, 50 timestamps

WINDOW_SECONDS = 30
WINDOW_SAMPLES = WINDOW_SECONDS * SAMPLE_RATE  # 480 000: the longest window Whisper takes
WINDOW_FRAMES = WINDOW_SAMPLES // HOP_SAMPLES  # 3000
WINDOW_POSITIONS = WINDOW_FRAMES // 2  # 1500

NS_PER_SECOND = 1_000_000_000


def seconds_to_samples(seconds: float) -> int:
    """Nearest 16 kHz sample index to a time in seconds."""
    return round(seconds * SAMPLE_RATE)


def samples_to_seconds(samples: int) -> float:
    """Time in seconds of a 16 kHz sample index."""
    return samples / SAMPLE_RATE


def ms_to_samples(ms: float) -> int:
    """Nearest 16 kHz sample index to a time in milliseconds."""
    return round(ms * SAMPLE_RATE / 1000)


def samples_to_ms(samples: int) -> int:
    """Milliseconds of a sample index, rounded half up in integers.

    Rounding happens here, once, before a time is split into hours, minutes and seconds: splitting
    first is how ``,1000`` gets into a subtitle file.
    """
    return (samples * 1000 + SAMPLE_RATE // 2) // SAMPLE_RATE


def samples_to_ns(samples: int) -> int:
    """Nanoseconds that a number of samples lasts."""
    return samples * NS_PER_SECOND // SAMPLE_RATE


def ns_to_samples(ns: int) -> int:
    """Whole samples that fit into a number of nanoseconds."""
    return ns * SAMPLE_RATE // NS_PER_SECOND


def align_to_position(sample: int) -> int:
    """The last encoder position boundary (multiple of 20 ms) at or before a sample."""
    return sample - sample % SAMPLES_PER_POSITION
