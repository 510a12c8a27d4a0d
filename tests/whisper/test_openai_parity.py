"""Mel and tokenizer against openai-whisper's own."""

import numpy as np
import pytest
from support.checkpoints import make_random_checkpoint

from live_whisper.whisper.checkpoint import load_checkpoint
from live_whisper.whisper.mel import LogMel, mel_filters

pytest.importorskip("whisper.audio")
pytestmark = pytest.mark.parity

from support.openai_reference import openai_tokenizer  # noqa: E402
from whisper.audio import log_mel_spectrogram, pad_or_trim  # noqa: E402
from whisper.audio import mel_filters as shipped_filters  # noqa: E402


@pytest.mark.parametrize("n_mels", [80, 128])
def test_filters(n_mels):
    np.testing.assert_allclose(mel_filters(n_mels), shipped_filters("cpu", n_mels), atol=1e-7)


@pytest.mark.parametrize("n_mels", [80, 128])
@pytest.mark.parametrize("seconds", [0.3, 5.0, 29.99, 30.0])
@pytest.mark.parametrize("level", [1e-4, 0.3])
def test_mel(n_mels, seconds, level):
    rng = np.random.default_rng(round(seconds * 10))
    samples = (rng.standard_normal(round(seconds * 16_000)) * level).astype(np.float32)
    wanted = log_mel_spectrogram(pad_or_trim(samples), n_mels).numpy()
    np.testing.assert_allclose(LogMel(n_mels).compute(samples, 3000), wanted, atol=1e-4)
    if seconds == 5.0:
        unpadded = log_mel_spectrogram(samples, n_mels).numpy()
        np.testing.assert_allclose(LogMel(n_mels).compute(samples), unpadded, atol=1e-4)


@pytest.fixture(scope="module", params=["51864", "51865", "51866"])
def both(request, tmp_path_factory):
    folder = make_random_checkpoint(
        tmp_path_factory.mktemp("standard"), d_model=8, heads=1, layers=1, vocab=request.param
    )
    languages = 100 if request.param == "51866" else 99
    theirs = openai_tokenizer(
        multilingual=request.param != "51864",
        num_languages=languages,
        language="ko",
        task="transcribe",
    )
    return load_checkpoint(folder).tokenizer, theirs


TEXTS = [
    " Hello, world! It's 10:30 — don't be late.",
    " 안녕하세요. 오늘 회의는 3시에 시작합니다.",
    " 今日はいい天気ですね。",
    " ♪ music ♪ [laughter] (applause) «été» 🙂\n\n  tabs\tand  spaces ",
]


@pytest.mark.parametrize("text", TEXTS)
def test_encoding(both, text):
    ours, theirs = both
    assert ours.encode(text) == theirs.encode(text)
    assert ours.decode(ours.encode(text)) == text


def test_special_ids(both):
    ours, theirs = both
    names = ("eot", "sot", "sot_lm", "sot_prev", "no_speech", "no_timestamps", "transcribe")
    for name in (*names, "translate", "timestamp_begin", "sot_sequence"):
        if name != "sot_sequence":
            assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.sot_sequence("ko" if ours.is_multilingual else "en") == theirs.sot_sequence
    assert ours.non_speech_tokens == theirs.non_speech_tokens
    if ours.is_multilingual:
        assert sorted(ours.languages.values()) == sorted(theirs.all_language_tokens)


@pytest.mark.parametrize("text", TEXTS)
def test_words(both, text):
    ours, theirs = both
    ids = [ours.timestamp_begin, *ours.encode(text), ours.timestamp_begin + 100, ours.eot]
    words, tokens = theirs.split_tokens_on_spaces(ids)
    assert ours.split_to_words(ids, "ko") == (words, tokens)
    assert ours.split_to_words(ids, "ja") == theirs.split_tokens_on_unicode(ids)
