"""Damaged and hostile text files of a checkpoint: read, or refused in one line."""

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.checkpoints import make_random_checkpoint

from live_whisper.errors import ModelError
from live_whisper.whisper.checkpoint import load_checkpoint

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
FILES = ("config.json", "generation_config.json", "vocab.json", "added_tokens.json",
         "tokenizer.json", "tokenizer_config.json")  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([0, 1, -1, 1500, 448, 51_865, 1e300, float("nan"), "", "<|en|>", "\x1b[2J"])
    | st.text(max_size=12)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
changes = st.lists(
    st.tuples(
        st.sampled_from(FILES), st.sampled_from(["set", "drop", "swap"]), st.floats(0, 1), values
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def full(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with every file that may be read."""
    folder = Path(shutil.copytree(pristine, tmp_path_factory.mktemp("full") / "checkpoint"))
    other = make_random_checkpoint(
        tmp_path_factory.mktemp("other"), d_model=16, heads=2, tokenizer_json=True
    )
    shutil.copy(other / "tokenizer.json", folder)
    decoder = {"50": {"content": "<|x|>"}, "51": {"content": "word"}}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": decoder}))
    return folder


def changed(tree: object, how: str, where: float, value: object) -> object:
    """The tree with one of its nodes set to a value, dropped, or in the place of the whole."""
    places: list[tuple[dict | list, str | int]] = []

    def walk(node: object) -> None:
        if not isinstance(node, dict | list):
            return
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        for key in keys[:400]:
            places.append((node, key))
            walk(node[key])

    walk(tree)
    if not places:
        return value
    parent, key = places[int(where * (len(places) - 1))]
    if how == "lift":
        return parent[key]
    if how == "set":
        parent[key] = value
    else:
        del parent[key]
    return tree


def read_or_refused(folder: Path) -> None:
    message = ""
    try:
        tokenizer = load_checkpoint(folder).tokenizer
    except ModelError as error:
        message = str(error)
    else:
        assert tokenizer.decode(tokenizer.encode(" hello 안녕")) == " hello 안녕"
    assert not any(ord(c) < 32 or ord(c) == 127 for c in message), repr(message)


fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@fuzz
@given(plan=changes)
def test_changed_values(plan: list, full: Path) -> None:
    kept = {name: (full / name).read_bytes() for name in FILES}
    try:
        for name, how, where, value in plan:
            tree = changed(json.loads((full / name).read_bytes()), how, where, value)
            (full / name).write_text(json.dumps(tree), encoding="utf-8")
        read_or_refused(full)
    finally:
        for name, data in kept.items():
            (full / name).write_bytes(data)


@fuzz
@given(
    name=st.sampled_from(FILES),
    where=st.floats(0, 1, exclude_max=True),
    new=st.binary(max_size=20),
    kept=st.integers(0, 30),
)
def test_changed_bytes(name: str, where: float, new: bytes, kept: int, full: Path) -> None:
    data = (full / name).read_bytes()
    at = int(where * len(data))
    try:
        (full / name).write_bytes(data[:at] + new + data[at + kept :])
        read_or_refused(full)
    finally:
        (full / name).write_bytes(data)


def test_a_token_number_of_thousands_of_digits(full: Path) -> None:
    path = full / "tokenizer_config.json"
    data = path.read_bytes()
    (full / "added_tokens.json").rename(full / "aside.json")
    (full / "tokenizer.json").rename(full / "aside2.json")
    try:
        path.write_text(json.dumps({"added_tokens_decoder": {"9" * 5000: {"content": "x"}}}))
        read_or_refused(full)
    finally:
        path.write_bytes(data)
        (full / "aside.json").rename(full / "added_tokens.json")
        (full / "aside2.json").rename(full / "tokenizer.json")
