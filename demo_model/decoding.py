"""Greedy decoding of a batch of windows, with the official timestamp rules.

The rules are those of openai-whisper `whisper/decoding.py` (`ApplyTimestampRules`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from demo_model.examples import MAX_INITIAL_TIMESTAMP
from demo_model.network import Attention, Whisper
from demo_model.vocabulary import TIMESTAMP_STEP_S, Vocabulary


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was decoded in a window."""

    ids: list[int]
    """Text tokens and timestamps, without the end of text."""
    text: str
    segments: list[tuple[float, float | None]]
    """Start and end in seconds; the end is None where the sentence goes on."""


@dataclass(frozen=True, slots=True)
class Detection:
    """The prediction at `<|startoftranscript|>`."""

    language: str
    """The likelier of the two languages."""
    no_speech: float
    """Probability of `<|nospeech|>`."""


class _Session:
    """Decoder with cached keys and values for a batch of equally long sequences."""

    def __init__(self, model: Whisper, features: Tensor) -> None:
        self.decoder = model.decoder
        self.cross = self.decoder.cross_keys_values(features)
        self.past: list[tuple[Tensor, Tensor] | None] = [None] * len(self.cross)
        self.length = 0

    def append(self, tokens: Tensor) -> Tensor:
        """(batch, n) -> logits of the last token, (batch, vocabulary)."""
        decoder, n = self.decoder, tokens.shape[1]
        stop = self.length + n
        x = decoder.token_embedding(tokens) + decoder.positional_embedding[self.length : stop]
        mask = torch.full((n, stop), -math.inf).triu(self.length + 1)
        for i, block in enumerate(decoder.blocks):
            x = x + self._self_attention(i, block.attn, block.attn_ln(x), mask)
            x = x + block.cross_attn.attend(block.cross_attn_ln(x), *self.cross[i])[0]
            x = x + block.mlp(block.mlp_ln(x))
        self.length = stop
        return decoder.logits(decoder.ln(x[:, -1]))

    def _self_attention(self, layer: int, attention: Attention, x: Tensor, mask: Tensor) -> Tensor:
        k, v = attention.split(attention.key(x)), attention.split(attention.value(x))
        past = self.past[layer]
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        self.past[layer] = (k, v)
        return attention.attend(x, k, v, mask)[0]


class Decoder:
    """Decodes windows with one model."""

    def __init__(self, model: Whisper, vocabulary: Vocabulary, usable: Tensor) -> None:
        """`usable` marks the tokens that were trained, (vocabulary,)."""
        self.model, self.vocabulary = model, vocabulary
        self.blocked = torch.zeros(vocabulary.size).masked_fill(~usable, -math.inf)

    @torch.no_grad()
    def detect(self, features: Tensor) -> list[Detection]:
        """Language and no-speech probability of each window."""
        start = self.vocabulary.special("startoftranscript")
        tokens = torch.full((features.shape[0], 1), start)
        p = _Session(self.model, features).append(tokens).softmax(dim=-1)
        codes = [self.vocabulary.special(code) for code in ("en", "ko")]
        best = p[:, codes].argmax(dim=-1).tolist()
        silent = p[:, self.vocabulary.special("nospeech")].tolist()
        return [Detection(("en", "ko")[b], s) for b, s in zip(best, silent, strict=True)]

    @torch.no_grad()
    def decode(
        self,
        features: Tensor,
        language: str,
        *,
        task: str = "transcribe",
        timestamps: bool = True,
        prompt: list[int] | None = None,
        limit: int = 220,
    ) -> list[Decoded]:
        """Greedy decoding of windows in one language."""
        special = self.vocabulary.special
        head = [special("startofprev"), *prompt] if prompt else []
        head += [special("startoftranscript"), special(language), special(task)]
        head += [] if timestamps else [special("notimestamps")]
        batch = features.shape[0]
        session = _Session(self.model, features)
        logits = session.append(torch.tensor([head] * batch))
        ids: list[list[int]] = [[] for _ in range(batch)]
        done = [False] * batch
        for _ in range(min(limit, 447 - len(head))):
            logits = logits + self.blocked
            for row, so_far in zip(logits, ids, strict=True):
                if timestamps:
                    self._timestamp_rules(row, so_far)
                else:
                    row[self.vocabulary.timestamp_begin :] = -math.inf
            chosen = logits.argmax(dim=-1)
            for i, token in enumerate(chosen.tolist()):
                done[i] = done[i] or token == self.vocabulary.eot
                if not done[i]:
                    ids[i].append(token)
            if all(done):
                break
            logits = session.append(chosen[:, None])
        return [self._decoded(row) for row in ids]

    def _timestamp_rules(self, logits: Tensor, so_far: list[int]) -> None:
        begin, eot = self.vocabulary.timestamp_begin, self.vocabulary.eot
        logits[eot + 1 : begin] = -math.inf
        if not so_far:
            logits[:begin] = -math.inf
            logits[begin + MAX_INITIAL_TIMESTAMP + 1 :] = -math.inf
            return
        last_is_stamp = so_far[-1] >= begin
        if last_is_stamp and (len(so_far) < 2 or so_far[-2] >= begin):
            logits[begin:] = -math.inf
        elif last_is_stamp:
            logits[:eot] = -math.inf
        stamps = [token for token in so_far if token >= begin]
        if stamps:
            pair_open = last_is_stamp and not (len(so_far) < 2 or so_far[-2] >= begin)
            logits[begin : stamps[-1] + (0 if pair_open else 1)] = -math.inf
        log_p = logits.log_softmax(dim=-1)
        if log_p[begin:].logsumexp(dim=-1) > log_p[:begin].max():
            logits[:begin] = -math.inf

    def _decoded(self, ids: list[int]) -> Decoded:
        begin = self.vocabulary.timestamp_begin
        segments: list[tuple[float, float | None]] = []
        opened: float | None = None
        for token in ids:
            if token < begin:
                continue
            time = (token - begin) * TIMESTAMP_STEP_S
            if opened is None:
                opened = time
            else:
                segments.append((opened, time))
                opened = None
        if opened is not None:
            segments.append((opened, None))
        return Decoded(ids, self.vocabulary.decode(ids).strip(), segments)
