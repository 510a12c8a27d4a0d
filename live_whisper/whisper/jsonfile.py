"""Bounded reading of a checkpoint's JSON files, which come from strangers."""

import json
from pathlib import Path

from live_whisper.errors import ModelError

MAX_JSON_BYTES = 64 << 20  # the largest real one, tokenizer.json, is about 4 MB


def read_object(path: Path) -> dict[str, object]:
    """The JSON object in a file. Raises ``ModelError`` for anything else."""
    try:
        size = path.stat().st_size
        if size > MAX_JSON_BYTES:
            raise ModelError(f"{path.name} is too large to be a checkpoint's: {size} bytes.")
        return parse_object(path.read_bytes(), path.name)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}.") from error


def parse_object(data: bytes, name: str) -> dict[str, object]:
    """A JSON object from bytes. Raises ``ModelError`` naming ``name``."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} is not valid JSON: {str(error)[:80]}.") from error
    if not isinstance(value, dict):
        raise ModelError(f"{name} is not a JSON object.")
    return value


def read_optional(path: Path) -> dict[str, object]:
    """Like ``read_object``, empty where the file does not exist."""
    return read_object(path) if path.is_file() else {}


def id_table(value: object, name: str) -> dict[str, int]:
    """A mapping of names to token ids. Raises ``ModelError`` naming the entry that is none."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ModelError(f"{name} is not a table of token ids.")
    for key, number in value.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise ModelError(f"{name}: {key[:40]!r} has no valid token id.")
    return value


def id_list(value: object, name: str) -> tuple[int, ...]:
    """A list of token ids. Raises ``ModelError`` naming the key."""
    if not isinstance(value, list) or any(
        not isinstance(i, int) or isinstance(i, bool) or i < 0 for i in value
    ):
        raise ModelError(f"{name} is not a list of token ids.")
    return tuple(value)
