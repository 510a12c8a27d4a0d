"""The whole recipe in one command: synthesise, train, export, evaluate, describe.

`python -m demo_model.build --out DIR` needs libespeak-ng, torch, soxr, safetensors and the
openai-whisper package (for its vocabulary file only). A run that was interrupted goes on where
it was. The corpus and the first weights follow from `--seed`; the number of steps, and with it
the result, depends on the time given and the machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from demo_model import clip, corpus, export, folder
from demo_model.model_card import write_card
from demo_model.train import Plan, train

TRAIN_SENTENCES = 26_000
TEST_SENTENCES = 1_200


def build(
    out: Path, work: Path, minutes: float, seed: int, processes: int, checkpoint: Path | None
) -> None:
    """Make everything; `work` keeps the corpus and the training state."""
    sentences = work / "corpus"
    corpus.build(sentences, "test", TEST_SENTENCES, seed, processes)
    corpus.build(sentences, "train", TRAIN_SENTENCES, seed, processes)
    plan = Plan(
        sentences, work / "state", minutes, processes=processes, seed=seed, checkpoint=checkpoint
    )
    train(plan)
    export.export(plan.state, sentences, out)
    report = work / "report.json"
    command = [sys.executable, "-m", "demo_model.evaluate", str(out), str(sentences)]
    subprocess.run(  # noqa: S603 - our own module, no shell
        [*command, "--json", str(report)], check=True
    )
    sizes = asdict(folder.dims_of(folder.read(out)[0]))
    write_card(out, json.loads(report.read_text(encoding="utf-8")), sizes)
    clip.write_clips(out)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and clips")
    parser.add_argument("--work", type=Path, help="folder for corpus and state [OUT-work]")
    parser.add_argument("--minutes", type=float, default=100.0, help="training time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--again", type=Path, help="a finished checkpoint to train further")
    options = parser.parse_args()
    work = options.work or options.out.with_name(options.out.name + "-work")
    build(options.out, work, options.minutes, options.seed, options.processes, options.again)


if __name__ == "__main__":
    main()
