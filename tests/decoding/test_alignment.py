"""Words, their times and their order."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_decoding import GOOD

from live_whisper.decoding.alignment import AlignmentWindow, word_groups, words_from
from live_whisper.units import SAMPLE_RATE, seconds_to_samples

START = 1_000_000


def decoded_at(tokenizer, items, *, positions=500, language="en", log=-0.1):
    """``items``: text tokens with the second they begin at, or a timestamp token's second."""
    tokens, rows = [], []

    def row(second, length=0.16):
        weights = np.full((2, positions), 1e-4, np.float32)
        at = min(positions - 1, round(second * 50))
        weights[:, at : at + max(1, round(length * 50))] = 1.0
        return weights / weights.sum(axis=1, keepdims=True)

    for item in items:
        if isinstance(item, tuple):
            text, begin, end = item
            ids = tokenizer.encode(text)
            for index, token in enumerate(ids):
                tokens.append(token)
                share = (end - begin) / len(ids)
                rows.append(row(begin + share * index, share))
        else:
            tokens.append(tokenizer.timestamp_begin + round(item / 0.02))
            rows.append(row(item))
    rows.append(row(max(item if isinstance(item, float) else item[2] for item in items)))
    return replace(
        GOOD,
        tokens=tuple(tokens),
        log_probabilities=(log,) * len(tokens),
        attention=np.stack(rows),
        language=language,
    )


def window(seconds=8.0, **rest):
    return AlignmentWindow(START, seconds_to_samples(seconds), **rest)


def seconds(sample):
    return (sample - START) / SAMPLE_RATE


def test_words_lie_where_their_attention_lies(tokenizer):
    spoken = [(" hello", 1.0, 1.6), (" world", 1.6, 2.2), (" thank", 2.2, 2.6), (" you", 2.6, 3.0)]
    decoded = decoded_at(tokenizer, [0.98, *spoken, 3.0])
    words = words_from(decoded, tokenizer, window())
    assert [word.text for word in words] == [" hello", " world", " thank", " you"]
    for word, (_, begin, end) in zip(words, spoken, strict=True):
        assert seconds(word.start) == pytest.approx(begin, abs=0.1)
        assert seconds(word.end) == pytest.approx(end, abs=0.1)
        assert word.probability == pytest.approx(np.exp(-0.1))
        assert tokenizer.decode(word.tokens) == word.text


def test_timestamps_bound_the_ends_of_their_segment(tokenizer):
    decoded = decoded_at(
        tokenizer,
        [1.0, (" hello", 1.0, 1.5), (" world.", 1.5, 2.0), 2.0, 4.0, (" good", 4.1, 4.5), 4.6],
    )
    first, second, third = words_from(decoded, tokenizer, window())
    assert (seconds(first.segment_start), first.segment_end) == (1.0, None)
    assert (second.segment_start, seconds(second.segment_end)) == (None, 2.0)
    assert second.text == " world."
    assert seconds(third.segment_start) == 4.0
    assert seconds(third.segment_end) == pytest.approx(4.6)
    assert first.start == first.segment_start
    assert seconds(second.end) <= 2.0
    assert third.start >= third.segment_start


def test_an_open_segment_has_no_end(tokenizer):
    words = words_from(
        decoded_at(tokenizer, [1.0, (" hello", 1.0, 1.5), (" world", 1.5, 2.0)]),
        tokenizer,
        window(),
    )
    assert [word.segment_end for word in words] == [None, None]
    assert words[0].segment_start is not None


def test_after_a_forced_prefix_nothing_lies_before_it(tokenizer):
    decoded = decoded_at(tokenizer, [(" thank", 0.5, 1.0), (" you", 3.0, 3.5)])
    not_before = START + seconds_to_samples(2.0)
    words = words_from(decoded, tokenizer, window(not_before=not_before))
    assert all(word.start >= not_before for word in words)


def test_attention_beyond_the_audio_is_ignored(tokenizer):
    decoded = decoded_at(tokenizer, [0.0, (" hello", 1.0, 1.5), (" world", 9.0, 9.5), 9.8])
    short = window(seconds=3.0)
    words = words_from(decoded, tokenizer, short)
    assert all(word.end <= short.end for word in words)
    assert words[-1].segment_end == short.end


