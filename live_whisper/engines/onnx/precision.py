"""The number formats an engine can run in, and which suits this processor."""

import platform
from pathlib import Path
from typing import Literal, TypeAlias

from live_whisper.errors import UsageError

Precision: TypeAlias = Literal["float32", "int8"]
Weights: TypeAlias = Literal["float32", "signed", "unsigned", "blocks"]
"""How the weights of linear maps are kept; see ``quantize``."""


def parse_precision(text: str) -> Precision:
    """Raises ``UsageError`` for an unknown one."""
    if text == "float32":
        return "float32"
    if text == "int8":
        return "int8"
    raise UsageError(f"unknown precision: {text[:20]!r}.", hint="Use float32 or int8.")


def weights_for(precision: Precision, *, dot_product: bool) -> tuple[Weights, Weights]:
    """For the encoder and the decoder. ``dot_product``: 8-bit products are summed in 32 bits."""
    if precision == "float32":
        return "float32", "float32"
    return ("signed", "blocks") if dot_product else ("unsigned", "unsigned")


def has_dot_product() -> bool:
    """Whether the processor sums 8-bit products without overflow: Arm, or x86 with VNNI.

    Where it cannot be told (x86 on Windows and macOS) the answer is no, which is slower and safe.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return any(name in flags for name in ("avx512_vnni", "avx_vnni"))
