"""A saved ML Program, read back from disk and run op by op with numpy."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from coremltools.converters.mil.frontend.milproto.load import load as load_milproto
from coremltools.converters.mil.mil import types
from coremltools.models.utils import load_spec

from tests.engines.coreml.mil import ops_math, ops_nn, ops_shape  # noqa: F401 - fill the table
from tests.engines.coreml.mil.numeric import round_to_half
from tests.engines.coreml.mil.table import TABLE, Op


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the program."""

    name: str
    shape: tuple[int, ...]
    dtype: type
    """numpy's type of what the program declares."""


@dataclass(frozen=True, slots=True)
class Step:
    """One op with its constants filled in."""

    op_type: str
    op: Op | None
    """``None`` for the ops on states, which the function runs itself."""
    constants: dict
    variables: dict
    """Keyword -> name of a value, or a list of names and constants."""
    outputs: tuple[Value, ...]
    last_uses: tuple[str, ...] = ()
    """Values that nobody needs after this step."""


@dataclass(slots=True)
class Function:
    """One function of a program, ready to run."""

    inputs: dict[str, Value]
    states: dict[str, Value]
    outputs: dict[str, Value]
    steps: list[Step]

    def op_types(self):
        """How often each op occurs."""
        kinds = [step.op_type for step in self.steps]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def load_specification(path: Path):
    """The protobuf of a package."""
    return load_spec(str(path))


def load_functions(path: Path, name: str | None = None) -> dict[str, Function]:
    """Functions of a package by name; only one of them where ``name`` is given.

    Packages with the same content are parsed once per process: functions never change.
    """
    files = sorted(file for file in Path(path).rglob("*") if file.suffix in {".mlmodel", ".bin"})
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    key = digest.hexdigest()
    if key not in _parsed:
        if len(_parsed) >= MOST_PARSED:
            _parsed.pop(next(iter(_parsed)))
        _parsed[key] = _parse(path)
    return {key: function for key, function in _parsed[key].items() if name in {None, key}}


MOST_PARSED = 24
_parsed = {}


def _parse(path: Path) -> dict[str, Function]:
    specification = load_specification(path)
    weights = Path(path) / "Data" / "com.apple.CoreML" / "weights"
    program = load_milproto(
        specification,
        specification_version=specification.specificationVersion,
        file_weights_dir=str(weights),
    )
    return {name: _function(function) for name, function in program.functions.items()}


def _function(function) -> Function:
    inputs, states = {}, {}
    for name, var in function.inputs.items():
        if types.is_state(var.sym_type):
            wrapped = var.sym_type.wrapped_type()
            shape = tuple(int(s) for s in wrapped.get_shape())
            states[name] = Value(name, shape, types.nptype_from_builtin(wrapped.get_primitive()))
        else:
            inputs[name] = _value(var)
    constants = {}
    steps = []
    for op in function.operations:
        if op.op_type == "const":
            constants[op.outputs[0].name] = _widen(op.outputs[0].val)
        elif op.op_type.startswith("constexpr_"):
            constants[op.outputs[0].name] = _widen(op.materialized_val_inference())
        else:
            steps.append(_step(op, constants))
    outputs = {var.name: _value(var) for var in function.outputs}
    return Function(inputs, states, outputs, _with_last_uses(steps, set(outputs)))


def _value(var) -> Value:
    return Value(var.name, tuple(int(s) for s in var.shape), types.nptype_from_builtin(var.dtype))


def _widen(value):
    """float16 constants as float32 once, instead of at every use."""
    if isinstance(value, np.ndarray | np.generic) and value.dtype == np.float16:
        return value.astype(np.float32)
    return value


def _step(op, constants) -> Step:
    given, variables = {}, {}
    for keyword, var in op.inputs.items():
        if var is None:
            continue
        if isinstance(var, list | tuple):
            parts = [constants.get(v.name, v.name) for v in var]
            variables[keyword] = parts
        elif var.name in constants:
            given[keyword] = constants[var.name]
        elif var.val is not None and var.op is None:
            given[keyword] = _widen(var.val)
        else:
            variables[keyword] = var.name
    outputs = tuple(_value(var) for var in op.outputs)
    known = None if op.op_type in {"read_state", "coreml_update_state"} else TABLE[op.op_type]
    return Step(op.op_type, known, given, variables, outputs)


def _with_last_uses(steps, kept):
    seen = set(kept)
    result = []
    for step in reversed(steps):
        names = set()
        for value in step.variables.values():
            names |= {
                v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str)
            }
        result.append(
            Step(
                step.op_type,
                step.op,
                step.constants,
                step.variables,
                step.outputs,
                tuple(names - seen),
            )
        )
        seen |= names
    return result[::-1]


def run(function: Function, inputs, states=None, audit=None):
    """Run a function.

    Args:
        function: what to run.
        inputs: arrays by name, any number type.
        states: arrays by name, replaced where the function updates them.
        audit: called with (step, output value, unrounded array) after every op.
    """
    values = {
        name: _rounded(np.asarray(inputs[name]), value) for name, value in function.inputs.items()
    }
    for step in function.steps:
        for value, array in zip(step.outputs, _results(step, values, states), strict=True):
            assert array.shape == value.shape, (step.op_type, value, array.shape)
            if audit is not None:
                audit(step, value, array)
            exact = step.op is None or step.op.moves_only
            values[value.name] = array if exact else _rounded(array, value)
        for name in step.last_uses:
            values.pop(name, None)
    return {name: values[name] for name in function.outputs}


def _results(step, values, states):
    if step.op_type == "read_state":
        return [states[step.variables["input"]]]
    if step.op_type == "coreml_update_state":
        states[step.variables["state"]] = values[step.variables["value"]]
        return [values[step.variables["value"]]]
    arguments = dict(step.constants)
    for keyword, name in step.variables.items():
        if isinstance(name, list):
            arguments[keyword] = [values[n] if isinstance(n, str) else n for n in name]
        else:
            arguments[keyword] = values[name]
    result = step.op.compute(**arguments)
    if isinstance(result, list):
        return result
    return [np.asarray(result)]


def _rounded(array, value):
    if value.dtype is np.float16:
        return round_to_half(array)
    return array.astype(value.dtype, copy=False)
