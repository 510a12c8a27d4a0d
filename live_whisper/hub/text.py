"""Text from a server or a file, made fit for one line of a terminal."""

import re
import unicodedata

_SPACE = re.compile(r"\s+")


def printable(text: object, limit: int = 160) -> str:
    """One line without control or formatting characters, at most ``limit`` characters."""
    flat = _SPACE.sub(" ", str(text)[: 4 * limit]).strip()
    kept = "".join(c for c in flat if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def size_text(size_bytes: int) -> str:
    """Decimal megabytes or gigabytes, as the Hub's pages show them."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1e9:.2f} GB"
    if size_bytes >= 1_000_000:
        return f"{size_bytes / 1e6:.0f} MB"
    return f"{size_bytes / 1e3:.0f} kB"
