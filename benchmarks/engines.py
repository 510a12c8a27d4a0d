"""Encoder and decoder time of every engine on the same random checkpoint, threads and run.

    python benchmarks/engines.py [--sizes tiny base small] [--threads 2] [--rounds 7] [--json FILE]

Rounds are interleaved, so that another program's load falls on all engines alike; medians are
printed, and ratios to CTranslate2 int8 (the engine of faster-whisper). Time per token is the
slope between a short and a long decode, so prompts and cross-attention set-up cancel out.
Processor time is shown besides: on a machine that is busy otherwise it is the steadier measure.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from live_whisper.engines.onnx import OnnxEngine
from live_whisper.whisper.checkpoint import Checkpoint, load_checkpoint
from tests.support.checkpoints import make_random_checkpoint

SIZES = {"tiny": (384, 4, 6), "base": (512, 6, 8), "small": (768, 12, 12)}
FRAMES = {"30 s": 3000, "10 s": 1000}
SHORT, LONG = 10, 60  # tokens after the prompt
CPU = " (cpu)"
REFERENCE = "CTranslate2 int8"
ENCODER_BAR, DECODER_BAR = 0.7, 0.6  # at base size, of CTranslate2's int8


@dataclass(frozen=True)
class Contender:
    """One engine, loaded."""

    name: str
    encode: Callable[[np.ndarray], object]
    decode: Callable[[object, int], None]
    """Features and the number of tokens after the prompt."""
    frames: tuple[int, ...] = tuple(FRAMES.values())


def ours(checkpoint: Checkpoint, precision: str, threads: int, folder: Path) -> Contender:
    engine = OnnxEngine.load(checkpoint, precision=precision, threads=threads, cache_dir=folder)
    prompt = list(checkpoint.tokenizer.sot_sequence("en", timestamps=False))

    def decode(features: object, tokens: int) -> None:
        with engine.decoder.open(features, want_attention=False) as session:
            token = int(session.append(prompt).logits.argmax())
            for _ in range(tokens - 1):
                token = int(session.append([token]).logits.argmax())

    return Contender(f"live-whisper {precision}", engine.encoder.encode, decode)


def ctranslate2_engine(
    checkpoint: Checkpoint, precision: str, threads: int, folder: Path
) -> Contender:
    import ctranslate2

    from benchmarks.ct2_checkpoint import write_ctranslate2

    written = write_ctranslate2(checkpoint, folder / f"ct2-{precision}", precision)
    model = ctranslate2.models.Whisper(
        str(written), device="cpu", compute_type=precision, intra_threads=threads
    )
    prompt = list(checkpoint.tokenizer.sot_sequence("en", timestamps=False))

    def encode(mel: np.ndarray) -> object:
        return model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(mel[None])))

    def decode(features: object, tokens: int) -> None:
        done = model.generate(
            features,
            [prompt],
            beam_size=1,
            max_length=max(2 * tokens, len(prompt) + tokens),  # it decodes at most half of it
            suppress_blank=False,
            suppress_tokens=[checkpoint.tokenizer.eot],
        )
        if len(done[0].sequences_ids[0]) != tokens:
            raise RuntimeError(f"{len(done[0].sequences_ids[0])} tokens, not {tokens}")

    return Contender(f"CTranslate2 {precision}", encode, decode)


def openai_whisper(checkpoint: Checkpoint, threads: int) -> Contender:
    import torch

    from tests.support.openai_reference import to_openai

    torch.set_num_threads(threads)
    model = to_openai(checkpoint)
    prompt = list(checkpoint.tokenizer.sot_sequence("en", timestamps=False))

    def encode(mel: np.ndarray) -> object:
        with torch.no_grad():
            return model.encoder(torch.from_numpy(mel)[None])

    def decode(features: object, tokens: int) -> None:
        cache, hooks = model.install_kv_cache_hooks()
        ids = torch.tensor([prompt])
        with torch.no_grad():
            for _ in range(tokens):
                ids = model.decoder(ids, features, kv_cache=cache)[:, -1:].argmax(dim=-1)
        for hook in hooks:
            hook.remove()

    return Contender("openai-whisper float32", encode, decode, frames=(3000,))


def contenders(checkpoint: Checkpoint, threads: int, folder: Path) -> list[Contender]:
    found = [ours(checkpoint, p, threads, folder) for p in ("float32", "int8")]
    try:
        found += [ctranslate2_engine(checkpoint, p, threads, folder) for p in ("float32", "int8")]
    except ImportError:
        print("faster-whisper is not installed: no CTranslate2 figures")
    try:
        found.append(openai_whisper(checkpoint, threads))
    except ImportError:
        print("openai-whisper is not installed: no figures of it")
    return found


def seconds(call: Callable[[], object]) -> np.ndarray:
    """Wall and processor time of a call."""
    begin = np.array([time.perf_counter(), time.process_time()])
    call()
    return np.array([time.perf_counter(), time.process_time()]) - begin


def measure(engines: list[Contender], n_mels: int, rounds: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(0)
    mels = {n: rng.standard_normal((n_mels, n)).astype(np.float32) * 0.5 for n in FRAMES.values()}
    times: dict[str, dict[str, list[float]]] = {e.name: {} for e in engines}
    for turn in range(rounds + 1):
        for engine in engines:
            found = {
                f"encoder {label}": seconds(lambda n=n, e=engine: e.encode(mels[n]))
                for label, n in FRAMES.items()
                if n in engine.frames
            }
            features = engine.encode(mels[3000])
            short, long = (
                seconds(lambda n=n, e=engine, f=features: e.decode(f, n)) for n in (SHORT, LONG)
            )
            found["per token"] = (long - short) / (LONG - SHORT)
            for key, (wall, cpu) in found.items():
                if turn:  # the first is warming up
                    times[engine.name].setdefault(key, []).append(wall)
                    times[engine.name].setdefault(key + CPU, []).append(cpu)
    return {
        name: {key: statistics.median(values) * 1000 for key, values in table.items()}
        for name, table in times.items()
    }


def show(size: str, table: dict[str, dict[str, float]], kind: str = "") -> None:
    columns = [f"{name}{kind}" for name in (*(f"encoder {label}" for label in FRAMES), "per token")]
    reference = table.get(REFERENCE, {})
    print(f"\n{size}: ms of {'processor' if kind else 'wall'} time, and the ratio to {REFERENCE}")
    for name, row in table.items():
        cells = []
        for column in columns:
            value = row.get(column)
            ratio = f"{value / reference[column]:5.2f}x" if value and reference else ""
            cells.append(f"{value:9.1f} {ratio:>6}" if value else " " * 16)
        print(f"  {name:24}" + " | ".join(cells))
    print("  " + " " * 24 + " | ".join(f"{column:>16}" for column in columns))


def verdict(table: dict[str, dict[str, float]]) -> dict[str, float]:
    best, reference = table["live-whisper int8"], table[REFERENCE]
    ratios = {}
    for what, bar in (("encoder 30 s", ENCODER_BAR), ("per token", DECODER_BAR)):
        for kind in ("", CPU):
            ratio = ratios[what + kind] = best[what + kind] / reference[what + kind]
            met = "met" if ratio <= bar else "MISSED"
            print(f"base {what}{kind}: {ratio:.2f}x, bar {bar}: {met}")
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(chosen.threads))
    report: dict[str, object] = {"machine": platform.processor(), "threads": chosen.threads}
    for size in chosen.sizes:
        d_model, layers, heads = SIZES[size]
        with tempfile.TemporaryDirectory() as made:
            folder = make_random_checkpoint(
                Path(made) / size, d_model=d_model, layers=layers, heads=heads, vocab="51865"
            )
            checkpoint = load_checkpoint(folder)
            engines = contenders(checkpoint, chosen.threads, Path(made))
            table = measure(engines, checkpoint.dims.n_mels, chosen.rounds)
        show(size, table)
        show(size, table, CPU)
        report[size] = table
        if size == "base" and REFERENCE in table:
            report["bars"] = verdict(table)
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
