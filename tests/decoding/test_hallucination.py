"""What is suspect, and what is done about it."""

import pytest

from live_whisper.decoding.hallucination import SilenceCheck, is_anomalous, word_anomaly
from live_whisper.decoding.segments import Segment, Window
from live_whisper.types.text import Word

SECOND = 16_000
WINDOW = Window(0, 3000)


def word(begin, end, probability=0.9, text=" word"):
    return Word(text, round(begin * SECOND), round(end * SECOND), probability)


def segment(begin, end, *words):
    return Segment(
        start=round(begin * SECOND),
        end=round(end * SECOND),
        text="".join(w.text for w in words),
        tokens=(1,),
        words=words,
        seek=0,
        temperature=0.0,
        average_log_probability=-0.3,
        compression_ratio=1.0,
        no_speech_probability=0.1,
    )


NORMAL = segment(8, 10, word(8, 8.4), word(8.4, 9), word(9, 10))
ODD = segment(15, 15.1, word(15, 15.05, 0.1), word(15.05, 15.1, 0.05))


def test_scores():
    assert word_anomaly(word(0, 0.4)) == 0
    assert word_anomaly(word(0, 0.4, 0.1)) == 1
    assert word_anomaly(word(0, 0.033)) == pytest.approx(1.5)
    assert word_anomaly(word(0, 3.5)) == pytest.approx(1.5)
    assert not is_anomalous(NORMAL)
    assert is_anomalous(ODD)
    assert not is_anomalous(segment(1, 2))
    assert not is_anomalous(None)


def test_ordinary_text_passes():
    check = SilenceCheck(threshold=2 * SECOND, total_frames=6000)
    found = check.check([NORMAL], WINDOW, 1234, 0)
    assert (found.segments, found.seek) == ([NORMAL], 1234)


def test_a_suspect_first_segment_after_silence_is_heard_again():
    check = SilenceCheck(threshold=2 * SECOND, total_frames=6000)
    found = check.check([ODD, NORMAL], WINDOW, 1234, 0)
    assert (found.segments, found.seek) == ([], 1500)


def test_a_suspect_segment_between_silences_is_dropped():
    check = SilenceCheck(threshold=2 * SECOND, total_frames=6000)
    after = segment(25, 27, word(25, 25.5), word(25.5, 27))
    found = check.check([NORMAL, ODD, after], WINDOW, 3000, 0)
    assert (found.segments, found.seek) == ([NORMAL], 1500)
    close = segment(15.2, 17, word(15.2, 16), word(16, 17))
    assert check.check([NORMAL, ODD, close], WINDOW, 3000, 0).segments == [NORMAL, ODD, close]


def test_at_the_end_of_the_recording_nothing_is_heard_again():
    odd = segment(28.5, 28.6, word(28.5, 28.55, 0.1), word(28.55, 28.6, 0.05))
    check = SilenceCheck(threshold=2 * SECOND, total_frames=3000)
    found = check.check([NORMAL, odd], WINDOW, 1234, 0)
    assert (found.segments, found.seek) == ([NORMAL], 3000)
    found = SilenceCheck(2 * SECOND, 6000).check([NORMAL, odd], WINDOW, 1234, 0)
    assert (found.segments, found.seek) == ([NORMAL], 2850)


def test_goes_on_after_the_last_word_if_much_silence_follows():
    check = SilenceCheck(threshold=2 * SECOND, total_frames=9000)
    assert check.after_words([NORMAL], WINDOW, whole=False) == 1000
    late = segment(28, 29, word(28, 29))
    assert check.after_words([late], WINDOW, whole=False) == 3000
    assert check.after_words([NORMAL], WINDOW, whole=True) is None
    assert check.after_words([], WINDOW, whole=False) is None
