"""Token ids and their bytes, from a Hugging Face folder's tokenizer files.

Text tokens are written in GPT-2's byte alphabet (one printable character per byte); special
tokens look like ``<|...|>``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from live_whisper.errors import ModelError, one_line
from live_whisper.whisper.jsonfile import id_table, read_object, read_optional

_SPECIAL = re.compile(r"<\|[^|]*\|>")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What each id stands for; ids that no file names are padding."""

    text: dict[bytes, int]
    """Byte-pair tokens; ascending ids are their merge order."""
    special: dict[str, int]
    """``<|...|>`` tokens."""
    added: dict[str, int]
    """Whole words added by a fine-tune; decoded, never encoded to."""


def byte_alphabet() -> dict[str, int]:
    """GPT-2's character for each byte: printable Latin-1 is itself, the others follow 256."""
    own = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), 256)]
    others = [byte for byte in range(256) if byte not in set(own)]
    return {chr(b): b for b in own} | {chr(256 + i): b for i, b in enumerate(others)}


def read_vocabulary(folder: Path, n_vocab: int) -> Vocabulary:
    """The vocabulary of ``tokenizer.json``, or of ``vocab.json`` and the added tokens beside it.

    Raises ``ModelError`` where there is none, where an id has two names or lies outside the
    ``n_vocab`` rows of the embedding, and where two files disagree.
    """
    text_names: dict[str, int] = {}
    added_names: dict[str, int] = {}
    if (folder / "tokenizer.json").is_file():
        text_names, added_names = _from_tokenizer_json(folder / "tokenizer.json")
    if (folder / "vocab.json").is_file():
        text_names = _agree(text_names, id_table(read_object(folder / "vocab.json"), "vocab.json"))
        added = id_table(read_optional(folder / "added_tokens.json"), "added_tokens.json")
        if not added and not added_names:
            added = _from_tokenizer_config(folder / "tokenizer_config.json")
        added_names = _agree(added_names, added)
    if not text_names:
        raise ModelError(f"{folder} has neither tokenizer.json nor vocab.json.")
    names = _agree(added_names, text_names)
    _check_ids(names, n_vocab)
    return _sorted_out(names, added_names)


def _from_tokenizer_json(path: Path) -> tuple[dict[str, int], dict[str, int]]:
    whole = read_object(path)
    model = whole.get("model")
    if not isinstance(model, dict) or model.get("type", "BPE") != "BPE":
        raise ModelError("tokenizer.json is not a byte-pair tokenizer.")
    added = whole.get("added_tokens") or []
    if not isinstance(added, list) or not all(isinstance(item, dict) for item in added):
        raise ModelError("tokenizer.json: added_tokens is not a list.")
    table = {str(item.get("content")): item.get("id") for item in added}
    return id_table(model.get("vocab"), "tokenizer.json"), id_table(table, "tokenizer.json")


def _from_tokenizer_config(path: Path) -> dict[str, int]:
    decoder = read_optional(path).get("added_tokens_decoder")
    if not isinstance(decoder, dict):
        return {}
    return {
        str(item.get("content")): int(number)
        for number, item in decoder.items()
        if isinstance(item, dict) and number.isdecimal() and len(number) < 10
    }


def _agree(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    for name in first.keys() & second.keys():
        if first[name] != second[name]:
            raise ModelError(
                f"the tokenizer files disagree about {one_line(name, 60)!r}: "
                f"{first[name]} and {second[name]}."
            )
    return second | first if len(second) >= len(first) else first | second


def _check_ids(names: dict[str, int], n_vocab: int) -> None:
    owner: dict[int, str] = {}
    for name, number in names.items():
        if number >= n_vocab:
            raise ModelError(
                f"token {one_line(name, 60)!r} has id {number}, "
                f"outside the vocabulary of {n_vocab}."
            )
        if number in owner:
            raise ModelError(
                f"token id {number} has two names: "
                f"{one_line(owner[number], 60)!r} and {one_line(name, 60)!r}."
            )
        owner[number] = name


def _sorted_out(names: dict[str, int], added_names: Iterable[str]) -> Vocabulary:
    alphabet = byte_alphabet()
    added_names = set(added_names)
    text: dict[bytes, int] = {}
    special: dict[str, int] = {}
    added: dict[str, int] = {}
    for name, number in sorted(names.items(), key=lambda item: item[1]):
        if _SPECIAL.fullmatch(name):
            special[name] = number
        elif name in added_names:
            added[name] = number
        else:
            try:
                text[bytes(alphabet[c] for c in name)] = number
            except KeyError:
                raise ModelError(
                    f"token {number} is not spelt in bytes: {one_line(name, 60)!r}."
                ) from None
    absent = [byte for byte in range(256) if bytes([byte]) not in text]
    if absent:
        raise ModelError(f"the tokenizer has no token for byte 0x{absent[0]:02x}.")
    return Vocabulary(text, special, added)
