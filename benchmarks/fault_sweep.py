"""Every fault at every moment of a scripted five-minute meeting, on the virtual clock.

    python benchmarks/fault_sweep.py [--seconds 300] [--begin 0] [--every 1] [--jobs 2]

Session, lanes, streams, spool, journal and subtitle file are the program's own; time, microphone
and recognizer are played. What must hold is in ``tests/support/faulty_run.py``.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.fault_sweep import FAULTS
from support.faulty_run import Run, prepare

CHUNK = 50
"""Moments in one share of the work."""


@dataclass(frozen=True)
class Share:
    """What one process does: every fault at its moments."""

    seconds: float
    moments: tuple[int, ...]
    faults: tuple[str, ...]
    folder: Path


def sweep(share: Share) -> tuple[int, list[dict[str, object]]]:
    """Injections done, and those after which something did not hold; what failed is kept."""
    ground = prepare(share.seconds, share.folder / "ground")
    injected, failed = 0, []
    for moment in share.moments:
        for name in share.faults:
            folder = share.folder / f"{name}-{moment}"
            run = Run(ground, folder)
            FAULTS[name](run, moment)
            injected += 1
            try:
                run.check()
            except Exception as error:  # noqa: BLE001 - a defect is a result here
                failed.append({"fault": name, "moment_ns": moment, "problem": repr(error)[:500]})
            else:
                shutil.rmtree(folder)
    return injected, failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--every", type=int, default=1, help="Take every n-th moment.")
    parser.add_argument("--begin", type=int, default=0, help="Leave out so many moments.")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="fault-sweep-"))
    began = time.monotonic()
    ground = prepare(arguments.seconds, work / "ground")
    moments = ground.moments_ns[arguments.begin :: arguments.every]
    shares = [
        Share(arguments.seconds, moments[at : at + CHUNK], tuple(arguments.faults), work / str(at))
        for at in range(0, len(moments), CHUNK)
    ]
    injected, failed = 0, []
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for done, problems in pool.map(sweep, shares):
            injected += done
            failed += problems
            for problem in problems:
                print(json.dumps(problem))
            print(f"{injected} injected, {len(failed)} failed", file=sys.stderr, flush=True)
    result = {
        "faults": len(arguments.faults),
        "moments": len(moments),
        "injected": injected,
        "failed": len(failed),
        "meeting_seconds": arguments.seconds,
        "words": len(ground.meeting.script.words),
        "took_seconds": round(time.monotonic() - began),
    }
    print(json.dumps(result))
    if failed:
        print(f"what failed is kept in {work}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
