"""Rules, warping and ratios give what openai-whisper's give."""

import numpy as np
import pytest
import torch
from support.checkpoints import make_random_checkpoint
from whisper.decoding import ApplyTimestampRules, SuppressBlank, SuppressTokens
from whisper.timing import dtw_cpu, median_filter
from whisper.tokenizer import get_tokenizer
from whisper.utils import compression_ratio as reference_ratio

from live_whisper.decoding.dtw import dtw, median_of_seven
from live_whisper.decoding.repetition import compression_ratio
from live_whisper.decoding.rules import RuleBook, Sampled
from live_whisper.decoding.types import DecodeRequest
from live_whisper.whisper.checkpoint import load_checkpoint

pytestmark = [
    pytest.mark.parity,
    # openai-whisper leaves its vocabulary file open.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standard")
    make_random_checkpoint(folder, d_model=8, layers=1, heads=1, vocab="51865")
    return load_checkpoint(folder).tokenizer


@pytest.mark.parametrize("timestamps", [True, False])
def test_logit_filters(tokenizer, timestamps):
    theirs = get_tokenizer(multilingual=True, language="ko", task="transcribe")
    specials = (
        *(theirs.transcribe, theirs.translate, theirs.sot, theirs.sot_prev, theirs.sot_lm),
        theirs.no_speech,
    )
    filters = [
        SuppressBlank(theirs, 0),
        SuppressTokens(sorted({*theirs.non_speech_tokens, *specials})),
    ]
    if timestamps:
        filters.append(ApplyTimestampRules(theirs, 0, 50))
    rules = RuleBook(tokenizer).rules(DecodeRequest(language="ko", timestamps=timestamps))
    random = np.random.default_rng(0)
    tokens: list[int] = []
    for step in range(300):
        scale = random.choice([0.1, 1, 4])
        logits = random.normal(0, scale, tokenizer.n_vocab).astype(np.float32)
        if random.random() < 0.5:  # a text token strong enough to beat all timestamps together
            logits[random.integers(0, 50_000)] += 12 * scale
        expected = torch.tensor(logits)[None].clone()
        for one in filters:
            one.apply(expected, torch.tensor([tokens], dtype=torch.long))
        got, sampled = logits.copy(), Sampled(tokenizer.timestamp_begin, tokens)
        for rule in rules:
            rule.apply(got, sampled)
        np.testing.assert_array_equal(got, expected[0].numpy(), err_msg=f"step {step}: {tokens}")
        token = int(got.argmax())
        tokens = [] if token == theirs.eot or len(tokens) > 40 else [*tokens, token]


def test_warping():
    random = np.random.default_rng(0)
    for rows, columns in ((1, 1), (1, 40), (7, 3), (20, 300), (100, 1500)):
        cost = random.standard_normal((rows, columns))
        np.testing.assert_array_equal(np.stack(dtw(cost)), dtw_cpu(cost.copy()))


def test_median_filter():
    values = np.random.default_rng(0).standard_normal((4, 3, 50)).astype(np.float32)
    expected = median_filter(torch.tensor(values), 7).numpy()
    np.testing.assert_array_equal(median_of_seven(values), expected)


@pytest.mark.parametrize("text", ["no " * 50, "Good morning everyone.", "네, 네, 안녕하세요."])
def test_compression_ratio(text):
    assert compression_ratio(text) == reference_ratio(text)
