"""Exact expansion of the demo checkpoint to the standard vocabulary of 51,865 tokens.

Other programs then run the very same model: tokens that the demo model does not know get an
embedding whose logit is a constant -40 (see `folder.constant_logit_row`), so they are never
chosen and change nothing.

`python -m demo_model.expand CHECKPOINT OUT` writes OUT/model.pt for openai-whisper and the
Hugging Face folder OUT/hf.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from demo_model import folder
from demo_model.hf_names import to_hugging_face
from demo_model.network import Dims
from demo_model.vocabulary import TIMESTAMPS, Vocabulary

STANDARD_SIZE = 51_865
STANDARD_SPECIALS = {
    "endoftext": 50257,
    "startoftranscript": 50258,
    "en": 50259,
    "ko": 50264,
    "translate": 50358,
    "transcribe": 50359,
    "startoflm": 50360,
    "startofprev": 50361,
    "nospeech": 50362,
    "notimestamps": 50363,
}
STANDARD_TIMESTAMP_BEGIN = 50364
_SETTINGS_WITH_IDS = ("bos", "eos", "pad")


def standard_ids(vocabulary: Vocabulary) -> list[int]:
    """Standard id of every token of the demo vocabulary, by its id."""
    specials = sorted(STANDARD_SPECIALS, key=vocabulary.special)
    return [
        *vocabulary.standard_ids,
        *(STANDARD_SPECIALS[name] for name in specials),
        *range(STANDARD_TIMESTAMP_BEGIN, STANDARD_TIMESTAMP_BEGIN + TIMESTAMPS),
    ]


def expand_state(state: folder.State, vocabulary: Vocabulary) -> folder.State:
    """The state with an embedding table of `STANDARD_SIZE` rows."""
    table = state["decoder.token_embedding.weight"]
    rows: Tensor = folder.constant_logit_row(state)[None].repeat(STANDARD_SIZE, 1)
    rows[torch.tensor(standard_ids(vocabulary))] = table
    return {**state, "decoder.token_embedding.weight": rows}


def write_openai(path: Path, state: folder.State, dims: Dims) -> None:
    """A checkpoint for `whisper.load_model(path)`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"dims": asdict(dims), "model_state_dict": state}, path)


def write_hugging_face(
    out: Path, state: folder.State, dims: Dims, alignment_heads: list[list[int]]
) -> None:
    """Weights (f32) and configuration; the tokenizer is the standard multilingual one."""
    out.mkdir(parents=True, exist_ok=True)
    tensors = {to_hugging_face(name): tensor.contiguous() for name, tensor in state.items()}
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    ids = STANDARD_SPECIALS
    eot = ids["endoftext"]
    settings = folder.config_for(dims, eot, ids["startoftranscript"], "float32")
    generation = {
        "is_multilingual": True,
        "lang_to_id": {"<|en|>": ids["en"], "<|ko|>": ids["ko"]},
        "task_to_id": {name: ids[name] for name in ("transcribe", "translate")},
        "no_timestamps_token_id": ids["notimestamps"],
        "prev_sot_token_id": ids["startofprev"],
        "decoder_start_token_id": ids["startoftranscript"],
        **{f"{name}_token_id": eot for name in _SETTINGS_WITH_IDS},
        "max_initial_timestamp_index": 50,
        "max_length": 448,
        "suppress_tokens": [],
        "begin_suppress_tokens": [220, eot],
        "alignment_heads": alignment_heads,
    }
    for name, content in (("config.json", settings), ("generation_config.json", generation)):
        (out / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def expand(checkpoint: Path, out: Path) -> None:
    """Write both forms of the expanded checkpoint."""
    state, vocabulary, _ = folder.read(checkpoint)
    expanded = expand_state(state, vocabulary)
    dims = replace(folder.dims_of(state), n_vocab=STANDARD_SIZE)
    text = (checkpoint / "generation_config.json").read_text(encoding="utf-8")
    write_openai(out / "model.pt", expanded, dims)
    write_hugging_face(out / "hf", expanded, dims, json.loads(text)["alignment_heads"])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    expand(options.checkpoint, options.out)


if __name__ == "__main__":
    main()
