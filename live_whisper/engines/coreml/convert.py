"""From a checkpoint to ``.mlpackage`` folders, on any operating system, without PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from live_whisper.engines.coreml.folders import atomic_folder
from live_whisper.engines.coreml.manifest import EXPORTER_VERSION, FILE_NAME, Manifest
from live_whisper.engines.coreml.options import (
    PREFILL_WIDTH,
    ConvertOptions,
    check_contexts,
    default_contexts,
    padded,
    resolve_scheme,
    resolve_text_positions,
)
from live_whisper.engines.coreml.progress import ProgressCallback, silent
from live_whisper.engines.coreml.tools import coremltools
from live_whisper.engines.coreml.weights import Array, WeightStore
from live_whisper.errors import UsageError
from live_whisper.whisper.dims import Dims


class GenerationFacts(Protocol):
    """The part of a checkpoint's generation settings that a graph depends on."""

    @property
    def alignment_heads(self) -> tuple[tuple[int, int], ...]:
        """(layer, head) pairs whose cross-attention follows the speech."""
        ...


class Source(Protocol):
    """What is converted; ``live_whisper.whisper.checkpoint.Checkpoint`` is one."""

    @property
    def dims(self) -> Dims:
        """Sizes."""
        ...

    @property
    def tensors(self) -> Mapping[str, Array]:
        """Float32 by their Hugging Face names."""
        ...

    @property
    def generation(self) -> GenerationFacts:
        """Token rules."""
        ...

    @property
    def revision(self) -> str:
        """Key of the content."""
        ...

    @property
    def audio_context(self) -> str:
        """``fit`` where it was trained for windows as short as the audio, else ``full``."""
        ...

    @property
    def head_name(self) -> str:
        """The tensor that gives the logits."""
        ...


def convert(
    checkpoint: Source,
    out_dir: Path,
    options: ConvertOptions | None = None,
    *,
    progress: ProgressCallback = silent,
) -> Manifest:
    """Write the packages and ``manifest.json`` into ``out_dir``, whole or not at all.

    A folder that holds an earlier conversion is replaced. Any thread, one call at a time; takes
    seconds for base and minutes for large.

    Raises:
        MissingDependencyError: coremltools is not installed.
        ModelError: a tensor is missing or does not fit into float16.
        OutputError: ``out_dir`` cannot be written or holds something else.
        UsageError: an option does not fit the checkpoint.
    """
    coremltools()
    # The exporter imports coremltools at its top, so it can only be imported after that check.
    from live_whisper.engines.coreml.export import Exporter  # noqa: PLC0415

    blank = plan(checkpoint, options or ConvertOptions())
    dtype = np.float16 if blank.compute_precision == "float16" else np.float32
    store = WeightStore(checkpoint.tensors, dtype, blank.quantize)
    with atomic_folder(Path(out_dir), replaceable=is_converted) as folder:
        manifest = Exporter(blank, store, checkpoint.head_name).write_all(folder, progress)
        manifest.write(folder)
    progress("converted", 1.0)
    return manifest


def is_converted(folder: Path) -> bool:
    """Whether a folder is ours to replace: it has a manifest of ours."""
    return (folder / FILE_NAME).is_file()


def plan(checkpoint: Source, options: ConvertOptions) -> Manifest:
    """The manifest of a conversion before any package exists. Raises ``UsageError``."""
    dims = checkpoint.dims
    if options.stateful and options.compute_precision != "float16":
        raise UsageError("A stateful decoder computes in float16 only: Core ML's states do.")
    contexts = options.context_positions or default_contexts(dims, checkpoint.audio_context)
    text = resolve_text_positions(options.text_positions, dims)
    return Manifest(
        exporter_version=EXPORTER_VERSION,
        revision=checkpoint.revision,
        dims=dims,
        compute_precision=options.compute_precision,
        quantize=resolve_scheme(options.quantize, dims),
        deployment_target="iOS18" if options.stateful else "iOS17",
        contexts=check_contexts(contexts, dims),
        text_positions=padded(text) if options.stateful else text,
        prefill_width=min(PREFILL_WIDTH, text),
        alignment_heads=tuple(checkpoint.generation.alignment_heads),
        packages=(),
    )
