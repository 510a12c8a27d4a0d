"""A process of its own that pulls: ``python puller.py MODEL FOLDER``."""

import sys
from pathlib import Path

from live_whisper.hub.pull import PullControls, PullProgress, pull
from live_whisper.hub.store import ModelStore


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def tell(progress: PullProgress) -> None:
    say(progress.stage, progress.file, progress.done_bytes)


if __name__ == "__main__":
    result = pull(sys.argv[1], ModelStore(Path(sys.argv[2])), controls=PullControls(tell))
    say("result", result.outcome, result.model.path)
