"""The engine on ONNX Runtime: any number of encoder positions, cache in place, attention rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import platformdirs

from live_whisper.engines.base import Features, StepOutput
from live_whisper.engines.onnx.cache import cached_graphs
from live_whisper.engines.onnx.precision import has_dot_product, parse_precision, weights_for
from live_whisper.engines.onnx.sessions import open_session, running
from live_whisper.errors import EngineError
from live_whisper.types.audio import Mel
from live_whisper.whisper.checkpoint import Checkpoint
from live_whisper.whisper.dims import Dims

Array = npt.NDArray[np.float32]
_MAX_THREADS = 4


class OnnxFeatures:
    """Cross-attention keys and values of one window, kept in the runtime's memory."""

    def __init__(self, positions: int, cross: dict[str, ort.OrtValue]) -> None:
        self._positions = positions
        self.cross = cross

    @property
    def positions(self) -> int:
        """Encoder positions, 20 ms each."""
        return self._positions


class OnnxEncoder:
    """Mel to cross-attention keys and values."""

    def __init__(self, session: ort.InferenceSession, dims: Dims) -> None:
        self._session = session
        self._dims = dims
        self._cross = [f"cross_{part}{i}" for i in range(dims.n_text_layer) for part in "kv"]

    def encode(self, mel: Mel) -> OnnxFeatures:
        """``mel``: (n_mels, frames) float32, frames even and at most twice ``n_audio_ctx``."""
        binding = self._bind(mel, self._cross)
        values = binding.get_outputs()
        return OnnxFeatures(mel.shape[1] // 2, dict(zip(self._cross, values, strict=True)))

    def hidden(self, mel: Mel) -> Array:
        """The encoder's last hidden state, (frames/2, n_audio_state), for tests and comparisons."""
        state: Array = self._bind(mel, ["hidden"]).get_outputs()[0].numpy()[0]
        return state

    def _bind(self, mel: Mel, outputs: Sequence[str]) -> ort.IOBinding:
        frames = mel.shape[1] if mel.ndim == 2 else 0
        if mel.shape[0] != self._dims.n_mels or not 0 < frames <= 2 * self._dims.n_audio_ctx:
            raise ValueError(f"mel of shape {mel.shape} for {self._dims.n_mels} bins")
        if frames % 2:
            raise ValueError(f"an even number of mel frames is needed, not {frames}")
        binding = self._session.io_binding()
        binding.bind_cpu_input("mel", np.ascontiguousarray(mel[None], dtype=np.float32))
        for name in outputs:
            binding.bind_output(name, "cpu")
        with running("the encoder"):
            self._session.run_with_iobinding(binding)
        return binding


class OnnxDecoder:
    """Opens decoder sessions."""

    def __init__(self, session: ort.InferenceSession, dims: Dims, n_alignment_heads: int) -> None:
        self._session = session
        self._dims = dims
        self._n_alignment_heads = n_alignment_heads

    def open(self, features: Features, *, want_attention: bool) -> OnnxDecoderSession:
        """Start a session on one window; its cache is allocated here."""
        if not isinstance(features, OnnxFeatures):
            raise TypeError("features of another engine")
        heads = self._n_alignment_heads if want_attention else 0
        return OnnxDecoderSession(self._session, self._dims, features, heads)


class OnnxDecoderSession:
    """One decode of one window. The cache is a buffer of the whole text context."""

    def __init__(
        self, session: ort.InferenceSession, dims: Dims, features: OnnxFeatures, heads: int
    ) -> None:
        self._session = session
        self._dims = dims
        self._heads = heads
        self._positions = features.positions
        self._length = 0
        self._logits = np.empty((1, 1, dims.n_vocab), dtype=np.float32)
        self._cache: dict[str, Array] = {}
        self._features = features  # the binding does not keep its memory alive
        self._binding: ort.IOBinding | None = session.io_binding()
        self._bind_fixed(self._binding)

    def _bind_fixed(self, binding: ort.IOBinding) -> None:
        """What stays where it is for the life of the session."""
        dims = self._dims
        shape = (1, dims.n_text_head, dims.n_text_ctx, dims.n_text_state // dims.n_text_head)
        for name, value in self._features.cross.items():
            binding.bind_ortvalue_input(name, value)
        for i in range(dims.n_text_layer):
            for part in "kv":
                buffer = self._cache[f"{part}{i}"] = np.zeros(shape, dtype=np.float32)
                place = ("cpu", 0, np.float32, shape, buffer.ctypes.data)
                binding.bind_input(f"past_{part}{i}", *place)
                binding.bind_output(f"present_{part}{i}", *place)
        out = self._logits
        binding.bind_output("logits", "cpu", 0, np.float32, out.shape, out.ctypes.data)

    @property
    def length(self) -> int:
        """Ids in the cache."""
        return self._length

    def append(self, ids: Sequence[int]) -> StepOutput:
        """Feed ids in one call. Raises ``ValueError`` for none, unknown or too many."""
        count = len(ids)
        total = self._length + count
        if self._binding is None:
            raise ValueError("the decoder session is closed")
        if not count or total > self._dims.n_text_ctx:
            raise ValueError(f"{count} ids after {self._length} of {self._dims.n_text_ctx}")
        tokens = np.array([ids], dtype=np.int32)
        if tokens.min() < 0 or tokens.max() >= self._dims.n_vocab:
            raise ValueError(f"ids outside the vocabulary of {self._dims.n_vocab}")
        attention = self._run(self._binding, tokens, total)
        self._length = total
        return StepOutput(self._logits[0, 0].copy(), attention)

    def _run(
        self, binding: ort.IOBinding, tokens: npt.NDArray[np.int32], total: int
    ) -> Array | None:
        count = tokens.shape[1]
        positions = np.arange(total - count, total, dtype=np.int32)[None]
        binding.bind_cpu_input("tokens", tokens)
        binding.bind_cpu_input("positions", positions)
        binding.bind_cpu_input("last_index", np.array([total - 1], dtype=np.int32))
        binding.bind_cpu_input("total", np.array([total], dtype=np.int32))
        rows: Array | None = None
        if self._heads:
            rows = np.empty((1, self._heads, count, self._positions), dtype=np.float32)
            binding.bind_output("attention", "cpu", 0, np.float32, rows.shape, rows.ctypes.data)
        with running("the decoder"):
            self._session.run_with_iobinding(binding)
        return None if rows is None else np.ascontiguousarray(rows[0].transpose(1, 0, 2))

    def truncate(self, length: int) -> None:
        """Forget all but the first ``length`` ids; what follows is overwritten later."""
        if not 0 <= length <= self._length:
            raise ValueError(f"cannot keep {length} of {self._length} ids")
        self._length = length

    def close(self) -> None:
        """Release the cache. Idempotent."""
        self._binding = None
        self._cache.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class OnnxEngine:
    """A checkpoint on ONNX Runtime. One thread at a time."""

    def __init__(
        self, checkpoint: Checkpoint, graphs: Path, *, precision: str, threads: int
    ) -> None:
        self._dims = checkpoint.dims
        self._description = (
            f"ONNX Runtime {ort.__version__}, {precision}, {threads} thread{'s'[: threads > 1]}"
        )
        self._encoder: OnnxEncoder | None = OnnxEncoder(
            open_session(graphs / "encoder.onnx", threads), self._dims
        )
        self._decoder: OnnxDecoder | None = OnnxDecoder(
            open_session(graphs / "decoder.onnx", threads),
            self._dims,
            len(checkpoint.generation.alignment_heads),
        )

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        *,
        precision: str = "float32",
        threads: int | None = None,
        cache_dir: Path | None = None,
    ) -> Self:
        """Load, building the graphs first where the cache lacks them.

        ``precision``: ``float32`` or ``int8``. ``threads``: by default the processors, at most 4.
        ``cache_dir``: by default the user's cache folder. Raises ``ModelError``, ``EngineError``.
        """
        chosen = parse_precision(precision)

        def build(folder: Path) -> None:
            # onnx costs a tenth of a second to import and is needed once for each checkpoint
            from live_whisper.engines.onnx.export import export_graphs  # noqa: PLC0415

            export_graphs(checkpoint, weights, folder)

        weights = weights_for(chosen, dot_product=has_dot_product())
        key = "-".join([checkpoint.revision, *weights])
        graphs = cached_graphs(
            cache_dir or default_cache_dir(), key, build, source=checkpoint.folder
        )
        return cls(checkpoint, graphs, precision=chosen, threads=threads or default_threads())

    @property
    def description(self) -> str:
        """Runtime, precision and threads."""
        return self._description

    @property
    def dims(self) -> Dims:
        """The checkpoint's sizes."""
        return self._dims

    @property
    def encoder(self) -> OnnxEncoder:
        """Mel to features. Raises ``EngineError`` after ``close``."""
        if self._encoder is None:
            raise EngineError("the engine is closed.")
        return self._encoder

    @property
    def decoder(self) -> OnnxDecoder:
        """Features to tokens. Raises ``EngineError`` after ``close``."""
        if self._decoder is None:
            raise EngineError("the engine is closed.")
        return self._decoder

    @property
    def contexts(self) -> tuple[int, ...] | None:
        """``None``: any number of positions works."""
        return None

    def close(self) -> None:
        """Release the sessions. Idempotent."""
        self._encoder = None
        self._decoder = None


def default_cache_dir() -> Path:
    """``onnx`` in the user's cache folder for live-whisper."""
    return Path(platformdirs.user_cache_dir("live-whisper")) / "onnx"


def default_threads() -> int:
    """Processors this process may use, at most 4: more slow each other down on small models."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(_MAX_THREADS, usable or 1))
