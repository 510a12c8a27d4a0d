"""Text to ids and back, special tokens, words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.errors import UsageError
from live_whisper.whisper.checkpoint import load_checkpoint
from live_whisper.whisper.languages import LANGUAGES, language_code
from live_whisper.whisper.tokenizer import Tokenizer
from live_whisper.whisper.vocabulary import Vocabulary, byte_alphabet


@pytest.fixture(scope="module")
def tokenizer(pristine):
    return load_checkpoint(pristine).tokenizer


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=200)
def test_any_text_comes_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_uses_the_merges(tokenizer):
    assert len(tokenizer.encode(" hello")) == 1
    assert len(tokenizer.encode(" 안녕하세요")) == 1


def test_special_looking_text_is_text(tokenizer):
    ids = tokenizer.encode("<|endoftext|>")
    assert tokenizer.eot not in ids
    assert tokenizer.decode(ids) == "<|endoftext|>"


def test_special_tokens_are_skipped(tokenizer):
    ids = [tokenizer.sot, *tokenizer.encode(" train"), tokenizer.timestamp_begin + 5, tokenizer.eot]
    assert tokenizer.decode(ids) == " train"
    assert tokenizer.token_name(tokenizer.timestamp_begin + 5) == "<|0.10|>"
    assert tokenizer.token_name(tokenizer.sot) == "<|startoftranscript|>"


def test_bytes_are_joined_before_decoding(tokenizer):
    split = [tokenizer.encode(char)[0] for char in "é"]  # a fallback: bytes one by one
    letters = byte_alphabet()
    singles = [
        next(i for i in range(256) if tokenizer.decode_bytes([i]) == bytes([b]))
        for b in "한".encode()
    ]
    assert len(letters) == 256
    assert split
    assert tokenizer.decode(singles) == "한"
    assert tokenizer.decode(singles[:2]) == "\ufffd"


def test_sot_sequence(tokenizer):
    k = tokenizer
    assert k.sot_sequence("ko") == (k.sot, k.languages["ko"], k.transcribe)
    assert k.sot_sequence("Korean", "translate", timestamps=False) == (
        k.sot,
        k.languages["ko"],
        k.translate,
        k.no_timestamps,
    )
    with pytest.raises(UsageError, match="needs a language"):
        k.sot_sequence(None)
    with pytest.raises(UsageError, match="unknown task"):
        k.sot_sequence("ko", "sing")


def english_only(tokenizer):
    text = {tokenizer.decode_bytes([i]): i for i in range(tokenizer.eot)}
    vocabulary = Vocabulary(text, dict(tokenizer.special), {})
    return Tokenizer(vocabulary, n_vocab=tokenizer.n_vocab, is_multilingual=False)


def test_english_only(tokenizer):
    k = english_only(tokenizer)
    assert k.sot_sequence("en") == (k.sot,)
    assert k.sot_sequence(None, timestamps=False) == (k.sot, k.no_timestamps)
    with pytest.raises(UsageError, match="English-only: no korean"):
        k.sot_sequence("ko")
    with pytest.raises(UsageError, match="cannot translate"):
        k.sot_sequence("en", "translate")


def test_languages_the_checkpoint_lacks(tokenizer):
    with pytest.raises(UsageError, match=r"has no french \(fr\).* It has en, zh, ko, ja"):
        tokenizer.language_token("French")
    with pytest.raises(UsageError, match="Did you mean korean") as caught:
        tokenizer.language_token("koreen\x1b[2J")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "code"),
    [("KO", "ko"), ("korean", "ko"), ("ko-KR", "ko"), ("en_US", "en"), ("Cantonese", "yue"),
     ("zh-yue", "yue"), ("Burmese", "my"), (" Mandarin ", "zh"), ("한국어", "ko")],
)  # fmt: skip
def test_language_names(name, code):
    assert language_code(name) == code


def test_every_language_has_its_own_name():
    assert len(LANGUAGES) == 100
    for code, name in LANGUAGES.items():
        assert language_code(code) == language_code(name) == code


def test_words_by_spaces(tokenizer):
    ids = tokenizer.encode(" hello, the train is 기차.")
    words, tokens = tokenizer.split_to_words(ids, "ko")
    assert words == [" hello", ",", " the", " train", " is", " 기차", "."]
    assert [i for group in tokens for i in group] == ids


def test_words_by_characters(tokenizer):
    ids = tokenizer.encode("今日は")
    words, tokens = tokenizer.split_to_words(ids, "ja")
    assert words == ["今", "日", "は"]
    assert [len(group) for group in tokens] == [3, 3, 3]


def test_special_tokens_are_words_of_their_own(tokenizer):
    k = tokenizer
    ids = [k.timestamp_begin, *k.encode(" train"), *k.encode("is"), k.timestamp_begin + 50]
    assert k.split_to_words(ids, "en")[0] == ["<|0.00|>", " trainis", "<|1.00|>"]


def test_a_character_cut_off_is_kept_together(tokenizer):
    k = tokenizer
    cut = k.encode("日")[:2]
    words, tokens = k.split_to_words([*cut, k.timestamp_begin], "ja")
    assert words == ["\ufffd", "<|0.00|>"]
    assert tokens == [cut, [k.timestamp_begin]]
    assert k.split_to_words(cut, "ja") == (["\ufffd"], [cut])


@given(st.lists(st.integers(0, 2000), max_size=30), st.sampled_from(["en", "ko", "ja"]))
@settings(deadline=None, max_examples=200)
def test_words_lose_no_token(tokenizer, ids, language):
    words, tokens = tokenizer.split_to_words(ids, language)
    assert [i for group in tokens for i in group] == ids
    assert len(words) == len(tokens)
    assert all(tokens)


def test_no_byte_alone_is_suppressed(tokenizer):
    for i in tokenizer.non_speech_tokens:
        spelt = tokenizer.decode_bytes([i])
        assert spelt != b" "
        assert len(spelt) > 1 or spelt.isascii()
