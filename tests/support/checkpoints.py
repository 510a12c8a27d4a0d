"""Random checkpoints in the Hugging Face layout: real files, no torch, no downloads."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from live_whisper.whisper.dims import Dims
from live_whisper.whisper.languages import LANGUAGES
from live_whisper.whisper.layout import HEAD, expected_shapes
from live_whisper.whisper.vocabulary import byte_alphabet

SMALL_LANGUAGES = ("en", "ko", "ja", "zh")
SMALL_WORDS = (
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "was",
    "we",
    "you",
    "meeting",
    "train",
    "hello",
)
SMALL_KOREAN = (
    "안녕하세요",
    "오늘",
    "회의",
    "시작",
    "합니다",
    "감사합니다",
    "내일",
    "기차",
    "에서",
)
VOCABULARIES = ("small", "51864", "51865", "51866")


@dataclass
class Shape:
    """What ``make_random_checkpoint`` builds."""

    d_model: int = 64
    layers: int = 2
    heads: int = 4
    n_mels: int = 80
    mlp: int = 0
    """0: four times the state."""
    n_text_ctx: int = 448
    vocab: str = "small"
    alignment_heads: list[list[int]] | None = None
    config: dict[str, object] = field(default_factory=dict)
    """Merged into ``config.json``."""


def make_random_checkpoint(
    folder: Path,
    *,
    d_model: int = 64,
    layers: int = 2,
    heads: int = 4,
    n_mels: int = 80,
    vocab: str = "small",
    seed: int = 0,
    n_text_ctx: int = 448,
    dtype: str = "F32",
    shards: int = 1,
    tokenizer_json: bool = False,
    alignment_heads: list[list[int]] | None = None,
    config: dict[str, object] | None = None,
) -> Path:
    """Write a valid checkpoint with random, well-scaled weights and return its folder.

    ``vocab``: ``small`` (synthetic), or ``51864``/``51865``/``51866``: the English-only,
    multilingual and large-v3 layouts, whose text tokens come from the openai-whisper package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text, special = VOCABULARY_MAKERS[vocab]()
    n_vocab = max(special.values()) + 1
    shape = Shape(d_model, layers, heads, n_mels, 4 * d_model, n_text_ctx, vocab, alignment_heads)
    whole = config_json(shape, n_vocab, special) | (config or {})
    write_json(folder / "config.json", whole)
    write_json(folder / "generation_config.json", generation_json(special, alignment_heads, vocab))
    write_tokenizer(folder, text, special, tokenizer_json=tokenizer_json)
    dims = Dims.from_config(whole)
    tensors = random_tensors(dims, np.random.default_rng(seed))
    if whole.get("tie_word_embeddings") is False:
        tensors[HEAD] = tensors["model.decoder.embed_tokens.weight"][::-1].copy()
    write_weights(folder, tensors, dtype=dtype, shards=shards)
    return folder


def config_json(shape: Shape, n_vocab: int, special: dict[str, int]) -> dict[str, object]:
    return {
        "model_type": "whisper",
        "architectures": ["WhisperForConditionalGeneration"],
        "vocab_size": n_vocab,
        "num_mel_bins": shape.n_mels,
        "d_model": shape.d_model,
        "encoder_layers": shape.layers,
        "decoder_layers": shape.layers,
        "encoder_attention_heads": shape.heads,
        "decoder_attention_heads": shape.heads,
        "encoder_ffn_dim": shape.mlp,
        "decoder_ffn_dim": shape.mlp,
        "max_source_positions": 1500,
        "max_target_positions": shape.n_text_ctx,
        "activation_function": "gelu",
        "scale_embedding": False,
        "decoder_start_token_id": special["<|startoftranscript|>"],
        "eos_token_id": special["<|endoftext|>"],
        "tie_word_embeddings": True,
    }


def generation_json(
    special: dict[str, int], alignment_heads: list[list[int]] | None, vocab: str
) -> dict[str, object]:
    whole: dict[str, object] = {
        "is_multilingual": vocab != "51864",
        "no_timestamps_token_id": special["<|notimestamps|>"],
        "prev_sot_token_id": special["<|startofprev|>"],
        "decoder_start_token_id": special["<|startoftranscript|>"],
        "eos_token_id": special["<|endoftext|>"],
        "max_initial_timestamp_index": 50,
    }
    if vocab != "51864":
        codes = [code for code in LANGUAGES if f"<|{code}|>" in special]
        whole["lang_to_id"] = {f"<|{code}|>": special[f"<|{code}|>"] for code in codes}
        whole["task_to_id"] = {name: special[f"<|{name}|>"] for name in ("transcribe", "translate")}
    if alignment_heads is not None:
        whole["alignment_heads"] = alignment_heads
    return whole


