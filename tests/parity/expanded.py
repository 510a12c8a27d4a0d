"""A small-vocabulary checkpoint with the standard 51,865 tokens, exactly the same model.

The final layer norm gives h = g·n + b with Σn = 0, so for u = α/g (elementwise) h·u = α·Σ(b/g)
whatever h is. Every token the small vocabulary lacks gets the row u with that constant at -40.
"""

import json
from pathlib import Path

import numpy as np
from support.checkpoints import standard_vocabulary, write_safetensors, write_tokenizer

from live_whisper.whisper.checkpoint import Checkpoint, load_checkpoint

NEVER = -40.0  # logit of a token the small model does not know
_EMBEDDING = "model.decoder.embed_tokens.weight"
_NORM = "model.decoder.layer_norm"


def standard_ids(small: Checkpoint) -> dict[int, int]:
    """The standard id of every token of a small checkpoint."""
    text, special = standard_vocabulary("multilingual", 99)
    known = {number: special[name] for name, number in small.tokenizer.special.items()}
    for number in range(small.dims.n_vocab):
        spelt = small.tokenizer.decode_bytes([number])
        if spelt:
            known[number] = text[spelt]
    return known


def expand(small: Checkpoint, folder: Path) -> Checkpoint:
    """Write the expanded checkpoint to a new folder and load it."""
    folder.mkdir(parents=True)
    text, special = standard_vocabulary("multilingual", 99)
    tensors = {name: np.array(value, dtype=np.float32) for name, value in small.tensors.items()}
    gain = tensors[f"{_NORM}.weight"].astype(np.float64)
    bias = tensors[f"{_NORM}.bias"].astype(np.float64)
    row = (NEVER / (bias / gain).sum()) / gain
    rows = np.tile(row.astype(np.float32), (max(special.values()) + 1, 1))
    ids = standard_ids(small)
    rows[list(ids.values())] = tensors[_EMBEDDING][list(ids)]
    tensors[_EMBEDDING] = rows
    write_safetensors(folder / "model.safetensors", tensors)
    write_tokenizer(folder, text, special)
    config = json.loads((small.folder / "config.json").read_text(encoding="utf-8"))
    stated = json.loads((small.folder / "generation_config.json").read_text(encoding="utf-8"))
    config = {key: value for key, value in config.items() if not key.endswith("_token_id")}
    config["vocab_size"] = len(rows)
    kept = {"alignment_heads": stated["alignment_heads"], "is_multilingual": True}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "generation_config.json").write_text(json.dumps(kept), encoding="utf-8")
    return load_checkpoint(folder)
