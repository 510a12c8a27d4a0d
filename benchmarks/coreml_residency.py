"""Where Core ML plans to run each operation of a converted checkpoint. macOS 14.4 or later.

    python benchmarks/coreml_residency.py FOLDER [--units cpu_and_ne] [--require 0.9]

FOLDER is what ``live-whisper models convert -o FOLDER`` wrote. Each package is compiled, its
compute plan is read with coremltools' MLComputePlan, and the share of its estimated cost that
falls on the Neural Engine is printed. Exit status 1 where a package stays below ``--require``.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import ModuleType

from live_whisper.engines.coreml.manifest import read_manifest
from live_whisper.engines.coreml.tools import coremltools

DEVICES = {
    "MLNeuralEngineComputeDevice": "Neural Engine",
    "MLGPUComputeDevice": "GPU",
    "MLCPUComputeDevice": "processor",
}


def residency(
    ct: ModuleType, package: Path, folder: Path, units: str
) -> tuple[dict[str, float], Counter[str]]:
    """Share of the estimated cost by device, and the op types that stay off the Neural Engine."""
    from coremltools.models.compute_plan import MLComputePlan

    compiled = folder / f"{package.stem}.mlmodelc"
    ct.utils.compile_model(str(package), str(compiled))
    plan = MLComputePlan.load_from_path(
        path=str(compiled), compute_units=getattr(ct.ComputeUnit, units.upper())
    )
    cost: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    for function in plan.model_structure.program.functions.values():
        for operation in function.block.operations:
            usage = plan.get_compute_device_usage_for_mlprogram_operation(operation)
            estimate = plan.get_estimated_cost_for_mlprogram_operation(operation)
            if usage is None:  # constants
                continue
            kind = type(usage.preferred_compute_device).__name__
            device = DEVICES.get(kind, kind)
            cost[device] += 0.0 if estimate is None else estimate.weight
            if device != "Neural Engine":
                elsewhere[operation.operator_name] += 1
    total = sum(cost.values()) or 1.0
    return {device: weight / total for device, weight in cost.items()}, elsewhere


def main() -> int:
    """Print a line for each package."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--units", default="cpu_and_ne")
    parser.add_argument("--require", type=float, default=0.0)
    arguments = parser.parse_args()
    ct = coremltools()
    manifest = read_manifest(arguments.folder)
    low = False
    with tempfile.TemporaryDirectory() as scratch:
        for number, package in enumerate(manifest.packages):
            place = Path(scratch) / str(number)
            place.mkdir()
            shares, elsewhere = residency(
                ct, arguments.folder / package.path, place, arguments.units
            )
            words = ", ".join(f"{share:.1%} {device}" for device, share in shares.items())
            print(f"{package.path}: {words}")
            if elsewhere:
                print("  elsewhere:", ", ".join(f"{n} {op}" for op, n in elsewhere.most_common(8)))
            low |= shares.get("Neural Engine", 0.0) < arguments.require
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