def test_punctuation_is_attached(tokenizer):
    decoded = decoded_at(
        tokenizer,
        [
            0.0,
            (" hello", 0.5, 1.0),
            (",", 1.0, 1.1),
            (' "', 1.1, 1.2),
            ("yes", 1.2, 1.6),
            ('?!"', 1.6, 1.8),
            2.0,
        ],
    )
    assert [word.text for word in words_from(decoded, tokenizer, window())] == [
        " hello,",
        ' "yes?!"',
    ]


def test_a_word_after_a_pause_is_not_overlong(tokenizer):
    decoded = decoded_at(
        tokenizer,
        [(" hello", 0.2, 0.6), (" world.", 0.6, 1.0), (" thank", 6.0, 6.3), (" you", 6.3, 6.6)],
    )
    words = words_from(decoded, tokenizer, window())
    lengths = [word.end - word.start for word in words]
    assert max(lengths) <= 2 * 0.7 * SAMPLE_RATE


def test_syllables_split_over_tokens_are_joined(tokenizer):
    decoded = decoded_at(tokenizer, [0.0, (" 안녕하세요", 0.5, 1.5), (" 네", 1.5, 2.0), 2.2])
    words = words_from(decoded, tokenizer, window())
    assert [word.text for word in words] == [" 안녕하세요", " 네"]


def test_a_character_cut_off_at_the_end_is_left_out(tokenizer):
    ids = tokenizer.encode(" hello 네")[:-1]
    decoded = replace(
        GOOD,
        tokens=tuple(ids),
        log_probabilities=(-0.1,) * len(ids),
        attention=np.ones((len(ids) + 1, 1, 100), np.float32),
    )
    words = words_from(decoded, tokenizer, window(2.0))
    assert "".join(word.text for word in words).strip() == "hello"
    assert "\ufffd" not in "".join(word.text for word in words)


def test_without_attention_words_share_their_segment(tokenizer):
    decoded = decoded_at(tokenizer, [1.0, (" hello", 1.0, 1.5), (" world", 1.5, 2.0), 3.0])
    words = words_from(replace(decoded, attention=None), tokenizer, window())
    assert [seconds(word.start) for word in words] == pytest.approx([1.0, 2.0])
    assert seconds(words[-1].end) == pytest.approx(3.0)


def test_nothing_said_no_words(tokenizer):
    assert words_from(decoded_at(tokenizer, [0.0, 1.0]), tokenizer, window()) == []
    empty = replace(GOOD, tokens=(), log_probabilities=(), attention=None)
    assert words_from(empty, tokenizer, window()) == []


def test_no_audio_at_all(tokenizer):
    decoded = decoded_at(tokenizer, [0.0, (" hello", 0.0, 0.5), 0.5])
    (word,) = words_from(decoded, tokenizer, AlignmentWindow(START, 0))
    assert (word.start, word.end) == (START, START)


TEXTS = (" hello", " world.", " no,", " 네", " 감사합니다.", '"', " (", "yes", "?", " ")


@given(
    seed=st.integers(0, 2**32 - 1),
    pieces=st.lists(st.sampled_from((*TEXTS, "time")), min_size=1, max_size=25),
    audio_ms=st.integers(0, 12_000),
    prefix_ms=st.integers(0, 13_000),
    heads=st.integers(0, 2),
)
@settings(deadline=None, max_examples=150)
def test_whatever_was_decoded_words_keep_their_order(
    tokenizer, seed, pieces, audio_ms, prefix_ms, heads
):
    random = np.random.default_rng(seed)
    tokens = []
    for piece in pieces:
        if piece == "time":
            tokens.append(tokenizer.timestamp_begin + int(random.integers(0, 1501)))
        else:
            tokens += tokenizer.encode(piece)
    attention = random.random((len(tokens) + 1, heads, 600)).astype(np.float32) ** 8
    decoded = replace(
        GOOD,
        tokens=tuple(tokens),
        log_probabilities=tuple(-random.random(len(tokens))),
        attention=attention if heads else None,
    )
    place = AlignmentWindow(START, audio_ms * 16, START + prefix_ms * 16)
    groups = word_groups(decoded, tokenizer, place)
    assert [index for index, _ in groups] == sorted(index for index, _ in groups)
    words = [word for _, group in groups for word in group]
    earliest = place.first
    for word in words:
        assert earliest <= word.start <= word.end <= place.end
        assert 0 <= word.probability <= 1
        assert word.text.strip()
        earliest = word.end
    said = tokenizer.decode([token for token in tokens if token < tokenizer.eot])
    assert "".join(word.text for word in words).split() == said.split()
