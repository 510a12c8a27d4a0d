"""What can be chosen about a conversion, and what is chosen where nothing is said."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from live_whisper.engines.coreml.manifest import Precision, Scheme
from live_whisper.errors import UsageError
from live_whisper.whisper.dims import Dims

Quantize: TypeAlias = Literal["auto", "none", "int8", "palette8"]

PREFILL_WIDTH = 8
SHORT_CONTEXT = 512  # positions, 10.2 s: most live windows
STATE_MULTIPLE = 32  # Core ML refuses states whose last dimension is no multiple of it

_MEDIUM_STATE = 1024  # width from which weights are compressed: medium and larger
_LARGE_CACHE_BYTES = 40_000_000  # self-attention cache in float16 that crosses the API per token
_SHORT_CACHE = 224  # tokens


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """How to convert. ``compute_precision`` and ``quantize`` are the command line's words."""

    compute_precision: Precision = "float16"
    """The Neural Engine computes in float16 only; float32 runs on processor and GPU."""
    quantize: Quantize = "auto"
    """How weights are stored. ``auto``: int8 for medium and larger, else ``none``; turbo and
    large get an 8-bit palette."""
    context_positions: tuple[int, ...] = ()
    """Encoder positions to build for, 20 ms each. Empty: the full window, and 512 besides where
    the checkpoint was trained for short contexts."""
    text_positions: int = 0
    """Tokens the cache holds. 0: the checkpoint's own, 224 where that is more than 40 MB."""
    stateful: bool = False
    """Keep the cache inside Core ML (macOS 15 or later)."""


def resolve_scheme(quantize: Quantize, dims: Dims) -> Scheme:
    """The scheme ``auto`` stands for."""
    if quantize != "auto":
        return quantize
    if dims.n_audio_state < _MEDIUM_STATE:
        return "none"
    return "int8" if dims.n_audio_state == _MEDIUM_STATE else "palette8"


def default_contexts(dims: Dims, audio_context: str) -> tuple[int, ...]:
    """Contexts to build for a checkpoint that was trained for ``full`` or ``fit``."""
    full = dims.n_audio_ctx
    return (SHORT_CONTEXT, full) if audio_context == "fit" and full > SHORT_CONTEXT else (full,)


def check_contexts(contexts: tuple[int, ...], dims: Dims) -> tuple[int, ...]:
    """Ascending, without repeats. Raises ``UsageError`` outside 1..n_audio_ctx."""
    for positions in contexts:
        if not 1 <= positions <= dims.n_audio_ctx:
            raise UsageError(
                f"A context of {positions} positions does not exist in this checkpoint.",
                hint=f"Choose 1 to {dims.n_audio_ctx}; 50 positions are a second.",
            )
    return tuple(sorted(set(contexts)))


def resolve_text_positions(chosen: int, dims: Dims) -> int:
    """Length of the key/value cache in tokens. Raises ``UsageError`` outside 2..n_text_ctx."""
    if chosen and not 2 <= chosen <= dims.n_text_ctx:
        raise UsageError(f"The decoder's cache can hold 2 to {dims.n_text_ctx} tokens.")
    if chosen:
        return chosen
    bytes_per_token = 2 * 2 * dims.n_text_layer * dims.n_text_state  # keys and values, float16
    if bytes_per_token * dims.n_text_ctx > _LARGE_CACHE_BYTES:
        return min(_SHORT_CACHE, dims.n_text_ctx)
    return dims.n_text_ctx


def padded(positions: int) -> int:
    """The next size that a state can have."""
    return -(-positions // STATE_MULTIPLE) * STATE_MULTIPLE
