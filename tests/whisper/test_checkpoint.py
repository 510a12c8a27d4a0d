"""A checkpoint is read as it is; whatever is wrong with it is named."""

import json
import shutil

import numpy as np
import pytest
from support.checkpoints import (
    make_random_checkpoint,
    random_tensors,
    small_vocabulary,
    write_json,
    write_safetensors,
    write_tokenizer,
    write_weights,
)

from live_whisper.errors import ModelError
from live_whisper.whisper.checkpoint import load_checkpoint
from live_whisper.whisper.dims import Dims
from live_whisper.whisper.layout import EMBEDDING, HEAD, expected_shapes


def tensors_of(folder):
    return {name: np.array(value) for name, value in load_checkpoint(folder).tensors.items()}


def test_reads_everything(folder):
    checkpoint = load_checkpoint(folder)
    assert checkpoint.dims.n_audio_state == 16
    assert checkpoint.dims.n_vocab == checkpoint.tokenizer.n_vocab
    assert set(checkpoint.tensors) == set(expected_shapes(checkpoint.dims))
    assert all(value.dtype == np.float32 for value in checkpoint.tensors.values())
    assert checkpoint.generation.is_multilingual
    assert checkpoint.generation.max_initial_timestamp_index == 50
    assert checkpoint.audio_context == "full"
    assert checkpoint.head_name == EMBEDDING


def test_alignment_heads_default_to_the_last_half_of_the_layers(folder):
    assert load_checkpoint(folder).generation.alignment_heads == ((1, 0), (1, 1))


def test_alignment_heads_as_stated(folder, edit):
    edit("generation_config.json", alignment_heads=[[0, 1], [1, 0]])
    assert load_checkpoint(folder).generation.alignment_heads == ((0, 1), (1, 0))


@pytest.mark.parametrize("file", ["config.json", "generation_config.json"])
def test_audio_context(folder, edit, file):
    edit(file, live_whisper={"audio_context": "fit"})
    assert load_checkpoint(folder).audio_context == "fit"


def test_audio_context_of_a_folder_of_your_own(folder, edit):
    edit("config.json", audio_context="fit")
    assert load_checkpoint(folder).audio_context == "fit"


def test_audio_context_as_the_model_list_has_it(folder):
    assert load_checkpoint(folder, short_context=True).audio_context == "fit"


def test_alignment_heads_of_a_teacher_are_not_believed(folder, edit):
    """distil-small.en has four layers and the heads of a model of twelve."""
    edit("generation_config.json", alignment_heads=[[0, 1], [6, 0]])
    assert load_checkpoint(folder).generation.alignment_heads == ((1, 0), (1, 1))


@pytest.mark.parametrize(("dtype", "tolerance"), [("F32", 0), ("F16", 1e-3), ("BF16", 1e-2)])
def test_float_formats(tmp_path, dtype, tolerance):
    made = make_random_checkpoint(tmp_path / "a", d_model=16, heads=2, dtype=dtype)
    dims = load_checkpoint(made).dims
    wanted = random_tensors(dims, np.random.default_rng(0))
    for name, value in load_checkpoint(made).tensors.items():
        np.testing.assert_allclose(value, wanted[name], rtol=tolerance, atol=tolerance)


def test_shards_equal_one_file(tmp_path, pristine):
    sharded = make_random_checkpoint(tmp_path / "s", d_model=16, heads=2, shards=3)
    one, three = load_checkpoint(pristine), load_checkpoint(sharded)
    assert dict(one.tensors).keys() == dict(three.tensors).keys()
    for name in one.tensors:
        np.testing.assert_array_equal(one.tensors[name], three.tensors[name])


def test_tokenizer_json_equals_vocab_json(tmp_path, pristine):
    other = make_random_checkpoint(tmp_path / "t", d_model=16, heads=2, tokenizer_json=True)
    first, second = load_checkpoint(pristine).tokenizer, load_checkpoint(other).tokenizer
    assert first.encode(" the meeting 회의") == second.encode(" the meeting 회의")
    assert dict(first.special) == dict(second.special)


def test_names_without_the_model_prefix(folder):
    bare = {name.removeprefix("model."): v for name, v in tensors_of(folder).items()}
    wanted = tensors_of(folder)
    write_weights(folder, bare)
    for name, value in load_checkpoint(folder).tensors.items():
        np.testing.assert_array_equal(value, wanted[name])


@pytest.mark.parametrize("change", [0, 1])
def test_a_tied_head_is_the_embedding_whatever_is_stored(folder, change):
    """What remains of the head from before a fine-tuning is an old copy of the embedding."""
    tensors = tensors_of(folder)
    write_weights(folder, tensors | {HEAD: tensors[EMBEDDING] + change})
    checkpoint = load_checkpoint(folder)
    assert HEAD not in checkpoint.tensors
    assert checkpoint.head_name == EMBEDDING


def test_an_untied_head_is_used(tmp_path):
    made = make_random_checkpoint(
        tmp_path / "u", d_model=16, heads=2, config={"tie_word_embeddings": False}
    )
    assert load_checkpoint(made).head_name == HEAD


