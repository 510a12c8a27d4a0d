"""Which tensors a Whisper checkpoint has, and their shapes.

Names are those of Hugging Face ``WhisperForConditionalGeneration``.
"""

from collections.abc import Mapping

from live_whisper.errors import ModelError
from live_whisper.whisper.dims import Dims
from live_whisper.whisper.tensors import TensorEntry

ENCODER = "model.encoder."
DECODER = "model.decoder."
EMBEDDING = "model.decoder.embed_tokens.weight"
HEAD = "proj_out.weight"
_NAMED_AT_MOST = 4

Shape = tuple[int, ...]


def expected_shapes(dims: Dims) -> dict[str, Shape]:
    """Every tensor the architecture needs, the output head aside."""
    d = dims.n_audio_state
    shapes: dict[str, Shape] = {
        ENCODER + "conv1.weight": (d, dims.n_mels, 3),
        ENCODER + "conv1.bias": (d,),
        ENCODER + "conv2.weight": (d, d, 3),
        ENCODER + "conv2.bias": (d,),
        ENCODER + "embed_positions.weight": (dims.n_audio_ctx, d),
        EMBEDDING: (dims.n_vocab, dims.n_text_state),
        DECODER + "embed_positions.weight": (dims.n_text_ctx, dims.n_text_state),
    }
    for i in range(dims.n_audio_layer):
        layer = f"{ENCODER}layers.{i}."
        shapes |= _attention(layer + "self_attn", d)
        shapes |= _feed_forward(layer, d, dims.n_audio_mlp)
    d = dims.n_text_state
    for i in range(dims.n_text_layer):
        layer = f"{DECODER}layers.{i}."
        shapes |= _attention(layer + "self_attn", d) | _attention(layer + "encoder_attn", d)
        shapes |= _feed_forward(layer, d, dims.n_text_mlp)
    for side in (ENCODER, DECODER):
        shapes |= _norm(side + "layer_norm", d)
    return shapes


def _norm(name: str, d: int) -> dict[str, Shape]:
    return {name + ".weight": (d,), name + ".bias": (d,)}


def _attention(name: str, d: int) -> dict[str, Shape]:
    weights: dict[str, Shape] = {
        f"{name}.{part}_proj.weight": (d, d) for part in ("q", "k", "v", "out")
    }
    biases: dict[str, Shape] = {f"{name}.{part}_proj.bias": (d,) for part in ("q", "v", "out")}
    return weights | biases | _norm(name + "_layer_norm", d)


def _feed_forward(layer: str, d: int, wide: int) -> dict[str, Shape]:
    return {
        layer + "fc1.weight": (wide, d),
        layer + "fc1.bias": (wide,),
        layer + "fc2.weight": (d, wide),
        layer + "fc2.bias": (d,),
        **_norm(layer + "final_layer_norm", d),
    }


def check_entries(
    entries: Mapping[str, TensorEntry], dims: Dims, *, tied: bool
) -> dict[str, TensorEntry]:
    """The entries under their full names, every one accounted for.

    A checkpoint saved without the head may lack the prefix ``model.``. Where ``proj_out.weight`` is
    tied to the embedding it may be absent and is not used: fine-tuning that trained the embedding
    alone leaves an old copy of it in the file (the ``acft`` checkpoints do), and the reference
    implementations use the embedding. Raises ``ModelError`` naming what is missing, extra or
    misshapen.
    """
    if any(name.startswith(("encoder.", "decoder.")) for name in entries):
        entries = {
            f"model.{name}" if name.startswith(("encoder.", "decoder.")) else name: entry
            for name, entry in entries.items()
        }
    expected = expected_shapes(dims)
    if HEAD in entries or not tied:
        expected[HEAD] = expected[EMBEDDING]
    _complain("lacks", [name for name in expected if name not in entries])
    _complain("has unknown", [name for name in entries if name not in expected])
    for name, shape in expected.items():
        if entries[name].shape != shape:
            raise ModelError(
                f"the tensor {name} has shape {list(entries[name].shape)}, "
                f"but config.json asks for {list(shape)}."
            )
    return {name: entries[name] for name in expected if not (tied and name == HEAD)}


def _complain(what: str, names: list[str]) -> None:
    if not names:
        return
    listed = ", ".join(name[:80] for name in names[:_NAMED_AT_MOST])
    more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
    plural = "s" if len(names) > 1 else ""
    raise ModelError(f"the checkpoint {what} tensor{plural} {listed}{more}.")
