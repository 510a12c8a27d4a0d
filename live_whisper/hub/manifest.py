"""What is written beside a checkpoint: where it came from and what its files must be."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeGuard

from live_whisper.errors import HubError
from live_whisper.hub.names import AudioContext, by_hub_id, is_hub_id

MANIFEST: Final = "manifest.json"
_FORMAT = 1
_MAX_BYTES = 1 << 20
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# Names that Windows keeps for devices, whatever their ending.
_DEVICE_NAME = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a checkpoint."""

    name: str
    size: int
    """Bytes."""
    sha256: str
    """64 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that identifies a checkpoint on disk."""

    hub_id: str
    revision: str
    """Commit, 40 hexadecimal digits."""
    requested: str
    """The branch, tag or commit that was asked for; empty for the default branch."""
    asked_id: str
    """The id that was asked for; differs from ``hub_id`` after the Hub has renamed a repository."""
    pulled_ns: int
    """Nanoseconds since 1970."""
    audio_context: AudioContext
    tokenizer_from: str
    """``owner/name@commit`` the tokenizer files came from; empty where they are its own."""
    files: tuple[StoredFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A complete checkpoint on disk."""

    path: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """Short name where it has one, else the Hub id."""
        known = by_hub_id(self.manifest.hub_id)
        return known.name if known else self.manifest.hub_id


def is_commit(text: object) -> TypeGuard[str]:
    """Whether ``text`` is a full commit id."""
    return isinstance(text, str) and bool(_COMMIT.fullmatch(text))


def is_sha256(text: object) -> TypeGuard[str]:
    """Whether ``text`` is a SHA-256 in lower-case hexadecimal."""
    return isinstance(text, str) and bool(_SHA256.fullmatch(text))


def is_plain_file_name(name: object) -> TypeGuard[str]:
    """Whether ``name`` is safe as a file of a folder of ours on every system."""
    return (
        isinstance(name, str)
        and bool(_FILE_NAME.fullmatch(name))
        and not name.endswith(".")
        and not _DEVICE_NAME.fullmatch(name)
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` whole or not at all, flushed to the disk. Raises ``OSError``."""
    record = {
        "format": _FORMAT,
        "hub_id": manifest.hub_id,
        "revision": manifest.revision,
        "requested": manifest.requested,
        "asked_id": manifest.asked_id,
        "pulled_ns": manifest.pulled_ns,
        "audio_context": manifest.audio_context,
        "tokenizer_from": manifest.tokenizer_from,
        "files": [
            {"name": file.name, "size": file.size, "sha256": file.sha256} for file in manifest.files
        ],
    }
    new = folder / f"{MANIFEST}.new"
    with new.open("w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``manifest.json``.

    Raises ``FileNotFoundError`` where there is none, ``HubError`` where it is not one of ours and
    ``OSError`` where it cannot be read.
    """
    path = folder / MANIFEST
    with path.open("rb") as file:
        raw = file.read(_MAX_BYTES + 1)
    try:
        return _parse(json.loads(raw if len(raw) <= _MAX_BYTES else b""))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HubError(
            f"'{folder.name}' in the model folder has a damaged manifest.",
            hint="Pull the model again; the folder is replaced.",
        ) from error


def _parse(record: object) -> Manifest:
    if not isinstance(record, dict):
        raise TypeError("not an object")
    if record["format"] != _FORMAT:
        raise ValueError("unknown format")
    files = tuple(_parse_file(entry) for entry in record["files"])
    context = record["audio_context"]
    pulled_ns = record["pulled_ns"]
    texts = [record[key] for key in ("hub_id", "requested", "asked_id", "tokenizer_from")]
    if not all(isinstance(text, str) and len(text) <= 300 for text in texts):
        raise ValueError("not texts")
    if not (is_hub_id(record["hub_id"]) and is_commit(record["revision"]) and files):
        raise ValueError("no identity")
    if context not in {"full", "fit"} or not isinstance(pulled_ns, int):
        raise ValueError("no context or no time")
    return Manifest(
        hub_id=record["hub_id"],
        revision=record["revision"],
        requested=record["requested"],
        asked_id=record["asked_id"],
        pulled_ns=pulled_ns,
        audio_context=context,
        tokenizer_from=record["tokenizer_from"],
        files=files,
    )


def _parse_file(entry: object) -> StoredFile:
    if not isinstance(entry, dict):
        raise TypeError("not an object")
    name, size, sha256 = entry["name"], entry["size"], entry["sha256"]
    if not is_plain_file_name(name) or name == MANIFEST:
        raise ValueError("not a file name")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or not is_sha256(sha256):
        raise ValueError("no size or checksum")
    return StoredFile(name=name, size=size, sha256=sha256)
