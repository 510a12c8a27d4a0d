"""Training in two (or one) single-threaded processes that average their gradients.

Resumable: the state is written every few minutes and taken up again when the same folder is
given. Progress, and with it the learning rate and the window lengths, follows training time.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from demo_model import corpus, folder, grammar
from demo_model.batches import choose_shape, make_batch
from demo_model.losses import FrameHeads, total_loss
from demo_model.network import Dims, Whisper, initialise
from demo_model.vocabulary import Vocabulary
from demo_model.windows import Composer

PEAK_RATE = 2e-3
FINAL_RATE = 1e-5
WARMUP_STEPS = 300
DECAY_FROM = 0.3
"""Progress from which the learning rate falls."""
HALF_UNTIL = 0.8
"""Progress up to which the encoder computes in bfloat16, which takes two thirds of the time."""
AGAIN_RATE = 3e-4
"""Highest learning rate where a finished checkpoint is taken up again."""
AGAIN_FROM = 0.8
"""Progress at which such a training begins: with the long windows."""
EMA_DECAY = 0.998
CLIP_NORM = 1.0
LOG_STEPS = 50
SAVE_SECONDS = 150


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training run is given."""

    corpus: Path
    state: Path
    """Folder of `vocabulary.json`, `phonemes.txt` and `state.pt`."""
    minutes: float
    processes: int = 2
    budget_s: float = 28.0
    """Seconds of audio per step and process."""
    seed: int = 1
    checkpoint: Path | None = None
    """A finished checkpoint to take up again: its decoder learns further, its encoder stays."""


def prepare(plan: Plan) -> None:
    """Write the vocabulary and the phoneme inventory."""
    plan.state.mkdir(parents=True, exist_ok=True)
    if (plan.state / "phonemes.txt").exists():
        return
    _vocabulary(plan).save(plan.state / "vocabulary.json")
    names = {p.name for u in corpus.load(plan.corpus, "train") for p in u.phonemes}
    kept = sorted(name for name in names if not name.startswith("_"))
    (plan.state / "phonemes.txt").write_text("\n".join(kept), encoding="utf-8")


def _vocabulary(plan: Plan) -> Vocabulary:
    if plan.checkpoint is not None:
        return folder.read(plan.checkpoint)[1]
    words: set[str] = set()
    for split in ("train", "test"):
        rng = random.Random(plan.seed)
        for _ in range(60_000 if split == "train" else 20_000):
            for text in grammar.sample(rng, split):
                words.update(text.split())
    words |= {word.rstrip(".?,") + mark for word in sorted(words) for mark in ("", ",", ".")}
    return Vocabulary.for_words(words)


def phoneme_inventory(state: Path) -> dict[str, int]:
    """Phoneme -> class; class 0 is silence."""
    names = (state / "phonemes.txt").read_text(encoding="utf-8").split("\n")
    return {name: i + 1 for i, name in enumerate(names)}


def learning_rate(step: int, progress: float, peak: float = PEAK_RATE) -> float:
    """Warm-up, a plateau, then a quadratic fall to `FINAL_RATE`."""
    fall = min(1.0, (1.0 - progress) / (1.0 - DECAY_FROM))
    return max(FINAL_RATE, peak * min(1.0, (step + 1) / WARMUP_STEPS) * fall**2)


