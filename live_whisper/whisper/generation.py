"""How a checkpoint wants to be decoded: ``generation_config.json``, checked against the tokenizer.

Whatever the file leaves out is derived as openai/whisper would.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from live_whisper.errors import ModelError
from live_whisper.whisper.dims import Dims
from live_whisper.whisper.jsonfile import id_list, id_table
from live_whisper.whisper.tokenizer import Tokenizer

_ENGLISH_ONLY_VOCABULARY = 51_864  # the multilingual one has one more text token
_DEFAULT_INITIAL_INDEX = 50  # 1.0 s, openai/whisper decoding.DecodingOptions


@dataclass(frozen=True, slots=True)
class Generation:
    """Token rules of a checkpoint."""

    suppress_tokens: tuple[int, ...]
    """Never sampled. Special tokens have to be kept out besides: ``Tokenizer.special_ids``."""
    begin_suppress_tokens: tuple[int, ...]
    """Not sampled as the first token."""
    max_initial_timestamp_index: int | None
    """The first timestamp is at most this many steps of 0.02 s."""
    alignment_heads: tuple[tuple[int, int], ...]
    """(layer, head) pairs whose cross-attention follows the speech, in the file's order."""
    is_multilingual: bool
    lang_to_id: Mapping[str, int]
    """Language code to token."""
    task_to_id: Mapping[str, int]
    """``transcribe`` and ``translate`` to token."""


def is_multilingual(config: Mapping[str, object], generation: Mapping[str, object]) -> bool:
    """As ``generation_config.json`` says, else by the size of the official vocabularies."""
    stated = generation.get("is_multilingual")
    if stated is None:
        return config.get("vocab_size") != _ENGLISH_ONLY_VOCABULARY
    if not isinstance(stated, bool):
        raise ModelError("generation_config.json: is_multilingual is neither true nor false.")
    return stated


def read_generation(
    config: Mapping[str, object],
    generation: Mapping[str, object],
    dims: Dims,
    tokenizer: Tokenizer,
) -> Generation:
    """Rules from the parsed files. Raises ``ModelError`` naming what contradicts the tokenizer."""
    _check_ids(config, "config.json", tokenizer)
    _check_ids(generation, "generation_config.json", tokenizer)
    _check_languages(generation, tokenizer)
    return Generation(
        suppress_tokens=_suppressed(
            "suppress_tokens",
            (config, generation),
            tuple(sorted({*tokenizer.non_speech_tokens, *_controls(tokenizer)})),
            dims.n_vocab,
        ),
        begin_suppress_tokens=_suppressed(
            "begin_suppress_tokens",
            (config, generation),
            (*tokenizer.encode(" "), tokenizer.eot),
            dims.n_vocab,
        ),
        max_initial_timestamp_index=_initial_index(generation),
        alignment_heads=_alignment_heads(generation, dims),
        is_multilingual=tokenizer.is_multilingual,
        lang_to_id=tokenizer.languages,
        task_to_id={"transcribe": tokenizer.transcribe, "translate": tokenizer.translate},
    )


def _controls(tokenizer: Tokenizer) -> tuple[int, ...]:
    return (
        tokenizer.sot,
        tokenizer.transcribe,
        tokenizer.translate,
        tokenizer.sot_lm,
        tokenizer.sot_prev,
        tokenizer.no_speech,
    )


def _check_ids(stated: Mapping[str, object], where: str, tokenizer: Tokenizer) -> None:
    for key, token in (
        ("decoder_start_token_id", tokenizer.sot),
        ("eos_token_id", tokenizer.eot),
        ("no_timestamps_token_id", tokenizer.no_timestamps),
        ("prev_sot_token_id", tokenizer.sot_prev),
    ):
        value = stated.get(key)
        values = value if isinstance(value, list) else [value]
        if value is not None and token not in values:
            raise ModelError(
                f"{where}: {key} is {str(value)[:20]}, but the tokenizer has "
                f"{tokenizer.token_name(token)} at {token}."
            )


def _check_languages(generation: Mapping[str, object], tokenizer: Tokenizer) -> None:
    tables = (
        ("lang_to_id", id_table(generation.get("lang_to_id"), "lang_to_id")),
        (
            "task_to_id",
            {
                f"<|{name}|>": number
                for name, number in id_table(generation.get("task_to_id"), "task_to_id").items()
            },
        ),
    )
    for key, table in tables:
        for name, number in table.items():
            actual = tokenizer.special.get(name)
            if actual != number:
                has = "does not have it" if actual is None else f"has it at {actual}"
                raise ModelError(
                    f"generation_config.json: {key} puts {name[:24]} at {number}, "
                    f"but the tokenizer {has}."
                )


def _suppressed(
    key: str,
    files: tuple[Mapping[str, object], Mapping[str, object]],
    derived: tuple[int, ...],
    n_vocab: int,
) -> tuple[int, ...]:
    config, generation = files
    value = generation.get(key, config.get(key))
    if value is None:
        return derived
    if isinstance(value, list) and value == [-1]:
        return derived
    ids = id_list(value, key)
    outside = [i for i in ids if i >= n_vocab]
    if outside:
        raise ModelError(f"{key} names token {outside[0]}, outside the vocabulary of {n_vocab}.")
    return ids


def _initial_index(generation: Mapping[str, object]) -> int | None:
    value = generation.get("max_initial_timestamp_index", _DEFAULT_INITIAL_INDEX)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ModelError("generation_config.json: max_initial_timestamp_index is not a number.")
    return value


def _alignment_heads(generation: Mapping[str, object], dims: Dims) -> tuple[tuple[int, int], ...]:
    """As stated; else all of the later half of the layers, as the reference has it.

    Distilled checkpoints (``distil-small.en``) may carry the list of their teacher, whose layers
    they do not have: none of it means anything for them.
    """
    stated = generation.get("alignment_heads")
    value = [] if stated is None else stated
    pairs = [id_list(pair, "alignment_heads") for pair in value] if isinstance(value, list) else []
    if not isinstance(value, list) or any(len(pair) != 2 for pair in pairs):
        raise ModelError(
            "generation_config.json: alignment_heads is not a list of layers and heads."
        )
    heads = [(layer, head) for layer, head in pairs]
    if heads and all(i < dims.n_text_layer and j < dims.n_text_head for i, j in heads):
        return tuple(dict.fromkeys(heads))
    return tuple(
        (layer, head)
        for layer in range(dims.n_text_layer // 2, dims.n_text_layer)
        for head in range(dims.n_text_head)
    )
