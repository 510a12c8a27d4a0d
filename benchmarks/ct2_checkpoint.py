"""The same weights for CTranslate2 (the engine of faster-whisper), written from numpy."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ctranslate2.specs import common_spec, whisper_spec
from ctranslate2.specs.attention_spec import MultiHeadAttentionSpec

from live_whisper.whisper.checkpoint import Checkpoint


def write_ctranslate2(checkpoint: Checkpoint, folder: Path, quantization: str) -> Path:
    """Write a model folder. ``quantization``: ``int8`` or ``float32``."""
    dims, tokenizer = checkpoint.dims, checkpoint.tokenizer
    spec = whisper_spec.WhisperSpec(
        dims.n_audio_layer, dims.n_audio_head, dims.n_text_layer, dims.n_text_head
    )
    writer = _Writer(checkpoint)
    for part in ("conv1", "conv2"):
        writer.pair(getattr(spec.encoder, part), f"model.encoder.{part}")
    writer.side(spec.encoder, "model.encoder")
    writer.side(spec.decoder, "model.decoder")
    spec.decoder.embeddings.weight = writer.tensor("model.decoder.embed_tokens.weight")
    spec.decoder.projection.weight = writer.tensor(checkpoint.head_name)
    names: dict[str, int] = {}
    for i in range(dims.n_vocab):
        name = tokenizer.token_name(i)
        names[name if name not in names else f"{name}#{i}"] = i
    spec.register_vocabulary(list(names))
    spec.config.suppress_ids = list(checkpoint.generation.suppress_tokens)
    spec.config.suppress_ids_begin = list(checkpoint.generation.begin_suppress_tokens)
    spec.config.lang_ids = sorted(checkpoint.generation.lang_to_id.values())
    spec.config.alignment_heads = [list(pair) for pair in checkpoint.generation.alignment_heads]
    spec.validate()
    spec.optimize(quantization=quantization)
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    return folder


class _Writer:
    def __init__(self, checkpoint: Checkpoint) -> None:
        self._tensors = checkpoint.tensors

    def tensor(self, name: str) -> np.ndarray:
        return np.array(self._tensors[name])

    def pair(self, spec: object, name: str) -> None:
        spec.weight = self.tensor(name + ".weight")
        spec.bias = self.tensor(name + ".bias")

    def norm(self, spec: common_spec.LayerNormSpec, name: str) -> None:
        spec.gamma = self.tensor(name + ".weight")
        spec.beta = self.tensor(name + ".bias")

    def fused(self, spec: common_spec.LinearSpec, attention: str, parts: Sequence[str]) -> None:
        weights = [self.tensor(f"{attention}.{part}_proj.weight") for part in parts]
        biases = [
            np.zeros(len(weight), np.float32)
            if part == "k"
            else self.tensor(f"{attention}.{part}_proj.bias")
            for part, weight in zip(parts, weights, strict=True)
        ]
        spec.weight, spec.bias = np.concatenate(weights), np.concatenate(biases)

    def attention(self, spec: MultiHeadAttentionSpec, name: str, groups: Sequence[str]) -> None:
        for linear, parts in zip(spec.linear, groups, strict=False):
            self.fused(linear, name, parts)
        self.pair(spec.linear[-1], name + ".out_proj")
        self.norm(spec.layer_norm, name + "_layer_norm")

    def side(self, spec: object, name: str) -> None:
        spec.position_encodings.encodings = self.tensor(name + ".embed_positions.weight")
        self.norm(spec.layer_norm, name + ".layer_norm")
        for i, layer in enumerate(spec.layer):
            prefix = f"{name}.layers.{i}"
            self.attention(layer.self_attention, prefix + ".self_attn", ["qkv"])
            if name == "model.decoder":
                self.attention(layer.attention, prefix + ".encoder_attn", ["q", "kv"])
            self.pair(layer.ffn.linear_0, prefix + ".fc1")
            self.pair(layer.ffn.linear_1, prefix + ".fc2")
            self.norm(layer.ffn.layer_norm, prefix + ".final_layer_norm")
