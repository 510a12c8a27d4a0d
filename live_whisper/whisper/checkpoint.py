"""A Hugging Face Whisper folder, read as it is and checked before anything runs.

Every missing, extra or misshapen tensor and every inconsistent special token is named and stops
the load; nothing is ever left at random.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from live_whisper.errors import ModelError
from live_whisper.whisper.dims import Dims
from live_whisper.whisper.generation import Generation, is_multilingual, read_generation
from live_whisper.whisper.jsonfile import read_object, read_optional
from live_whisper.whisper.layout import EMBEDDING, HEAD, check_entries
from live_whisper.whisper.tensors import Tensors, content_key, open_folder
from live_whisper.whisper.tokenizer import Tokenizer
from live_whisper.whisper.vocabulary import read_vocabulary

AudioContext = Literal["full", "fit"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checked checkpoint. The tensors stay on disk until they are asked for. Any thread."""

    folder: Path
    dims: Dims
    tokenizer: Tokenizer
    generation: Generation
    audio_context: AudioContext
    """``fit`` where it was trained for windows as short as the audio, else ``full``."""
    revision: str
    """Key of the content: changes whenever weights or configuration do."""
    tensors: Tensors
    """Float32 by their Hugging Face names (``model.encoder.conv1.weight`` …)."""

    @property
    def head_name(self) -> str:
        """The tensor that turns the decoder's state into logits, (n_vocab, n_text_state)."""
        return HEAD if HEAD in self.tensors else EMBEDDING


def load_checkpoint(folder: Path, *, short_context: bool = False) -> Checkpoint:
    """Read and check a folder. Raises ``ModelError`` with one line that names the fault.

    ``short_context``: it is known to be trained for short windows; few checkpoints say so.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(
            f"{folder} is not a folder." if folder.exists() else f"{folder} does not exist."
        )
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{folder} is no checkpoint: it has no config.json.",
            hint="A folder with config.json, model.safetensors and tokenizer files is needed.",
        )
    config = read_object(folder / "config.json")
    stated = read_optional(folder / "generation_config.json")
    _check_architecture(config)
    dims = Dims.from_config(config)
    entries = open_folder(folder)
    files = sorted({entry.path for entry in entries.values()})
    tied = config.get("tie_word_embeddings", True) is not False
    checked = check_entries(entries, dims, tied=tied)
    tokenizer = Tokenizer(
        read_vocabulary(folder, dims.n_vocab),
        n_vocab=dims.n_vocab,
        is_multilingual=is_multilingual(config, stated),
    )
    generation = read_generation(config, stated, dims, tokenizer)
    described = [folder / "config.json"]
    if stated:
        described.append(folder / "generation_config.json")
    return Checkpoint(
        folder=folder,
        dims=dims,
        tokenizer=tokenizer,
        generation=generation,
        audio_context="fit" if short_context else _audio_context(config, stated),
        revision=content_key([*described, *files]),
        tensors=Tensors(checked),
    )


def _check_architecture(config: Mapping[str, object]) -> None:
    kind = config.get("model_type")
    if kind != "whisper":
        raise ModelError(
            f"this checkpoint is {str(kind)[:40]!r}, not 'whisper' (model_type in config.json)."
        )
    activation = config.get("activation_function", "gelu")
    if activation != "gelu":
        raise ModelError(f"config.json: activation_function {str(activation)[:20]!r} is not gelu.")
    if config.get("scale_embedding"):
        raise ModelError("config.json: scale_embedding is not supported.")


def _audio_context(config: Mapping[str, object], generation: Mapping[str, object]) -> AudioContext:
    for source in (config, config.get("live_whisper"), generation.get("live_whisper")):
        if isinstance(source, Mapping) and "audio_context" in source:
            value = source["audio_context"]
            if value == "full":
                return "full"
            if value == "fit":
                return "fit"
            raise ModelError(f"audio_context must be full or fit, not {str(value)[:20]!r}.")
    return "full"
