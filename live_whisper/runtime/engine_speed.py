"""How fast an engine is on this machine: encoder by window length, prefill, one token.

Also engines of the published sizes with random weights: a matrix costs the same whatever is in it,
so what a model would cost is known before it is downloaded.
"""

import shutil
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from live_whisper.clock import Clock, MonotonicClock
from live_whisper.decoding.context import fitted_positions
from live_whisper.engines.base import Engine
from live_whisper.errors import EngineError, one_line
from live_whisper.runtime.rehearsal import CostModel
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.text import Hypothesis
from live_whisper.units import NS_PER_SECOND, SAMPLES_PER_POSITION, WINDOW_POSITIONS
from live_whisper.whisper.checkpoint import Checkpoint
from live_whisper.whisper.dims import Dims
from live_whisper.whisper.layout import expected_shapes
from live_whisper.whisper.tensors import Array, Tensors

DISK_BYTES = {"int8": 2, "float32": 5}
"""For each weight of a graph on disk, with some to spare."""
PREFILL_TOKENS = 40
"""A short carried prompt and half a window of committed text."""
STEP_TOKENS = 16
SLOW_NS = 4 * NS_PER_SECOND
"""A call that takes longer is timed once: chance is a small part of it."""
MEL_NS = 3_000_000
"""Upper bound of what the newest second of a spectrogram costs; the rest is cached."""


@dataclass(frozen=True, slots=True)
class EngineSpeed:
    """Medians, nanoseconds."""

    encode_ns: tuple[tuple[int, int], ...]
    """(encoder positions, time), ascending."""
    prefill_ns: int
    """``PREFILL_TOKENS`` in one call."""
    token_ns: int

    def encode(self, positions: int) -> int:
        """Time for a window, interpolated between the measured lengths."""
        lengths, times = zip(*self.encode_ns, strict=True)
        return round(float(np.interp(positions, lengths, times)))

    def cost(self, *, fit: bool) -> CostModel:
        """What decodes would cost with this engine. ``fit``: windows as short as the audio."""

        def charged(request: WindowRequest, hypothesis: Hypothesis, measured_ns: int) -> int:
            del measured_ns
            heard = -(-request.window.span.length // SAMPLES_PER_POSITION)
            positions = fitted_positions(heard, WINDOW_POSITIONS) if fit else WINDOW_POSITIONS
            decoding = self.prefill_ns + self.token_ns * (hypothesis.decoded_tokens + 1)
            return MEL_NS + self.encode(positions) + decoding

        return charged


def measure_speed(
    engine: Engine,
    checkpoint: Checkpoint,
    *,
    positions: tuple[int, ...] = (300, 600, WINDOW_POSITIONS),
    rounds: int = 3,
    clock: Clock | None = None,
) -> EngineSpeed:
    """Time an engine; the first call of each kind is not counted."""
    clock = clock or MonotonicClock()
    if engine.contexts is not None:
        positions = engine.contexts
    random = np.random.default_rng(0)
    prompt = [checkpoint.tokenizer.eot - 1 - i % 50 for i in range(PREFILL_TOKENS)]
    encodes: list[tuple[int, int]] = []
    prefills: list[int] = []
    steps: list[int] = []
    for length in sorted(positions):
        mel = random.uniform(-1, 1, (engine.dims.n_mels, 2 * length)).astype(np.float32)
        spent: list[int] = []
        while len(spent) <= (1 if spent and spent[0] > SLOW_NS else rounds):
            begun = clock.now_ns()
            features = engine.encoder.encode(mel)
            spent.append(clock.now_ns() - begun)
        encodes.append((length, round(statistics.median(spent[1:]))))
    for _ in range(rounds + 1):
        with engine.decoder.open(features, want_attention=True) as session:
            begun = clock.now_ns()
            session.append(prompt)
            filled = clock.now_ns()
            for token in prompt[:STEP_TOKENS]:
                session.append((token,))
            prefills.append(filled - begun)
            steps.append((clock.now_ns() - filled) // STEP_TOKENS)
    return EngineSpeed(
        tuple(encodes),
        round(statistics.median(prefills[1:])),
        round(statistics.median(steps[1:])),
    )


# --- published sizes ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Size:
    """A published architecture."""

    name: str
    state: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    n_mels: int = 80
    n_vocab: int = 51_865

    def dims(self) -> Dims:
        """As in the checkpoint's ``config.json``."""
        return Dims(
            n_mels=self.n_mels,
            n_audio_ctx=WINDOW_POSITIONS,
            n_audio_state=self.state,
            n_audio_head=self.heads,
            n_audio_layer=self.encoder_layers,
            n_vocab=self.n_vocab,
            n_text_ctx=448,
            n_text_state=self.state,
            n_text_head=self.heads,
            n_text_layer=self.decoder_layers,
            n_audio_mlp=4 * self.state,
            n_text_mlp=4 * self.state,
        )


SIZES = {
    size.name: size
    for size in (
        Size("tiny", 384, 6, 4, 4),
        Size("base", 512, 8, 6, 6),
        Size("small", 768, 12, 12, 12),
        Size("medium", 1024, 16, 24, 24),
        Size("large-v3-turbo", 1280, 20, 32, 4, n_mels=128, n_vocab=51_866),
    )
}


class _RandomTensors(Tensors):
    """Weights of the right shapes, made when they are asked for; one block of numbers, repeated."""

    def __init__(self, dims: Dims) -> None:
        super().__init__({})
        self._shapes = expected_shapes(dims)
        self._block = np.random.default_rng(0).standard_normal(1 << 20, dtype=np.float32)

    def __getitem__(self, name: str) -> Array:
        shape = self._shapes[name]
        if name.endswith("norm.weight"):
            return np.ones(shape, np.float32)
        if len(shape) == 1:
            return np.zeros(shape, np.float32)
        scale = np.float32(1 / np.sqrt(np.prod(shape[1:])))
        return np.resize(self._block * scale, shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape without making it."""
        return self._shapes[name]


def _check_room(size: Size, precision: str) -> None:
    weights = sum(int(np.prod(shape)) for shape in expected_shapes(size.dims()).values())
    needed, folder = weights * DISK_BYTES[precision], tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EngineError(
            f"An engine of the size of {size.name} needs {needed / 1e9:.1f} GB for a while;"
            f" {one_line(folder)} has {free / 1e9:.1f} GB.",
            hint="Set TMPDIR to a folder with more room.",
        )


def measure_size(size: Size, like: Checkpoint, *, threads: int | None, rounds: int) -> EngineSpeed:
    """Time an ONNX engine (int8, the default from base on) of a published size.

    ``like``: any checkpoint, for the parts that cost nothing. The graphs are built in a temporary
    folder. Raises ``EngineError`` where it has no room for them.
    """
    from live_whisper.engines.onnx.engine import OnnxEngine  # noqa: PLC0415 - one engine is loaded

    dims = size.dims()
    precision = "int8" if dims.n_audio_state >= 512 else "float32"
    _check_room(size, precision)
    half = dims.n_text_layer // 2
    heads = tuple((layer, head) for layer in range(half, dims.n_text_layer) for head in (0, 1))
    checkpoint = replace(
        like,
        dims=dims,
        generation=replace(like.generation, alignment_heads=heads),
        revision=f"random-{size.name}",
        tensors=_RandomTensors(dims),
    )
    with tempfile.TemporaryDirectory(prefix="live-whisper-bench-") as folder:
        engine = OnnxEngine.load(
            checkpoint, precision=precision, threads=threads, cache_dir=Path(folder)
        )
        try:
            return measure_speed(engine, checkpoint, rounds=rounds)
        finally:
            engine.close()
