"""The audio encoder and the projection of its output to the decoder's cross keys and values."""

from coremltools.converters.mil import Builder as mb  # noqa: N813

from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.graphs.attention import head_scale, split_heads_attention
from live_whisper.engines.coreml.graphs.layers import Layers, Program, Var
from live_whisper.whisper.dims import Dims


def encoder_program(layers: Layers, dims: Dims, positions: int) -> Program:
    """Log-mel (1, n_mels, 1, 2 * positions) -> encoder output (1, d, 1, positions)."""
    spec = mb.TensorSpec((1, dims.n_mels, 1, 2 * positions), dtype=layers.mil_dtype)

    @mb.program(input_specs=[spec], opset_version=layers.target.opset)  # type: ignore[untyped-decorator]
    def program(melspectrogram_features: Var) -> Var:
        x = layers.gelu(layers.conv3(melspectrogram_features, "model.encoder.conv1", stride=1))
        x = layers.gelu(layers.conv3(x, "model.encoder.conv2", stride=2))
        x = mb.add(x=x, y=layers.positions("model.encoder.embed_positions.weight", positions))
        for index in range(dims.n_audio_layer):
            x = _block(layers, x, f"model.encoder.layers.{index}", dims.n_audio_head)
        return layers.layer_norm(x, "model.encoder.layer_norm", name=names.ENCODED)

    return program


def _block(layers: Layers, x: Var, prefix: str, heads: int) -> Var:
    attention = f"{prefix}.self_attn"
    y = layers.layer_norm(x, f"{prefix}.self_attn_layer_norm")
    mixed = split_heads_attention(
        layers.linear(y, f"{attention}.q_proj", scale=head_scale(x.shape[1], heads)),
        layers.linear(y, f"{attention}.k_proj"),
        layers.linear(y, f"{attention}.v_proj"),
        heads=heads,
    )
    x = mb.add(x=x, y=layers.linear(mixed, f"{attention}.out_proj"))
    return mb.add(x=x, y=layers.feed_forward(x, prefix))


def project_cross(layers: Layers, encoded: Var, dims: Dims) -> tuple[list[Var], list[Var]]:
    """Cross keys and values of every decoder layer, (1, d, 1, positions) each."""
    prefixes = [f"model.decoder.layers.{i}.encoder_attn" for i in range(dims.n_text_layer)]
    keys = [layers.linear(encoded, f"{prefix}.k_proj") for prefix in prefixes]
    values = [layers.linear(encoded, f"{prefix}.v_proj") for prefix in prefixes]
    return keys, values


def cross_program(layers: Layers, dims: Dims, positions: int) -> Program:
    """Encoder output -> cross keys and values (1, layers * d, 1, positions).

    Once per window; done inside the decoder it would be most of a step's work.
    """
    spec = mb.TensorSpec((1, dims.n_audio_state, 1, positions), dtype=layers.mil_dtype)

    @mb.program(input_specs=[spec], opset_version=layers.target.opset)  # type: ignore[untyped-decorator]
    def program(encoder_output_embeds: Var) -> tuple[Var, Var]:
        keys, values = project_cross(layers, encoder_output_embeds, dims)
        return (
            mb.concat(values=keys, axis=1, name=names.CROSS_KEYS),
            mb.concat(values=values, axis=1, name=names.CROSS_VALUES),
        )

    return program
