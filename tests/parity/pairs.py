"""The same checkpoint in this package and in openai-whisper."""

import os
from dataclasses import dataclass
from pathlib import Path

import expanded
import numpy as np
import torch
import whisper
from support.checkpoints import make_random_checkpoint, write_safetensors
from support.openai_reference import to_openai

from live_whisper.decoding import NO_GUARDS, WindowDecoder
from live_whisper.engines.onnx import OnnxEngine
from live_whisper.whisper.checkpoint import Checkpoint, load_checkpoint
from live_whisper.whisper.mel import LogMel

DEMO = Path(
    os.environ.get(
        "LIVE_WHISPER_DEMO_CHECKPOINT",
        Path(__file__).parents[2] / "live_whisper" / "assets" / "demo",
    )
)
SIZES = {"tiny": (384, 4, 6), "base": (512, 6, 8)}

torch.set_num_threads(1)


@dataclass
class Pair:
    """One checkpoint, two programs."""

    checkpoint: Checkpoint
    reference: whisper.Whisper
    decoder: WindowDecoder
    log_mel: LogMel


def make_pair(checkpoint: Checkpoint, cache: Path) -> Pair:
    engine = OnnxEngine.load(checkpoint, threads=1, cache_dir=cache)
    decoder = WindowDecoder(engine, checkpoint.tokenizer, checkpoint.generation, guards=NO_GUARDS)
    return Pair(checkpoint, to_openai(checkpoint), decoder, LogMel(checkpoint.dims.n_mels))


def make_lively(folder: Path, size: str) -> Checkpoint:
    """A random checkpoint whose text depends on place and sound, not only on the last token.

    With tied embeddings a random decoder mostly says its own input again; larger position
    embeddings and cross-attention make it say hundreds of different tokens.
    """
    width, layers, heads = SIZES[size]
    make_random_checkpoint(folder, d_model=width, layers=layers, heads=heads, vocab="51865")
    tensors = {k: np.array(v) for k, v in load_checkpoint(folder).tensors.items()}
    for name in tensors:
        if name == "model.decoder.embed_positions.weight":
            tensors[name] *= 10
        elif "decoder" in name and "encoder_attn.out_proj" in name:
            tensors[name] *= 2
    write_safetensors(folder / "model.safetensors", tensors)
    return load_checkpoint(folder)


def expanded_demo(root: Path) -> Checkpoint | None:
    """The demo checkpoint with the standard vocabulary, as openai-whisper needs it."""
    if not (DEMO / "model.safetensors").is_file():
        return None
    return expanded.expand(load_checkpoint(DEMO), root / "hf")
