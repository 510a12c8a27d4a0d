"""Loads and runs a model once and exits: ``python -m live_whisper.engines.coreml.rehearsal``.

Reads a request as JSON from standard input (see ``backend.rehearsal_request``). Exit status 0 when
every output is finite; otherwise 1 and one line on standard output.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from live_whisper.engines.coreml.backend import Backend, buffer_dtype, system_backend
from live_whisper.errors import LiveWhisperError


def rehearse(request: dict[str, Any], backend: Backend) -> str:
    """Run every function on zeros. Gives the name of an output that is not finite, or nothing."""
    compiled = Path(request["compiled"])
    state: Any = None
    for function in request["functions"]:
        model = backend.load(compiled, request["units"], function["name"])
        if function["stateful"] and state is None:
            state = model.make_state()
        inputs = {
            name: np.zeros(shape, buffer_dtype(dtype)) for name, shape, dtype in function["inputs"]
        }
        extra = {"state": state} if function["stateful"] else {}
        for name, output in model.predict(inputs, **extra).items():
            if not np.isfinite(np.asarray(output)).all():
                return f"{name} is not finite"
    return ""


def main() -> int:
    """Entry point of the child process."""
    try:
        fault = rehearse(json.load(sys.stdin), system_backend())
    except LiveWhisperError as error:
        fault = error.message
    sys.stdout.write(fault)
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
