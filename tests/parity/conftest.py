"""The same checkpoint in this package and in openai-whisper."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
whisper = pytest.importorskip("whisper")

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests/support
sys.path.insert(0, str(Path(__file__).parent))

import expanded
from support.checkpoints import make_random_checkpoint, write_safetensors
from support.openai_reference import to_openai

from live_whisper.decoding import NO_GUARDS, WindowDecoder
from live_whisper.engines.onnx import OnnxEngine
from live_whisper.whisper.checkpoint import Checkpoint, load_checkpoint
from live_whisper.whisper.mel import LogMel

DEMO = Path(__file__).parents[2] / "live_whisper" / "assets" / "demo"
SIZES = {"tiny": (384, 4, 6), "base": (512, 6, 8)}

torch.set_num_threads(2)


@dataclass
class Pair:
    """One checkpoint, two programs."""

    checkpoint: Checkpoint
    reference: "whisper.Whisper"
    decoder: WindowDecoder
    log_mel: LogMel


def make_pair(checkpoint: Checkpoint, cache: Path) -> Pair:
    engine = OnnxEngine.load(checkpoint, threads=2, cache_dir=cache)
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
    for name, value in tensors.items():
        if name == "model.decoder.embed_positions.weight":
            value *= 10
        elif "decoder" in name and "encoder_attn.out_proj" in name:
            value *= 8
    write_safetensors(folder / "model.safetensors", tensors)
    return load_checkpoint(folder)


@pytest.fixture(scope="session", params=list(SIZES))
def random_pair(request, tmp_path_factory) -> Pair:
    root = tmp_path_factory.mktemp(request.param)
    return make_pair(make_lively(root / "checkpoint", request.param), root / "cache")


@pytest.fixture(scope="session")
def demo_pair(tmp_path_factory) -> Pair:
    """The demo checkpoint with the standard vocabulary, as openai-whisper needs it."""
    folder = Path(os.environ.get("LIVE_WHISPER_DEMO_CHECKPOINT", DEMO))
    if not (folder / "model.safetensors").is_file():
        pytest.skip("no demo checkpoint")
    root = tmp_path_factory.mktemp("demo")
    return make_pair(expanded.expand(load_checkpoint(folder), root / "hf"), root / "cache")
