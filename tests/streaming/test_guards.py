"""What is kept out, what is held, and that surely heard speech passes."""

from live_whisper.config.schema import DecodingConfig
from live_whisper.decoding.types import Decoded, Stop
from live_whisper.streaming.guards import Guards, Judged
from live_whisper.types.text import Word

WORDS = (Word(" No,", 0, 10), Word(" no,", 10, 20), Word(" no.", 20, 30))


def judge(
    *,
    log_probability: float = -0.2,
    no_speech: float = 0.0,
    ratio: float = 1.0,
    stop: Stop = "eot",
    prefixed: bool = False,
) -> Judged:
    decoded = Decoded(
        tokens=(1, 2, 3),
        log_probabilities=(-0.1, -0.1, -0.1),
        attention=None,
        language="en",
        language_probability=1.0,
        no_speech_probability=no_speech,
        average_log_probability=log_probability,
        compression_ratio=ratio,
        temperature=0.0,
        finished=True,
        stop=stop,
    )
    return Guards(DecodingConfig()).judge(decoded, WORDS, prefixed=prefixed)


def test_sure_text_passes_whatever_else_is_said_of_it() -> None:
    assert judge() == Judged(WORDS, ())
    assert judge(no_speech=0.99).words == WORDS
    assert judge(ratio=3.0).words == WORDS  # people do repeat themselves


def test_a_guess_in_likely_silence_is_kept_out() -> None:
    found = judge(log_probability=-1.1, no_speech=0.9)
    assert found.words == ()
    assert found.suppressed[0].reason == "no_speech"


def test_a_doubtful_decode_of_likely_speech_is_shown() -> None:
    found = judge(log_probability=-1.1, no_speech=0.1)
    assert found.words
    assert not found.suppressed


def test_after_committed_words_a_guess_is_kept() -> None:
    assert judge(log_probability=-1.1, no_speech=0.9, prefixed=True) == Judged(WORDS, ())


def test_an_unsure_beginning_is_held_and_not_kept_out() -> None:
    assert judge(log_probability=-0.6) == Judged(WORDS, (), hold=True)
    assert not judge(log_probability=-0.6, prefixed=True).hold


def test_a_loop_is_kept_out() -> None:
    found = judge(ratio=3.0, stop="loop")
    assert [item.reason for item in found.suppressed] == ["repetition"]
