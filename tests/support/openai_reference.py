"""The same weights in openai-whisper's model. Needs openai-whisper and torch."""

import warnings

import numpy as np
import torch
import whisper
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer

from live_whisper.whisper.checkpoint import Checkpoint

_PARTS = {
    "self_attn.q_proj": "attn.query",
    "self_attn.k_proj": "attn.key",
    "self_attn.v_proj": "attn.value",
    "self_attn.out_proj": "attn.out",
    "self_attn_layer_norm": "attn_ln",
    "encoder_attn.q_proj": "cross_attn.query",
    "encoder_attn.k_proj": "cross_attn.key",
    "encoder_attn.v_proj": "cross_attn.value",
    "encoder_attn.out_proj": "cross_attn.out",
    "encoder_attn_layer_norm": "cross_attn_ln",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
    "final_layer_norm": "mlp_ln",
}
_WHOLE = {
    "encoder.embed_positions.weight": "encoder.positional_embedding",
    "decoder.embed_positions.weight": "decoder.positional_embedding",
    "decoder.embed_tokens.weight": "decoder.token_embedding.weight",
    "encoder.layer_norm": "encoder.ln_post",
    "decoder.layer_norm": "decoder.ln",
}


def openai_name(name: str) -> str:
    """openai-whisper's name of a Hugging Face tensor."""
    name = name.removeprefix("model.")
    if name in _WHOLE:
        return _WHOLE[name]
    module, _, kind = name.rpartition(".")
    if module in _WHOLE:
        return f"{_WHOLE[module]}.{kind}"
    side, _, rest = module.partition(".layers.")
    if not rest:
        return name  # the convolutions
    number, _, part = rest.partition(".")
    return f"{side}.blocks.{number}.{_PARTS[part]}.{kind}"


def openai_tokenizer(**options: object) -> Tokenizer:
    """openai-whisper's tokenizer. Its vocabulary reader leaves the file open; it is read once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        return get_tokenizer(**options)


def to_openai(checkpoint: Checkpoint) -> Whisper:
    """A ``whisper.Whisper`` with the checkpoint's weights and alignment heads, every tensor set."""
    dims = checkpoint.dims
    model = Whisper(
        ModelDimensions(
            n_mels=dims.n_mels,
            n_audio_ctx=dims.n_audio_ctx,
            n_audio_state=dims.n_audio_state,
            n_audio_head=dims.n_audio_head,
            n_audio_layer=dims.n_audio_layer,
            n_vocab=dims.n_vocab,
            n_text_ctx=dims.n_text_ctx,
            n_text_state=dims.n_text_state,
            n_text_head=dims.n_text_head,
            n_text_layer=dims.n_text_layer,
        )
    )
    state = {
        openai_name(name): torch.from_numpy(np.array(value))
        for name, value in checkpoint.tensors.items()
    }
    model.load_state_dict(state, strict=True)
    mask = torch.zeros(dims.n_text_layer, dims.n_text_head, dtype=torch.bool)
    for layer, head in checkpoint.generation.alignment_heads:
        mask[layer, head] = True
    model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
    for multilingual in (False, True):  # read here, so that later readers find them read
        for languages in (99, 100):
            openai_tokenizer(multilingual=multilingual, num_languages=languages)
    return model.eval()


def reference_hidden(model: Whisper, mel: np.ndarray) -> np.ndarray:
    """Encoder output for any even number of frames, (frames/2, d)."""
    full = model.encoder.positional_embedding
    model.encoder.positional_embedding = full[: mel.shape[1] // 2]
    try:
        with torch.no_grad():
            return model.encoder(torch.from_numpy(mel)[None])[0].numpy()
    finally:
        model.encoder.positional_embedding = full


def reference_logits(
    model: Whisper, hidden: np.ndarray, ids: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Logits of every id (n, n_vocab) and softmaxed attention (n, alignment heads, positions)."""
    scores: dict[int, torch.Tensor] = {}
    hooks = [
        block.cross_attn.register_forward_hook(
            lambda _module, _inputs, outputs, i=i: scores.update({i: outputs[1][0]})
        )
        for i, block in enumerate(model.decoder.blocks)
    ]
    try:
        with torch.no_grad(), whisper.model.disable_sdpa():
            logits = model.decoder(torch.tensor([ids]), torch.from_numpy(hidden)[None])[0]
    finally:
        for hook in hooks:
            hook.remove()
    pairs = model.alignment_heads.indices().T.tolist()
    rows = torch.stack([scores[layer][head].softmax(dim=-1) for layer, head in pairs], dim=1)
    return logits.numpy(), rows.numpy()
