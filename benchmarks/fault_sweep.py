"""Every fault at every moment of a scripted five-minute meeting, on the virtual clock.

    python benchmarks/fault_sweep.py [--seconds 300] [--every 1]

Session, lanes, streams, spool, journal and subtitle file are the program's own; time, microphone
and recognizer are played. What must hold is in ``tests/support/fault_sweep.py``.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.fault_sweep import FAULTS, prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--every", type=int, default=1, help="Take every n-th moment.")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS))
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="fault-sweep-"))
    began, failed, total = time.monotonic(), 0, 0
    ground = prepare(arguments.seconds, work / "ground")
    for name in arguments.faults:
        count = 0
        for moment in ground.moments_ns[:: arguments.every]:
            folder = work / f"{name}-{moment}"
            run = FAULTS[name](ground, folder, moment)
            count += 1
            try:
                run.check_all(run.play())
            except Exception as error:  # noqa: BLE001 - a defect is a result here
                failed += 1
                print(
                    json.dumps({"fault": name, "moment_ns": moment, "problem": repr(error)[:500]})
                )
            else:
                shutil.rmtree(folder)
        total += count
        print(json.dumps({"fault": name, "injected": count, "failed_so_far": failed}), flush=True)
    result = {
        "faults": len(arguments.faults),
        "moments": len(ground.moments_ns[:: arguments.every]),
        "injected": total,
        "failed": failed,
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
