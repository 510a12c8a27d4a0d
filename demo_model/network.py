"""The Whisper architecture, small, with the places where training looks inside.

State names are openai-whisper's (`encoder.blocks.0.attn.query.weight`, ...).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Dims:
    """Sizes of the model; the names are openai-whisper's."""

    n_vocab: int
    n_mels: int = 80
    n_audio_ctx: int = 1500
    n_audio_state: int = 128
    n_audio_head: int = 4
    n_audio_layer: int = 4
    n_text_ctx: int = 448
    n_text_state: int = 128
    n_text_head: int = 4
    n_text_layer: int = 4


def sinusoids(length: int, channels: int) -> Tensor:
    """Fixed positional embedding of the encoder, (length, channels)."""
    step = math.log(10000) / (channels // 2 - 1)
    scales = torch.exp(-step * torch.arange(channels // 2))
    angles = torch.arange(length)[:, None] * scales[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Attention(nn.Module):
    """Multi-head attention; the key projection has no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        """(batch, n, width) -> (batch, heads, n, width / heads)."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, *, causal: bool = False) -> Tensor:
        """Self-attention."""
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.out(y.transpose(1, 2).flatten(2))

    def attend(
        self, x: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Attention over given keys and values (split by heads): output, weights."""
        q = self.split(self.query(x))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores + mask
        weights = scores.softmax(dim=-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2)), weights


class Block(nn.Module):
    """A pre-norm transformer block, with cross-attention in the decoder."""

    def __init__(self, width: int, heads: int, *, cross: bool) -> None:
        super().__init__()
        self.attn = Attention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.cross_attn = Attention(width, heads) if cross else None
        self.cross_attn_ln = nn.LayerNorm(width) if cross else None
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.mlp_ln = nn.LayerNorm(width)


class Encoder(nn.Module):
    """Mel frames to features."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        width = dims.n_audio_state
        self.conv1 = nn.Conv1d(dims.n_mels, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.register_buffer("positional_embedding", sinusoids(dims.n_audio_ctx, width))
        self.blocks = nn.ModuleList(
            Block(width, dims.n_audio_head, cross=False) for _ in range(dims.n_audio_layer)
        )
        self.ln_post = nn.LayerNorm(width)

    def forward(self, mel: Tensor, offset: int = 0) -> tuple[Tensor, Tensor]:
        """(batch, 80, 2 n) -> features (batch, n, width), output of the middle layer.

        `offset` is the position of the first frame.
        """
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        x = x + self.positional_embedding[offset : offset + x.shape[1]]
        middle = x
        for i, block in enumerate(self.blocks):
            x = x + block.attn(block.attn_ln(x))
            x = x + block.mlp(block.mlp_ln(x))
            if i == len(self.blocks) // 2 - 1:
                middle = x
        return self.ln_post(x), middle


class Decoder(nn.Module):
    """Tokens to logits over the next token."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        width = dims.n_text_state
        self.token_embedding = nn.Embedding(dims.n_vocab, width)
        self.positional_embedding = nn.Parameter(torch.randn(dims.n_text_ctx, width) * 0.01)
        self.blocks = nn.ModuleList(
            Block(width, dims.n_text_head, cross=True) for _ in range(dims.n_text_layer)
        )
        self.ln = nn.LayerNorm(width)

    def cross_keys_values(self, features: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Per layer the keys and values of the audio."""
        attentions = [block.cross_attn for block in self.blocks]
        return [(a.split(a.key(features)), a.split(a.value(features))) for a in attentions]

    def forward(
        self, tokens: Tensor, features: Tensor, start: int = 0
    ) -> tuple[Tensor, list[Tensor]]:
        """(batch, n) -> last hidden state (batch, n, width), cross-attention weights per layer.

        `start` is the position of the first token.
        """
        places = self.positional_embedding[start : start + tokens.shape[1]]
        x = self.token_embedding(tokens) + places
        weights = []
        for block, (k, v) in zip(self.blocks, self.cross_keys_values(features), strict=True):
            x = x + block.attn(block.attn_ln(x), causal=True)
            y, weight = block.cross_attn.attend(block.cross_attn_ln(x), k, v)
            weights.append(weight)
            x = x + y
            x = x + block.mlp(block.mlp_ln(x))
        return self.ln(x), weights

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., width) -> (..., vocabulary); the embedding is tied."""
        return hidden @ self.token_embedding.weight.T


class Whisper(nn.Module):
    """Encoder and decoder."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.dims = dims
        self.encoder = Encoder(dims)
        self.decoder = Decoder(dims)


def initialise(model: Whisper, timestamp_begin: int) -> None:
    """Small embeddings; timestamps start as the encoder's positional embedding.

    Neighbouring timestamps then begin as neighbours, and a timestamp matches its position. The
    last norm's bias is positive (see `losses.BIAS_SUM`).
    """
    table = model.decoder.token_embedding.weight
    with torch.no_grad():
        nn.init.normal_(table, std=0.02)
        stamps = table.shape[0] - timestamp_begin
        table[timestamp_begin:] += 0.05 * sinusoids(stamps, table.shape[1])
        model.decoder.ln.bias.fill_(0.25)
