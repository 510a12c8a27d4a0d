"""Core ML against ONNX Runtime on the bundled clip, token by token. macOS only.

    python benchmarks/coreml_parity.py FOLDER [--model DIR] [--units cpu_and_ne]

FOLDER is what ``live-whisper models convert`` wrote for the checkpoint. ONNX Runtime decodes 30 s;
its tokens are then fed to both engines. Prints the largest difference of logits, how many
arg-maxes agree, and the time of each engine; exit status 1 where an arg-max differs although the
reference was sure by more than 0.1.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

import live_whisper
from live_whisper.audio.files import open_media
from live_whisper.clock import MonotonicClock
from live_whisper.decoding.types import DecodeRequest
from live_whisper.decoding.window import NO_GUARDS, WindowDecoder
from live_whisper.engines.base import Engine
from live_whisper.engines.coreml.engine import CoreMLEngine, EngineOptions
from live_whisper.engines.onnx.engine import OnnxEngine
from live_whisper.units import WINDOW_SAMPLES
from live_whisper.whisper.checkpoint import load_checkpoint
from live_whisper.whisper.mel import LogMel

DEMO = Path(live_whisper.__file__).parent / "assets" / "demo"
SURE = 0.1  # logits; closer than this, float16 may decide otherwise


def forced(engine: Engine, mel: np.ndarray, prompt: list[int], tokens: list[int]):  # noqa: ANN201
    """Logits after the prompt and after each token, and the seconds per encode and per step."""
    clock = MonotonicClock()
    began = clock.now_ns()
    features = engine.encoder.encode(mel)
    encoded = clock.now_ns()
    with engine.decoder.open(features, want_attention=True) as session:
        rows = [session.append(prompt).logits]
        opened = clock.now_ns()
        rows += [session.append([token]).logits for token in tokens]
    step = (clock.now_ns() - opened) / max(1, len(tokens)) / 1e9
    return np.stack(rows), (encoded - began) / 1e9, step


def main() -> int:
    """Print a line for each engine and one for the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=DEMO)
    parser.add_argument("--audio", type=Path, default=DEMO / "clip.flac")
    parser.add_argument("--language", default="en")
    parser.add_argument("--units", default="auto")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.model)
    with open_media(arguments.audio) as media:
        samples = np.concatenate(list(media.blocks()))[:WINDOW_SAMPLES]
    mel = LogMel(checkpoint.dims.n_mels).compute(samples, 2 * checkpoint.dims.n_audio_ctx)
    tokenizer = checkpoint.tokenizer
    prompt = list(tokenizer.sot_sequence(arguments.language))
    with tempfile.TemporaryDirectory() as cache:
        onnx = OnnxEngine.load(checkpoint, cache_dir=Path(cache))
        decoder = WindowDecoder(onnx, tokenizer, checkpoint.generation, guards=NO_GUARDS)
        request = DecodeRequest(language=arguments.language)
        tokens = list(decoder.decode(onnx.encoder.encode(mel), request).tokens)
        reference, *onnx_seconds = forced(onnx, mel, prompt, tokens)
    options = EngineOptions(packages=arguments.folder, compute_units=arguments.units)
    coreml = CoreMLEngine.load(checkpoint, options)
    ours, *coreml_seconds = forced(coreml, mel, prompt, tokens)
    for engine, (encode, step) in ((onnx, onnx_seconds), (coreml, coreml_seconds)):
        print(f"{engine.description}: encode {encode * 1e3:.0f} ms, step {step * 1e3:.1f} ms")
    top = np.sort(reference, axis=1)
    margin = top[:, -1] - top[:, -2]
    differs = ours.argmax(axis=1) != reference.argmax(axis=1)
    print(
        f"{len(tokens)} tokens: logits differ by at most {np.abs(ours - reference).max():.3f}, "
        f"{(~differs).sum()} of {len(differs)} arg-maxes agree"
    )
    return 1 if (differs & (margin > SURE)).any() else 0


if __name__ == "__main__":
    sys.exit(main())
