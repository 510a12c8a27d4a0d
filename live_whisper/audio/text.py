"""Names from devices and files, made safe to show."""

import unicodedata

_NEVER_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str, *, limit: int = 200) -> str:
    """One line without control, format or unassigned characters, at most ``limit`` characters.

    Device and file names come from outside: an escape sequence in one must not reach a terminal.
    """
    spaced = (" " if c.isspace() else c for c in text)
    shown = "".join(c for c in spaced if unicodedata.category(c) not in _NEVER_SHOWN)
    kept = " ".join(shown.split())
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"