def small_vocabulary() -> tuple[dict[bytes, int], dict[str, int]]:
    """Bytes, then every prefix of some words in order, which is a valid byte-pair vocabulary."""
    tokens = [bytes([b]) for b in byte_alphabet().values()]
    known = set(tokens)
    for word in (*SMALL_WORDS, *SMALL_KOREAN):
        for spelt in ((" " + word).encode(), word.encode()):
            for end in range(2, len(spelt) + 1):
                if spelt[:end] not in known:
                    known.add(spelt[:end])
                    tokens.append(spelt[:end])
    text = {token: i for i, token in enumerate(tokens)}
    return text, special_tokens(len(tokens), SMALL_LANGUAGES)


def standard_vocabulary(asset: str, languages: int) -> tuple[dict[bytes, int], dict[str, int]]:
    """Whisper's own, from the openai-whisper package."""
    import base64
    from importlib.util import find_spec

    spec = find_spec("whisper")
    assert spec is not None, "openai-whisper is not installed"
    path = Path(str(spec.origin)).parent / "assets" / f"{asset}.tiktoken"
    lines = [line.split() for line in path.read_text().splitlines()]
    text = {base64.b64decode(token): int(rank) for token, rank in lines}
    return text, special_tokens(len(text), tuple(LANGUAGES)[:languages])


VOCABULARY_MAKERS = {
    "small": small_vocabulary,
    "51864": lambda: standard_vocabulary("gpt2", 99),
    "51865": lambda: standard_vocabulary("multilingual", 99),
    "51866": lambda: standard_vocabulary("multilingual", 100),
}


def special_tokens(first: int, languages: tuple[str, ...]) -> dict[str, int]:
    names = [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{code}|>" for code in languages),
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nospeech|>",
        "<|notimestamps|>",
        *(f"<|{i * 0.02:.2f}|>" for i in range(1501)),
    ]
    return {name: first + i for i, name in enumerate(names)}


def write_tokenizer(
    folder: Path, text: dict[bytes, int], special: dict[str, int], *, tokenizer_json: bool = False
) -> None:
    letters = {byte: letter for letter, byte in byte_alphabet().items()}
    vocab = {"".join(letters[b] for b in token): i for token, i in text.items()}
    if tokenizer_json:
        added = [{"id": i, "content": name, "special": True} for name, i in special.items()]
        whole = {"model": {"type": "BPE", "vocab": vocab, "merges": []}, "added_tokens": added}
        write_json(folder / "tokenizer.json", whole)
    else:
        write_json(folder / "vocab.json", vocab)
        write_json(folder / "added_tokens.json", special)


def random_tensors(dims: Dims, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights of a size that keeps activations near one and the logits apart."""
    tensors: dict[str, np.ndarray] = {}
    for name, shape in expected_shapes(dims).items():
        noise = rng.standard_normal(shape, dtype=np.float32)
        if name.endswith("norm.weight"):
            tensors[name] = 1 + 0.1 * noise
        elif name.endswith("bias"):
            tensors[name] = 0.1 * noise
        elif "embed_positions" in name:
            tensors[name] = 0.3 * noise
        elif "embed_tokens" in name:
            tensors[name] = 3 / np.sqrt(shape[1]) * noise
        elif "encoder_attn.q_proj" in name or "encoder_attn.k_proj" in name:
            tensors[name] = 2 / np.sqrt(shape[1]) * noise  # attention that prefers some places
        else:
            tensors[name] = 1 / np.sqrt(np.prod(shape[1:])) * noise
        tensors[name] = tensors[name].astype(np.float32)
    return tensors


def write_weights(
    folder: Path, tensors: dict[str, np.ndarray], *, dtype: str = "F32", shards: int = 1
) -> None:
    """``model.safetensors``, or that many shards with their index."""
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors, dtype=dtype)
        return
    weight_map = {}
    names = list(tensors)
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        mine = {name: tensors[name] for name in names[shard::shards]}
        write_safetensors(folder / file, mine, dtype=dtype)
        weight_map |= dict.fromkeys(mine, file)
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})


def write_safetensors(path: Path, tensors: dict[str, np.ndarray], *, dtype: str = "F32") -> None:
    """One file, written by hand so that tests can also write broken ones."""
    parts, header, offset = [], {}, 0
    for name, value in tensors.items():
        data = encode_tensor(value, dtype)
        header[name] = {
            "dtype": dtype,
            "shape": list(value.shape),
            "data_offsets": [offset, offset + len(data)],
        }
        offset += len(data)
        parts.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.writelines(parts)


def encode_tensor(value: np.ndarray, dtype: str) -> bytes:
    if dtype == "BF16":
        return (np.ascontiguousarray(value, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return np.asarray(value, {"F32": "<f4", "F16": "<f2"}[dtype]).tobytes()


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
