"""Cleaning, measuring and wrapping."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.captions.text import (
    balance,
    breaks_between,
    display_width,
    graphemes,
    keep_end,
    reading_seconds,
    sanitize,
    truncate,
    wrap,
)

ANY_TEXT = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x1b\x9b\x07[]m;0\ud800\u202e\u2066\u200d\u0301가나다 漢字かなー。、「」ก็👨👩🇰🇷\n\t"
        ),
    ),
    max_size=120,
)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("plain text", "plain text"),
        (" leading and trailing ", " leading and trailing "),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("one\ntwo\r\nthree\u2028four", "one two three four"),
        ("bell\x07back\x08space\x00", "bellbackspace"),
        ("\u202eevil\u202c \u2066isolate\u2069", "evil isolate"),
        ("zero\u200bwidth\ufeff\u00ad", "zerowidth"),
        ("lone\ud800surrogate", "lone\ufffdsurrogate"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("z" + "\u0301" * 30, "z" + "\u0301" * 8),
        ("a\ufffe\uffff\ufdd0b", "ab"),
        ("안녕 하세요", "안녕 하세요"),
    ],
)
def test_sanitize(dirty, clean):
    assert sanitize(dirty) == clean


@settings(deadline=None)
@given(ANY_TEXT)
def test_sanitized_text_is_harmless_and_stable(text):
    clean = sanitize(text)
    assert sanitize(clean) == clean
    clean.encode("utf-8")
    for char in clean:
        assert unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
        assert char not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("hello", 5),
        ("안녕하세요", 10),
        ("漢字かなカナ", 12),
        ("ｶﾅ", 2),
        ("e\u0301", 1),
        ("👨\u200d👩\u200d👧", 2),
        ("🇰🇷", 2),
        ("❤\ufe0f", 2),
        ("ก็", 1),
        ("한", 2),  # conjoining jamo: one syllable
    ],
)
def test_display_width(text, columns):
    assert display_width(text) == columns


def test_reading_speed_counts_wide_characters_slower():
    assert reading_seconds("a" * 17) == pytest.approx(1.0)
    assert reading_seconds("가" * 12) == pytest.approx(1.0)
    assert reading_seconds("e\u0301" * 17) == pytest.approx(1.0)


@settings(deadline=None)
@given(ANY_TEXT.map(sanitize), st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_nothing(text, columns):
    for lines in (wrap(text, columns), balance(text, columns)):
        assert all(display_width(line) <= columns for line in lines)
        assert all(line == line.strip() and line for line in lines)
        assert "".join("".join(lines).split()) == "".join(text.split())
    assert len(balance(text, columns)) == len(wrap(text, columns))


def test_a_line_of_one_column_is_refused():
    with pytest.raises(ValueError, match="wide"):
        wrap("가", 1)


def test_korean_breaks_at_spaces_only():
    lines = wrap("오늘 회의에서는 다음 분기 예산에 대해서 이야기하겠습니다", 20)
    assert lines == ("오늘 회의에서는 다음", "분기 예산에 대해서", "이야기하겠습니다")


def test_twenty_one_hangul_syllables_fill_a_line():
    assert wrap("가" * 21) == ("가" * 21,)
    assert wrap("가" * 22) == ("가" * 21, "가")


def test_japanese_keeps_closing_marks_off_the_line_start():
    for columns in range(6, 40):
        for line in wrap(
            "「今日は、とても天気がいいですね。」と彼は言った。ちょっと、待って！", columns
        )[1:]:
            assert line[0] not in "、。」！ょっ"
    assert not breaks_between("今日は", "、")
    assert not breaks_between("「", "今")
    assert breaks_between("天気", "がいい")
    assert not breaks_between("안녕", "하세요")
    assert not breaks_between("well", "known")
    assert breaks_between("well ", "known")


def test_thai_leading_vowels_stay_with_their_consonant():
    for columns in range(2, 12):
        for line in wrap("เราไปโรงเรียนแต่เช้า", columns)[:-1]:
            assert line[-1] not in "เแโใไ"


def test_combining_marks_stay_with_their_base():
    text = "e\u0301" * 10
    assert wrap(text, 4) == ("e\u0301" * 4, "e\u0301" * 4, "e\u0301" * 2)


def test_right_to_left_text_keeps_its_logical_order():
    text = "مرحبا بكم في اجتماع اليوم وسنتحدث عن الميزانية"
    assert " ".join(wrap(text, 20)) == text


def test_two_lines_break_after_punctuation_and_not_top_heavy():
    top, bottom = balance("Well, I do not think so, but we may look at it again.")
    assert top.endswith(",")
    top, bottom = balance("one two three four five six seven eight nine ten eleven")
    assert abs(display_width(top) - display_width(bottom)) <= 8


def test_cutting_marks_what_is_missing():
    assert truncate("abcdef", 4) == "abc…"
    assert truncate("가나다", 4) == "가…"
    assert keep_end("/home/me/meeting.srt", 12) == "…meeting.srt"
    assert keep_end("short", 12) == "short"
    assert truncate("abc", 0) == ""


def test_graphemes():
    assert graphemes("e\u0301가👨\u200d👩\u200d👧") == ["e\u0301", "가", "👨\u200d👩\u200d👧"]