def test_an_untied_head_must_be_there(folder, edit):
    edit("config.json", tie_word_embeddings=False)
    with pytest.raises(ModelError, match=r"lacks tensor proj_out\.weight"):
        load_checkpoint(folder)


def test_every_missing_tensor_is_noticed(folder):
    tensors = tensors_of(folder)
    for name in tensors:
        write_weights(folder, {n: v for n, v in tensors.items() if n != name})
        with pytest.raises(ModelError, match="lacks tensor") as caught:
            load_checkpoint(folder)
        assert name in str(caught.value)


def test_an_extra_tensor_is_noticed(folder):
    write_weights(folder, tensors_of(folder) | {"model.encoder.extra": np.zeros(3, np.float32)})
    with pytest.raises(ModelError, match=r"unknown tensor model\.encoder\.extra"):
        load_checkpoint(folder)


def test_a_misshapen_tensor_is_noticed(folder):
    tensors = tensors_of(folder)
    name = "model.decoder.layers.1.fc1.weight"
    write_weights(folder, tensors | {name: tensors[name].T})
    with pytest.raises(ModelError, match=r"layers\.1\.fc1\.weight has shape \[16, 64\]"):
        load_checkpoint(folder)


def test_many_missing_tensors_are_counted(folder):
    write_weights(folder, {n: v for n, v in tensors_of(folder).items() if "fc1" not in n})
    with pytest.raises(ModelError, match="and 4 more"):
        load_checkpoint(folder)


CONFIG_FAULTS = [
    ({"model_type": "bert"}, "'bert', not 'whisper'"),
    ({"d_model": ...}, "lacks d_model"),
    ({"d_model": "wide"}, "d_model is not a size"),
    ({"d_model": -1}, "d_model is not a size"),
    ({"encoder_layers": True}, "encoder_layers is not a size"),
    ({"decoder_attention_heads": 3}, "not a multiple of decoder_attention_heads"),
    ({"activation_function": "relu"}, "activation_function 'relu'"),
    ({"scale_embedding": True}, "scale_embedding"),
    ({"eos_token_id": 5}, "eos_token_id is 5"),
    ({"decoder_start_token_id": 5}, "decoder_start_token_id is 5"),
    ({"suppress_tokens": [999999]}, "token 999999, outside"),
    ({"live_whisper": {"audio_context": "some"}}, "audio_context must be"),
]


@pytest.mark.parametrize(("keys", "message"), CONFIG_FAULTS)
def test_config_faults(folder, edit, keys, message):
    edit("config.json", **keys)
    with pytest.raises(ModelError, match=message):
        load_checkpoint(folder)


GENERATION_FAULTS = [
    ({"no_timestamps_token_id": 3}, "no_timestamps_token_id is 3"),
    ({"prev_sot_token_id": 3}, "prev_sot_token_id is 3"),
    ({"lang_to_id": {"<|ko|>": 3}}, "puts <|ko|> at 3"),
    ({"lang_to_id": {"<|fr|>": 3}}, "does not have it"),
    ({"lang_to_id": []}, "not a table"),
    ({"task_to_id": {"transcribe": 3}}, "puts <|transcribe|> at 3"),
    ({"alignment_heads": [[0]]}, "alignment_heads is not a list of layers and heads"),
    ({"alignment_heads": "all"}, "alignment_heads is not a list of layers and heads"),
    ({"alignment_heads": [0, 1]}, "alignment_heads is not a list"),
    ({"is_multilingual": "yes"}, "is_multilingual"),
    ({"suppress_tokens": "all"}, "suppress_tokens is not a list"),
    ({"begin_suppress_tokens": [-4]}, "begin_suppress_tokens is not a list"),
    ({"max_initial_timestamp_index": -1}, "max_initial_timestamp_index"),
]


@pytest.mark.parametrize(("keys", "message"), GENERATION_FAULTS)
def test_generation_faults(folder, edit, keys, message):
    edit("generation_config.json", **keys)
    with pytest.raises(ModelError, match=message.replace("|", r"\|")):
        load_checkpoint(folder)


def test_generation_config_may_be_missing(folder, pristine):
    (folder / "generation_config.json").unlink()
    derived, k = load_checkpoint(folder).generation, load_checkpoint(pristine).tokenizer
    assert derived.is_multilingual
    assert derived.lang_to_id == dict(k.languages)
    assert derived.begin_suppress_tokens == (*k.encode(" "), k.eot)
    assert {k.sot, k.sot_prev, k.no_speech, *k.non_speech_tokens} <= set(derived.suppress_tokens)


def change_added(folder, **changes):
    path = folder / "added_tokens.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    for name, number in changes.items():
        if number is None:
            del whole[name]
        else:
            whole[name] = number
    write_json(path, whole)


