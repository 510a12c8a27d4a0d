import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # the recipe is not part of the installed package


@pytest.fixture(scope="session")
def speaking() -> None:
    """Skips the test where the synthesiser is missing."""
    from demo_model import synth

    if not synth.available():
        pytest.skip("libespeak-ng is not installed")


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The shipped checkpoint and clips."""
    folder = ROOT / "live_whisper" / "assets" / "demo"
    if not (folder / "model.safetensors").is_file():
        pytest.skip("the demo checkpoint is not there")
    return folder
