"""Training losses: next token, attention on known token times, and what each frame says."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from demo_model.examples import IGNORE
from demo_model.network import Whisper

READ_HEADS = ((1, 0),)
"""Decoder (layer, head) pairs that look at the token just read."""
ALIGNMENT_HEADS = ((2, 0), (2, 1), (3, 0))
"""Decoder (layer, head) pairs that look at the token about to be predicted."""
ATTENTION_WEIGHT = 0.25
PHONEME_WEIGHT = 0.3
FRAME_TOKEN_WEIGHT = 0.2
NEIGHBOUR_SHARE = 0.1
"""Probability that a timestamp's target gives to each of its two neighbours."""
LABEL_SMOOTHING = 0.005
BIAS_SUM = 32.0
"""Wanted sum of bias / gain of the decoder's last norm: large enough for the rows of unused
tokens (`folder.constant_logit_row`) to be of ordinary size."""
BIAS_WEIGHT = 1e-3


@dataclass(slots=True)
class Batch:
    """Tensors of a training step."""

    mel: Tensor
    """(batch, 80, frames)"""
    tokens: Tensor
    """(batch, n)"""
    targets: Tensor
    """(batch, n), `IGNORE` where there is no loss"""
    spans: Tensor
    """(batch, n, 2) positions of the token read, negative end where unknown"""
    next_spans: Tensor
    """(batch, n, 2) positions of the token to be predicted"""
    frame_tokens: Tensor
    """(batch, positions)"""
    frame_phonemes: Tensor
    """(batch, positions)"""
    offset: int
    """Encoder position of the first frame."""
    text_start: int
    """Decoder position of the first token."""
    own_share: float = 0.0
    """Share of the tokens that are replaced by what the decoder predicts at their place."""


class FrameHeads(nn.Module):
    """Linear heads on the encoder, thrown away after training."""

    def __init__(self, width: int, phonemes: int, tokens: int) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(width)
        self.phonemes = nn.Linear(width, phonemes)
        self.tokens = nn.Linear(width, tokens)


def attention_loss(weights: Tensor, spans: Tensor) -> Tensor:
    """-log of the attention mass inside each span; (batch, n, positions), (batch, n, 2)."""
    known = spans[..., 1] > 0
    if not bool(known.any()):
        return weights.sum() * 0.0
    rows, limits = weights[known], spans[known]
    positions = torch.arange(weights.shape[-1]) + 0.5
    inside = (positions > limits[:, :1]) & (positions < limits[:, 1:])
    mass = (rows * inside).sum(dim=-1)
    return -(mass + 1e-6).log().mean()


def token_loss(logits: Tensor, targets: Tensor, timestamp_begin: int) -> Tensor:
    """Cross-entropy of (n, vocabulary) against (n,).

    A timestamp's neighbours share its target, other tokens are smoothed.
    """
    log_p, target = F.log_softmax(logits, dim=-1), targets
    last = logits.shape[-1] - 1
    here = log_p.gather(1, target[:, None])[:, 0]
    before = log_p.gather(1, (target - 1).clamp(min=timestamp_begin)[:, None])[:, 0]
    after = log_p.gather(1, (target + 1).clamp(max=last)[:, None])[:, 0]
    stamp = (1 - 2 * NEIGHBOUR_SHARE) * here + NEIGHBOUR_SHARE * (before + after)
    plain = (1 - LABEL_SMOOTHING) * here + LABEL_SMOOTHING * log_p.mean(dim=-1)
    return -torch.where(target >= timestamp_begin, stamp, plain).mean()


@torch.no_grad()
def with_own_words(model: Whisper, batch: Batch, features: Tensor) -> Tensor:
    """The tokens to read, some of them as the decoder itself would have written them."""
    if not batch.own_share:
        return batch.tokens
    hidden, _ = model.decoder(batch.tokens, features, batch.text_start)
    known = (batch.targets[:, :-1] != IGNORE) & (
        torch.rand(batch.tokens[:, 1:].shape) < batch.own_share
    )
    tokens = batch.tokens.clone()
    tokens[:, 1:][known] = model.decoder.logits(hidden[:, :-1][known]).argmax(dim=-1)
    return tokens


def frame_loss(
    heads: FrameHeads, batch: Batch, features: Tensor, middle: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """What the frames of the encoder say: phonemes in its middle, tokens at its end."""
    phoneme = F.cross_entropy(
        heads.phonemes(heads.ln(middle)).flatten(0, 1), batch.frame_phonemes.flatten()
    )
    some = torch.rand(batch.frame_tokens.shape) < 0.25
    token = F.cross_entropy(
        heads.tokens(features[some]), batch.frame_tokens[some], ignore_index=IGNORE
    )
    loss = PHONEME_WEIGHT * phoneme + FRAME_TOKEN_WEIGHT * torch.nan_to_num(token)
    return loss, {"phoneme": phoneme.item(), "frame": token.item()}


def total_loss(
    model: Whisper,
    heads: FrameHeads,
    batch: Batch,
    timestamp_begin: int,
    *,
    train_encoder: bool = True,
    half: bool = False,
) -> tuple[Tensor, dict[str, float]]:
    """The sum that is minimised, and its parts; `half`: the encoder computes in bfloat16.

    Without `train_encoder` nothing flows back into the encoder, and its frames are not judged.
    """
    with torch.autocast("cpu", torch.bfloat16, enabled=half), torch.set_grad_enabled(train_encoder):
        features, middle = model.encoder(batch.mel, batch.offset)
    features, middle = features.float(), middle.float()
    tokens = with_own_words(model, batch, features)
    hidden, weights = model.decoder(tokens, features, batch.text_start)
    chosen = batch.targets != IGNORE
    logits = model.decoder.logits(hidden[chosen])
    token = token_loss(logits, batch.targets[chosen], timestamp_begin)
    read = [attention_loss(weights[layer][:, h], batch.spans) for layer, h in READ_HEADS]
    ahead = [attention_loss(weights[layer][:, h], batch.next_spans) for layer, h in ALIGNMENT_HEADS]
    attention = torch.stack(read + ahead).sum()
    frames, frame_parts = torch.zeros(()), {}
    if train_encoder:
        frames, frame_parts = frame_loss(heads, batch, features, middle)
    norm = model.decoder.ln
    bias = ((norm.bias / norm.weight).sum() - BIAS_SUM) ** 2
    loss = token + BIAS_WEIGHT * bias + ATTENTION_WEIGHT * attention + frames
    parts = {
        "token": token.item(),
        "read": read[0].item(),
        "ahead": ahead[0].item(),
        "bias": bias.item(),
        **frame_parts,
    }
    return loss, parts