TOKEN_FAULTS = [
    ({"<|startofprev|>": None}, "lacks <|startofprev|>"),
    ({"<|nospeech|>": None}, "lacks <|nospeech|>"),
    ({"<|ko|>": 10**6}, "outside the vocabulary"),
    ({"<|ko|>": 0}, "has two names"),
    ({"<|ko|>": -5}, "no valid token id"),
    ({"<|1.00|>": None, "<|xx|>": ...}, "among the timestamps"),
    ({"<|1.00|>": ..., "<|2.00|>": ...}, "timestamp token"),
]


@pytest.mark.parametrize(("changes", "message"), TOKEN_FAULTS)
def test_special_token_faults(folder, changes, message):
    first = json.loads((folder / "added_tokens.json").read_text(encoding="utf-8"))["<|0.00|>"]
    wanted = {"<|xx|>": first + 50, "<|1.00|>": first + 100, "<|2.00|>": first + 50}
    change_added(folder, **{n: wanted[n] if v is ... else v for n, v in changes.items()})
    with pytest.raises(ModelError, match=message.replace("|", r"\|")):
        load_checkpoint(folder)


def test_two_tokenizer_files_that_disagree(folder):
    text, special = small_vocabulary()
    write_tokenizer(folder, text, special | {"<|ko|>": special["<|ja|>"]}, tokenizer_json=True)
    with pytest.raises(ModelError, match="disagree about"):
        load_checkpoint(folder)


def test_a_byte_without_a_token(folder):
    path = folder / "vocab.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    del whole["Z"]
    write_json(path, whole)
    with pytest.raises(ModelError, match="no token for byte 0x5a"):
        load_checkpoint(folder)


def test_timestamps_need_not_be_named(folder, pristine):
    path = folder / "added_tokens.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, {n: i for n, i in whole.items() if not n[2:3].isdigit()})
    found = load_checkpoint(folder).tokenizer
    assert found.timestamp_begin == load_checkpoint(pristine).tokenizer.timestamp_begin
    assert found.timestamp_count == 1501


def test_the_older_name_of_no_speech(folder, pristine):
    k = load_checkpoint(pristine).tokenizer
    change_added(folder, **{"<|nospeech|>": None, "<|nocaptions|>": k.no_speech})
    assert load_checkpoint(folder).tokenizer.no_speech == k.no_speech


FOLDER_FAULTS = [
    (["config.json"], "no config.json"),
    (["model.safetensors"], "has no model.safetensors"),
    (["vocab.json"], "neither tokenizer.json nor vocab.json"),
]


@pytest.mark.parametrize(("removed", "message"), FOLDER_FAULTS)
def test_missing_files(folder, removed, message):
    for name in removed:
        (folder / name).unlink()
    with pytest.raises(ModelError, match=message):
        load_checkpoint(folder)


def test_no_folder(tmp_path):
    with pytest.raises(ModelError, match="does not exist"):
        load_checkpoint(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="not a folder"):
        load_checkpoint(tmp_path / "file")


def test_only_a_pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only as a pickle") as caught:
        load_checkpoint(folder)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "vocab.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "\x00\xff", "[" * 100_000])
def test_damaged_json(folder, name, content):
    (folder / name).write_text(content, encoding="latin-1")
    with pytest.raises(ModelError, match=name):
        load_checkpoint(folder)


def test_messages_show_no_control_characters(folder):
    change_added(folder, **{"\x1b[31mred": 10**6})
    with pytest.raises(ModelError) as caught:
        load_checkpoint(folder)
    assert str(caught.value).isprintable()


def test_shard_faults(tmp_path):
    made = make_random_checkpoint(tmp_path / "s", d_model=16, heads=2, shards=2)
    index = made / "model.safetensors.index.json"
    whole = json.loads(index.read_text())
    moved = dict.fromkeys(whole["weight_map"], "model-00001-of-00002.safetensors")
    for weight_map, message in (
        (moved, "lacks 'model"),
        ({"a": "../x.safetensors"}, "outside the folder"),
        ({"a": "gone.safetensors"}, r"lacks gone\.safetensors"),
        ({}, "no weight_map"),
    ):
        write_json(index, {"weight_map": weight_map})
        with pytest.raises(ModelError, match=message):
            load_checkpoint(made)


def test_revision_follows_the_content(folder, pristine):
    before = load_checkpoint(pristine).revision
    assert load_checkpoint(folder).revision == before
    tensors = tensors_of(folder)
    tensors[EMBEDDING][3, 3] += 1e-3
    write_safetensors(folder / "model.safetensors", tensors)
    changed = load_checkpoint(folder).revision
    assert changed != before
    shutil.copy(pristine / "model.safetensors", folder)
    assert load_checkpoint(folder).revision == before


def test_dims_follow_the_config(tmp_path):
    made = make_random_checkpoint(tmp_path / "d", d_model=24, heads=3, layers=1, n_mels=128)
    assert load_checkpoint(made).dims == Dims(
        128, 1500, 24, 3, 1, load_checkpoint(made).tokenizer.n_vocab, 448, 24, 3, 1, 96, 96
    )
