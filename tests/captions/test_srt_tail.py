"""Reading an SRT file to continue it, whatever its state."""

from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper.captions.srt import read_tail

GOOD = (
    "1\n00:00:00,500 --> 00:00:02,000\nfirst\n\n"
    "2\n00:00:03,000 --> 00:01:04,250\n둘째 줄\nsecond line\n\n"
)


def test_a_whole_file():
    tail = read_tail(GOOD.encode())
    assert (tail.cues, tail.last_number, tail.last_end_ms) == (2, 2, 64_250)
    assert tail.last_lines == ("first", "둘째 줄 second line")
    assert (tail.valid_bytes, tail.glue) == (len(GOOD.encode()), "")


def test_other_peoples_files():
    windows = ("\ufeff" + GOOD).replace("\n", "\r\n").encode()
    assert read_tail(windows).last_number == 2
    assert read_tail(windows).glue == ""
    dots = b"7\n1:02:03.5 --> 1:02:04.50\nx\n\n"
    assert (read_tail(dots).last_number, read_tail(dots).last_end_ms) == (7, 3_724_500)
    unnumbered = b"00:00:01,000 --> 00:00:02,000\nx\n\n00:00:03,000 --> 00:00:04,000\ny\n\n"
    assert (read_tail(unnumbered).cues, read_tail(unnumbered).last_number) == (2, 2)


def test_a_last_block_without_an_empty_line_is_kept():
    for ending, glue in (("\n\n", ""), ("\n", "\n"), ("", "\n\n")):
        data = (GOOD.rstrip("\n") + ending).encode()
        tail = read_tail(data)
        assert (tail.cues, tail.valid_bytes, tail.glue) == (2, len(data), glue)


def test_every_cut_keeps_what_was_whole():
    data = GOOD.encode()
    first = data.index(b"2\n00:00:03")
    for cut in range(len(data) + 1):
        tail = read_tail(data[:cut])
        assert tail.valid_bytes <= cut
        kept = (data[: tail.valid_bytes] + tail.glue.encode()).decode()  # no half characters
        again = read_tail(kept.encode())
        assert (again.cues, again.last_end_ms, again.glue) == (tail.cues, tail.last_end_ms, "")
        if cut >= first:
            assert tail.cues >= 1
            assert tail.last_end_ms >= 2000


@settings(deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text("0123456789:,.->\n\r \ufeffab", max_size=300).map(str.encode),
        st.binary(max_size=20).map(lambda junk: GOOD.encode() + junk),
        st.tuples(st.integers(0, 99), st.integers(0, 7)).map(
            lambda flip: bytes(
                byte ^ (1 << flip[1]) if index == flip[0] else byte
                for index, byte in enumerate(GOOD.encode())
            )
        ),
    )
)
def test_nothing_raises(data):
    tail = read_tail(data)
    assert 0 <= tail.valid_bytes <= len(data)
    assert tail.last_number >= tail.cues >= 0
    assert tail.last_end_ms >= 0


def test_huge_numbers_are_not_believed():
    data = ("9" * 5000 + "\n00:00:00,500 --> 00:00:02,000\nx\n\n").encode()
    assert read_tail(data).last_number == 1
