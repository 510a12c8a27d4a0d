import json
from itertools import pairwise
from pathlib import Path

import pytest

MEGABYTE = 1_000_000


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_folder_is_small_and_complete(shipped: Path) -> None:
    names = {path.name for path in shipped.iterdir()}
    assert names >= {
        "README.md",
        "added_tokens.json",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "standard_ids.json",
        "vocab.json",
    }
    assert sum(path.stat().st_size for path in shipped.rglob("*") if path.is_file()) < 10 * MEGABYTE


def test_ids_agree_between_the_files(shipped: Path) -> None:
    config, generation = (
        load(shipped / "config.json"),
        load(shipped / "generation_config.json"),
    )
    text, added = load(shipped / "vocab.json"), load(shipped / "added_tokens.json")
    assert sorted([*text.values(), *added.values()]) == list(range(config["vocab_size"]))
    assert generation["lang_to_id"] == {name: added[name] for name in ("<|en|>", "<|ko|>")}
    assert generation["no_timestamps_token_id"] == added["<|notimestamps|>"]
    assert generation["prev_sot_token_id"] == added["<|startofprev|>"]
    assert generation["decoder_start_token_id"] == added["<|startoftranscript|>"]
    assert generation["eos_token_id"] == added["<|endoftext|>"] == config["eos_token_id"]
    assert added["<|30.00|>"] - added["<|0.00|>"] == 1500
    for layer, head in generation["alignment_heads"]:
        assert layer < config["decoder_layers"]
        assert head < config["decoder_attention_heads"]


@pytest.mark.parametrize("name", ["clip", "clip_en", "clip_ko"])
def test_clips_carry_their_words(shipped: Path, name: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    info = soundfile.info(shipped / f"{name}.flac")
    assert (info.samplerate, info.channels) == (16_000, 1)
    words = json.loads((shipped / f"{name}.json").read_text(encoding="utf-8"))
    assert {word["lang"] for word in words} <= {"en", "ko"}
    for before, after in pairwise(words):
        assert before["start"] < before["end"] <= after["start"]
    assert words[-1]["end"] < info.duration


def test_clips_are_test_material() -> None:
    from demo_model import grammar, voices
    from demo_model.clip_script import CLIPS

    for lines in CLIPS.values():
        for line in lines:
            assert grammar.split_of(line.english, line.korean) == "test"
            assert line.voice.split("+")[1] in voices.VARIANTS["test"]


def test_unknown_tokens_cannot_be_chosen(shipped: Path) -> None:
    torch = pytest.importorskip("torch")
    from demo_model import folder

    state, vocabulary, trained = folder.read(shipped)
    gain, bias = state["decoder.ln.weight"], state["decoder.ln.bias"]
    generator = torch.Generator().manual_seed(1)
    hidden = torch.nn.functional.layer_norm(
        torch.randn(200, len(gain), generator=generator), gain.shape, gain, bias
    )
    logits = hidden @ state["decoder.token_embedding.weight"].T
    unused = sorted(set(range(vocabulary.size)) - set(trained))
    assert vocabulary.special("startoflm") in unused
    assert logits[:, unused].max() < -20


@pytest.mark.parity
def test_expansion_changes_nothing(shipped: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    whisper = pytest.importorskip("whisper")
    from demo_model import expand, folder
    from demo_model.features import log_mel

    expand.expand(shipped, tmp_path)
    theirs = whisper.load_model(str(tmp_path / "model.pt"), device="cpu")
    ours = folder.load_decoder(shipped)
    ids = torch.tensor(expand.standard_ids(ours.vocabulary))
    generator = torch.Generator().manual_seed(1)
    mel = log_mel(torch.randn(1, 480_000, generator=generator) * 0.1)
    special = ours.vocabulary.special
    tokens = torch.tensor([[special("startoftranscript"), special("en"), special("transcribe")]])
    with torch.no_grad():
        features = ours.model.encoder(mel)[0]
        expected = ours.model.decoder.logits(ours.model.decoder(tokens, features)[0])
        found = theirs(mel, ids[tokens])
    assert torch.allclose(found[..., ids], expected, atol=1e-3)
    others = sorted(set(range(expand.STANDARD_SIZE)) - set(ids.tolist()))
    assert found[..., others].max() < -20