class Trainer:
    """Model, optimiser and data of one process."""

    def __init__(self, plan: Plan, rank: int) -> None:
        self.plan, self.rank = plan, rank
        torch.set_num_threads(1)
        torch.manual_seed(plan.seed)
        self.vocabulary = Vocabulary.load(plan.state / "vocabulary.json")
        self.inventory = phoneme_inventory(plan.state)
        self.model = Whisper(Dims(n_vocab=self.vocabulary.size))
        if plan.checkpoint is None:
            initialise(self.model, self.vocabulary.timestamp_begin)
        else:
            self.model.load_state_dict(folder.read(plan.checkpoint)[0])
        width = self.model.dims.n_audio_state
        self.heads = FrameHeads(width, len(self.inventory) + 1, self.vocabulary.eot + 1)
        self.parameters = [*self.model.parameters(), *self.heads.parameters()]
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self.average = [p.detach().clone() for p in self.model.parameters()]
        self.step, self.elapsed_s = 0, 0.0
        self._resume()
        sentences = corpus.load(plan.corpus, "train")
        self.composer = Composer(sentences, seed=plan.seed * 1000 + rank + 7919 * self.step)
        self.shapes = random.Random(plan.seed + self.step)

    def _resume(self) -> None:
        path = self.plan.state / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=False)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = state["average"]
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]

    def save(self) -> None:
        """Write the state; the previous file stays until the new one is complete."""
        averaged = dict(self.model.state_dict())
        names = [name for name, _ in self.model.named_parameters()]
        averaged.update(zip(names, self.average, strict=True))
        state = {
            "dims": asdict(self.model.dims),
            "model": self.model.state_dict(),
            "averaged": averaged,
            "heads": self.heads.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "step": self.step,
            "elapsed_s": self.elapsed_s,
        }
        path = self.plan.state / "state.pt"
        torch.save(state, path.with_suffix(".new"))
        os.replace(path.with_suffix(".new"), path)

    def train_step(self, progress: float) -> dict[str, float]:
        """One step; returns the parts of the loss."""
        again = self.plan.checkpoint is not None
        stage = AGAIN_FROM + (1 - AGAIN_FROM) * progress if again else progress
        shape = choose_shape(self.shapes, stage, self.plan.budget_s)
        batch = make_batch(self.composer, self.vocabulary, self.inventory, shape)
        self.optimiser.zero_grad(set_to_none=False)
        loss, parts = total_loss(
            self.model,
            self.heads,
            batch,
            self.vocabulary.timestamp_begin,
            train_encoder=not again,
            half=progress < HALF_UNTIL,
        )
        loss.backward()
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if self.plan.processes > 1:
            _average(gradients, self.plan.processes)
        nn.utils.clip_grad_norm_(self.parameters, CLIP_NORM)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, progress, AGAIN_RATE if again else PEAK_RATE)
        self.optimiser.step()
        self.step += 1
        if self.rank == 0:
            decay = min(EMA_DECAY, self.step / (self.step + 20))
            with torch.no_grad():
                torch._foreach_lerp_(self.average, list(self.model.parameters()), 1 - decay)
        return {"seconds": shape.seconds, **parts}

    def run(self) -> None:
        """Train until the planned time is used up."""
        total_s = self.plan.minutes * 60
        saved, sums, last = self.elapsed_s, {}, time.perf_counter()
        while self.elapsed_s < total_s:
            parts = self.train_step(self.elapsed_s / total_s)
            now = time.perf_counter()
            self.elapsed_s, last = self._agree(self.elapsed_s + now - last), now
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value / LOG_STEPS
            if self.step % LOG_STEPS == 0:
                if self.rank == 0:
                    shown = " ".join(f"{name} {value:.3f}" for name, value in sums.items())
                    print(f"{self.elapsed_s:6.0f} s  step {self.step}  {shown}", flush=True)
                sums = {}
            if self.rank == 0 and self.elapsed_s - saved > SAVE_SECONDS:
                saved = self.elapsed_s
                self.save()
        if self.rank == 0:
            self.save()

    def _agree(self, elapsed_s: float) -> float:
        """All processes follow the clock of the first one."""
        if self.plan.processes == 1:
            return elapsed_s
        value = torch.tensor([elapsed_s], dtype=torch.float64)
        dist.broadcast(value, 0)
        return float(value)


def _average(gradients: list[Tensor], processes: int) -> None:
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= processes
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def _process(rank: int, plan: Plan, port: int) -> None:
    if plan.processes > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        dist.init_process_group("gloo", rank=rank, world_size=plan.processes)
    Trainer(plan, rank).run()
    if plan.processes > 1:
        dist.destroy_process_group()


def train(plan: Plan) -> None:
    """Train, or go on training, as planned."""
    prepare(plan)
    if plan.processes == 1:
        _process(0, plan, 0)
    else:
        port = random.SystemRandom().randint(20_000, 60_000)
        mp.spawn(_process, args=(plan, port), nprocs=plan.processes)
