"""The checkpoint as a Hugging Face folder: written from a training state, and read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from demo_model.decoding import Decoder
from demo_model.examples import MAX_INITIAL_TIMESTAMP
from demo_model.hf_names import to_hugging_face
from demo_model.network import Dims, Whisper
from demo_model.vocabulary import SPECIALS, TIMESTAMP_STEP_S, TIMESTAMPS, Vocabulary

UNUSED_LOGIT = -40.0
"""Logit of tokens that were never trained, whatever the audio."""

State = dict[str, Tensor]


def byte_characters() -> dict[int, str]:
    """Byte -> printable character, as in GPT-2's `vocab.json`."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    table = {byte: chr(byte) for byte in plain}
    table.update({byte: chr(256 + i) for i, byte in enumerate(others)})
    return table


def constant_logit_row(state: State, value: float = UNUSED_LOGIT) -> Tensor:
    """A token embedding whose logit is `value` for every output of the decoder.

    The final layer norm gives h = g n + b with sum(n) = 0, so that for u = a / g (elementwise)
    the product h u = a sum(b / g) does not depend on n.
    """
    gain, bias = state["decoder.ln.weight"].double(), state["decoder.ln.bias"].double()
    return ((value / (bias / gain).sum()) / gain).float()


def trained_tokens(vocabulary: Vocabulary, words: set[str]) -> list[int]:
    """Ids that occur in training: tokens of `words`, specials but one, all timestamps."""
    ids = {i for word in words for i in vocabulary.encode_word(word)}
    ids |= set(range(vocabulary.eot, vocabulary.size)) - {vocabulary.special("startoflm")}
    return sorted(ids)


def with_unused_rows(state: State, trained: Sequence[int]) -> State:
    """The state with the rows of all other tokens made impossible, rounded to half precision."""
    half = {name: tensor.half().float() for name, tensor in state.items()}
    table = half["decoder.token_embedding.weight"]
    rows = constant_logit_row(half)[None].repeat(table.shape[0], 1)
    index = torch.tensor(list(trained))
    rows[index] = table[index]
    return {**half, "decoder.token_embedding.weight": rows}


def config_for(dims: Dims, eot: int, start: int, dtype: str) -> dict[str, object]:
    """`config.json` for given ids of the end of text and of the start of the transcript."""
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "vocab_size": dims.n_vocab,
        "num_mel_bins": dims.n_mels,
        "d_model": dims.n_audio_state,
        "encoder_layers": dims.n_audio_layer,
        "decoder_layers": dims.n_text_layer,
        "encoder_attention_heads": dims.n_audio_head,
        "decoder_attention_heads": dims.n_text_head,
        "encoder_ffn_dim": 4 * dims.n_audio_state,
        "decoder_ffn_dim": 4 * dims.n_text_state,
        "max_source_positions": dims.n_audio_ctx,
        "max_target_positions": dims.n_text_ctx,
        "activation_function": "gelu",
        "scale_embedding": False,
        "bos_token_id": eot,
        "eos_token_id": eot,
        "pad_token_id": eot,
        "decoder_start_token_id": start,
        "torch_dtype": dtype,
        "tie_word_embeddings": True,
    }


def generation_config(
    vocabulary: Vocabulary, alignment_heads: Sequence[tuple[int, int]]
) -> dict[str, object]:
    """`generation_config.json`."""
    special, eot = vocabulary.special, vocabulary.eot
    return {
        "is_multilingual": True,
        "lang_to_id": {"<|en|>": special("en"), "<|ko|>": special("ko")},
        "task_to_id": {"transcribe": special("transcribe"), "translate": special("translate")},
        "no_timestamps_token_id": special("notimestamps"),
        "prev_sot_token_id": special("startofprev"),
        "decoder_start_token_id": special("startoftranscript"),
        "bos_token_id": eot,
        "eos_token_id": eot,
        "pad_token_id": eot,
        "max_initial_timestamp_index": MAX_INITIAL_TIMESTAMP,
        "max_length": 448,
        "return_timestamps": False,
        "suppress_tokens": [],
        "begin_suppress_tokens": [vocabulary.ranks[b" "], eot],
        "alignment_heads": [list(pair) for pair in alignment_heads],
    }


def write(
    out: Path,
    state: State,
    vocabulary: Vocabulary,
    trained: Sequence[int],
    alignment_heads: Sequence[tuple[int, int]],
) -> None:
    """Write weights (half precision), configuration and vocabulary."""
    out.mkdir(parents=True, exist_ok=True)
    dims = dims_of(state)
    final = with_unused_rows(state, trained)
    tensors = {to_hugging_face(name): t.half().contiguous() for name, t in final.items()}
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)  # the library writes it for the owner only
    characters = byte_characters()
    text = {"".join(characters[b] for b in t): i for i, t in enumerate(vocabulary.text)}
    added = {name: vocabulary.eot + i for i, name in enumerate(SPECIALS)}
    for k in range(TIMESTAMPS):
        added[f"<|{k * TIMESTAMP_STEP_S:.2f}|>"] = vocabulary.timestamp_begin + k
    files = {
        "config.json": config_for(
            dims, vocabulary.eot, vocabulary.special("startoftranscript"), "float16"
        ),
        "generation_config.json": generation_config(vocabulary, alignment_heads),
        "vocab.json": text,
        "added_tokens.json": added,
        "preprocessor_config.json": {
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": dims.n_mels,
            "sampling_rate": 16000,
            "hop_length": 160,
            "n_fft": 400,
            "chunk_length": 30,
            "n_samples": 480000,
            "nb_max_frames": 3000,
            "padding_value": 0.0,
        },
    }
    for name, content in files.items():
        dumped = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        (out / name).write_text(dumped, encoding="utf-8")
    vocabulary.save(out / "standard_ids.json")


def dims_of(state: State) -> Dims:
    """Sizes of a model, read from its tensors; the other sizes are the package's own."""
    layers = {
        part: 1 + max(int(n.split(".")[2]) for n in state if n.startswith(f"{part}.blocks."))
        for part in ("encoder", "decoder")
    }
    return Dims(
        n_vocab=state["decoder.token_embedding.weight"].shape[0],
        n_audio_layer=layers["encoder"],
        n_text_layer=layers["decoder"],
    )


def read(checkpoint: Path) -> tuple[State, Vocabulary, list[int]]:
    """State (openai-whisper's names, f32), vocabulary and trained ids of a written folder."""
    tensors = load_file(checkpoint / "model.safetensors")
    vocabulary = Vocabulary.load(checkpoint / "standard_ids.json")
    settings = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    dims = Dims(
        n_vocab=settings["vocab_size"],
        n_audio_layer=settings["encoder_layers"],
        n_text_layer=settings["decoder_layers"],
    )
    names = Whisper(dims).state_dict()
    state = {name: tensors[to_hugging_face(name)].float() for name in names}
    table = state["decoder.token_embedding.weight"]
    unused = table[vocabulary.special("startoflm")]
    trained = (table != unused).any(dim=1).nonzero()[:, 0].tolist()
    return state, vocabulary, trained


def load_decoder(checkpoint: Path) -> Decoder:
    """The model of a written folder, ready to decode."""
    state, vocabulary, trained = read(checkpoint)
    model = Whisper(dims_of(state))
    model.load_state_dict(state)
    usable = torch.zeros(vocabulary.size, dtype=torch.bool)
    usable[torch.tensor(trained)] = True
    return Decoder(model.eval(), vocabulary, usable)
