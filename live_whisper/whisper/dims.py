"""Sizes of a checkpoint, read from its ``config.json``; nothing about a size is assumed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from live_whisper.errors import ModelError

_LARGEST = (
    1 << 20
)  # no size in a Whisper checkpoint comes near; keeps hostile files from allocating


@dataclass(frozen=True, slots=True)
class Dims:
    """Names follow openai/whisper ``model.ModelDimensions``."""

    n_mels: int
    """Mel bins: 80, or 128 from large-v3 on."""
    n_audio_ctx: int
    """Encoder positions of a full window: 1500."""
    n_audio_state: int
    n_audio_head: int
    n_audio_layer: int
    n_vocab: int
    n_text_ctx: int
    """Token positions of the decoder: 448."""
    n_text_state: int
    n_text_head: int
    n_text_layer: int
    n_audio_mlp: int
    """Width of the encoder's feed-forward layers; four times the state in official checkpoints."""
    n_text_mlp: int

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Sizes from a Hugging Face Whisper ``config.json``.

        Raises ``ModelError`` naming the key that is missing, not a positive integer or at odds
        with another.
        """
        state = _size(config, "d_model")
        dims = cls(
            n_mels=_size(config, "num_mel_bins"),
            n_audio_ctx=_size(config, "max_source_positions"),
            n_audio_state=state,
            n_audio_head=_size(config, "encoder_attention_heads"),
            n_audio_layer=_size(config, "encoder_layers"),
            n_vocab=_size(config, "vocab_size"),
            n_text_ctx=_size(config, "max_target_positions"),
            n_text_state=state,
            n_text_head=_size(config, "decoder_attention_heads"),
            n_text_layer=_size(config, "decoder_layers"),
            n_audio_mlp=_size(config, "encoder_ffn_dim"),
            n_text_mlp=_size(config, "decoder_ffn_dim"),
        )
        for key, heads in (("encoder", dims.n_audio_head), ("decoder", dims.n_text_head)):
            if state % heads:
                raise ModelError(
                    f"config.json: d_model {state} is not a multiple of "
                    f"{key}_attention_heads {heads}."
                )
        return dims


def _size(config: Mapping[str, object], key: str) -> int:
    value = config.get(key)
    if value is None:
        raise ModelError(f"config.json lacks {key}.")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST:
        raise ModelError(f"config.json: {key} is not a size: {str(value)[:40]!r}.")
    return value
