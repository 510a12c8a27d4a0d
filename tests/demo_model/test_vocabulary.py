import random
from pathlib import Path

import pytest

from demo_model import grammar
from demo_model.vocabulary import TIMESTAMPS, Vocabulary, merge, pieces, standard_ranks

PIECES = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""How the standard tokenizer cuts text before merging (whisper/tokenizer.py)."""


def test_merging_takes_the_lowest_rank_first() -> None:
    ranks = {b"a": 0, b"b": 1, b"c": 2, b"bc": 3, b"ab": 4, b"abc": 5}
    assert merge(b"abc", ranks) == ([b"abc"], {b"a", b"b", b"c", b"bc", b"abc"})
    assert merge(b"abab", ranks)[0] == [b"ab", b"ab"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Yes.", [b" Yes", b"."]),
        ("네,", [" 네".encode(), b","]),
        ("the", [b" the"]),
        (",", [b","]),
    ],
)
def test_words_are_cut_before_their_punctuation(word: str, expected: list[bytes]) -> None:
    assert pieces(word) == expected


def test_ids_are_in_order_and_text_survives(tmp_path: Path) -> None:
    vocabulary = Vocabulary(tuple(bytes([b]) for b in range(256)), tuple(range(256)))
    assert vocabulary.eot == 256
    assert vocabulary.special("endoftext") == vocabulary.eot
    assert vocabulary.timestamp_begin + TIMESTAMPS == vocabulary.size
    text = "회의는 금요일 세 시에 시작합니다."
    assert vocabulary.decode(vocabulary.encode(text)) == " " + text
    vocabulary.save(tmp_path / "v.json")
    assert Vocabulary.load(tmp_path / "v.json") == vocabulary


@pytest.mark.parity
def test_segmentation_is_the_standard_one() -> None:
    pytest.importorskip("whisper")
    tiktoken = pytest.importorskip("tiktoken")
    encoding = tiktoken.Encoding(
        "standard", pat_str=PIECES, mergeable_ranks=standard_ranks(), special_tokens={}
    )
    rng = random.Random(1)
    texts = [text for _ in range(300) for text in grammar.sample(rng)]
    vocabulary = Vocabulary.for_words({word for text in texts for word in text.split()})
    assert list(vocabulary.standard_ids) == sorted(vocabulary.standard_ids)
    for text in texts:
        ids = [vocabulary.standard_ids[i] for i in vocabulary.encode(text)]
        assert ids == encoding.encode(" " + text)
