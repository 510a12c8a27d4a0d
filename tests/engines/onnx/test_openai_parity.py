"""Encoder, logits and attention against openai-whisper's model with the same weights."""

from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import make_random_checkpoint

import live_whisper
from live_whisper.engines.onnx import OnnxEngine
from live_whisper.whisper.checkpoint import load_checkpoint

pytest.importorskip("whisper.model")
pytestmark = pytest.mark.parity

from support.openai_reference import (  # noqa: E402
    reference_hidden,
    reference_logits,
    to_openai,
)

DEMO = Path(live_whisper.__file__).parent / "assets" / "demo"
RANDOM = {
    "small-state": {"d_model": 32, "heads": 4},
    "large-v3-layout": {"d_model": 32, "heads": 4, "n_mels": 128, "vocab": "51866"},
    "english-only": {"d_model": 32, "heads": 2, "vocab": "51864"},
    "tiny": {"d_model": 384, "layers": 4, "heads": 6, "vocab": "51865"},
    "base": {"d_model": 512, "layers": 6, "heads": 8, "vocab": "51865"},
}
SLOW = ("tiny", "base")
CASES = [pytest.param(n, marks=pytest.mark.slow if n in SLOW else []) for n in [*RANDOM, "demo"]]


@pytest.fixture(scope="module", params=CASES)
def pair(request, tmp_path_factory):
    """The checkpoint and openai-whisper's model of it."""
    if request.param == "demo":
        if not (DEMO / "config.json").is_file():
            pytest.skip("the demo checkpoint is not bundled")
        folder = DEMO
    else:
        made = tmp_path_factory.mktemp(request.param)
        folder = make_random_checkpoint(made, **RANDOM[request.param])
    checkpoint = load_checkpoint(folder)
    return checkpoint, to_openai(checkpoint)


@pytest.mark.parametrize("frames", [3000, 502])
def test_equals_openai_whisper(pair, graphs, frames):
    checkpoint, model = pair
    dims, rng = checkpoint.dims, np.random.default_rng(frames)
    mel = (rng.standard_normal((dims.n_mels, frames)) * 0.5).astype(np.float32)
    language = "ko" if checkpoint.generation.is_multilingual else "en"
    text = rng.integers(0, checkpoint.tokenizer.eot, 30)
    ids = [*checkpoint.tokenizer.sot_sequence(language), *map(int, text)]
    hidden = reference_hidden(model, mel)
    logits, attention = reference_logits(model, hidden, ids)

    engine = OnnxEngine.load(checkpoint, threads=2, cache_dir=graphs)
    np.testing.assert_allclose(engine.encoder.hidden(mel), hidden, atol=1e-3)
    features = engine.encoder.encode(mel)
    # A token that was never trained may have a row of enormous values that cancel out: what can
    # be asked of it is the accuracy of its terms.
    head = checkpoint.tensors[checkpoint.head_name]
    allowed = 1e-3 * np.maximum(1, np.linalg.norm(head, axis=1) / 30)
    with engine.decoder.open(features, want_attention=True) as session:
        rows, at = [], 0
        for count in (20, *[1] * (len(ids) - 20)):
            step = session.append(ids[at : at + count])
            at += count
            rows.append(step.attention)
            assert np.all(np.abs(step.logits - logits[at - 1]) <= allowed)
    np.testing.assert_allclose(np.concatenate(rows), attention, atol=1e-4)
    engine.close()
