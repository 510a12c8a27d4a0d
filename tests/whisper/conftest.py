"""A small random checkpoint, made once, and copies of it to damage."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests/support

from support.checkpoints import make_random_checkpoint, write_json


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_random_checkpoint(tmp_path_factory.mktemp("pristine"), d_model=16, heads=2)


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "checkpoint"))


@pytest.fixture
def edit(folder: Path) -> Callable[..., None]:
    """Merge keys into one of the folder's JSON files; ``...`` removes a key."""

    def change(file: str, **keys: object) -> None:
        path = folder / file
        whole = json.loads(path.read_text(encoding="utf-8")) | keys
        write_json(path, {key: value for key, value in whole.items() if value is not ...})

    return change
