"""Checksums of files, as the Hub states them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

_BLOCK = 1 << 20  # bytes


def file_checksums(
    path: Path, *, git: bool = False, on_bytes: Callable[[int], None] | None = None
) -> tuple[str, str]:
    r"""Hexadecimal (SHA-256, Git blob SHA-1) of a file; the second is empty unless ``git``.

    The Hub names files kept in LFS by SHA-256 and small ones by Git's blob id, the SHA-1 of
    ``blob <size>\0`` and the content. ``on_bytes`` gets the size of each block read. Raises
    ``OSError``.
    """
    sha256 = hashlib.sha256()
    sha1 = hashlib.sha1(usedforsecurity=False) if git else None
    if sha1 is not None:
        sha1.update(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            sha256.update(block)
            if sha1 is not None:
                sha1.update(block)
            if on_bytes is not None:
                on_bytes(len(block))
    return sha256.hexdigest(), sha1.hexdigest() if sha1 is not None else ""
