"""Every format, read back by other people's parsers."""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from fractions import Fraction

import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper import units
from live_whisper.captions.cues import CueBuilder
from live_whisper.captions.formats import FORMATS, format_for
from live_whisper.captions.srt import timestamp
from live_whisper.captions.writer import DocumentInfo, WriterOptions, words_by_line
from live_whisper.errors import UsageError
from live_whisper.types.text import Word

INFO = DocumentInfo(title="a <meeting> & more", language="ko", model="demo")
NASTY = st.text(st.characters(exclude_categories=["Cs"]), max_size=10) | st.sampled_from(
    [
        " <b>",
        " a-->b",
        " {\\an8}",
        " x\\Ny",
        " &amp;",
        " 1",
        " <1>",
        "\n\n2\n00:00:01",
        ' "q"',
        "]]>",
    ]
)


@st.composite
def cue_lists(draw):
    texts = draw(st.lists(NASTY, max_size=25))
    words, position = [], draw(st.integers(0, 400_000_000))
    for text in texts:
        length = draw(st.integers(0, 20000))
        words.append(Word(text, position, position + length))
        position += length + draw(st.integers(0, 30000))
    builder = CueBuilder()
    return builder.push(words) + builder.flush()


DEFAULTS = WriterOptions()


def document(name, cues, options=DEFAULTS, info=INFO):
    writer = format_for(f"x.{name}").writer(info, options)
    return writer.header() + "".join(map(writer.cue, cues)) + writer.footer()


def cues_for(words):
    builder = CueBuilder()
    return builder.push(words) + builder.flush()


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (0, "00:00:00,000"),
        (15999, "00:00:01,000"),  # 999.9375 ms: rounded before it is split
        (16000 * 59 + 15999, "00:01:00,000"),
        (16000 * 3599 + 15999, "01:00:00,000"),
        (16000 * 360_000, "100:00:00,000"),
        (7, "00:00:00,000"),
        (8, "00:00:00,001"),
    ],
)
def test_timestamps_round_once(sample, text):
    assert timestamp(sample) == text


@given(st.integers(0, 10**10))
def test_timestamps_are_well_formed(sample):
    match = re.fullmatch(r"(\d{2,}):([0-5]\d):([0-5]\d),(\d{3})", timestamp(sample))
    hours, minutes, seconds, ms = map(int, match.groups())
    total = ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
    assert total == units.samples_to_ms(sample)


def letters(text):
    return re.sub(r"\s", "", text)


@settings(deadline=None)
@given(cue_lists(), st.booleans())
def test_srt_and_vtt_parse_with_another_library(cues, words):
    for name in ("srt", "vtt"):
        text = document(name, cues, WriterOptions(words=words and name == "vtt"))
        text = re.sub(r"<[\d:.]+>", "", text)  # the library takes two in a line for a cue's times
        parsed = pysubs2.SSAFile.from_string(text, format_=name)
        assert len(parsed) == len(cues)
        for cue, event in zip(cues, parsed, strict=True):
            assert event.start == units.samples_to_ms(cue.start)
            assert event.end == units.samples_to_ms(cue.end)
    blocks = document("srt", cues).split("\n\n")
    assert len(blocks) == len(cues) + 1
    assert [block.split("\n")[0] for block in blocks[:-1]] == [str(cue.index) for cue in cues]


@settings(deadline=None)
@given(cue_lists())
def test_srt_text_survives(cues):
    parsed = pysubs2.SSAFile.from_string(document("srt", cues), format_="srt", keep_html_tags=True)
    for cue, event in zip(cues, parsed, strict=True):
        expected = cue.text.replace("-->", "→").replace("\\", "⧵")
        shown = event.text.replace("\\N", " ").replace("‹", "<")
        assert letters(shown) == letters(expected.replace("‹", "<"))


def test_no_text_is_taken_for_markup():
    cues = cues_for([Word(" a<b> 3 < 4 x-->y", 0, 16000)])
    assert "a‹b> 3 < 4 x→y" in document("srt", cues)
    assert "a&lt;b&gt; 3 &lt; 4 x--&gt;y" in document("vtt", cues)
    parsed = pysubs2.SSAFile.from_string(document("srt", cues), format_="srt")
    assert parsed[0].plaintext == "a‹b> 3 < 4 x→y"


def test_vtt_word_times_rise_within_the_cue(say):
    cues = cues_for(
        say("Good morning everyone and welcome to the first meeting of this year. Yes.")
    )
    text = document("vtt", cues, WriterOptions(words=True))
    assert text.startswith("WEBVTT\nKind: captions\nLanguage: ko\n\nSTYLE\n")
    assert "Good</c> <00:00:00.363><c.word>morning</c>" in text
    for block in text.split("\n\n")[2:]:
        times = re.findall(r"\d{2}:\d{2}:\d{2}\.\d{3}", block)
        if times:
            start, end, *inner = times
            assert [start, *inner, end] == sorted({start, *inner, end})


@settings(deadline=None)
@given(cue_lists())
def test_words_are_found_on_their_lines(cues):
    for cue in cues:
        lines = words_by_line(cue)
        if lines is None:
            continue  # sanitising joined words
        for line, pieces in zip(cue.lines, lines, strict=True):
            assert "".join(" " * p.spaced + p.text for p in pieces) == line


def test_words_are_found_in_ordinary_cues(say):
    for text in ("Good morning, everyone there.", "안녕하세요 여러분 반갑습니다."):
        (cue,) = cues_for(say(text))
        assert [p.word for line in words_by_line(cue) for p in line] == list(cue.words)
    japanese = cues_for(say("今日は天気がいいので、公園に行って散歩をしましょう", spaced=False))
    assert all(words_by_line(cue) is not None for cue in japanese)


def test_srt_with_word_times_underlines_each_word_in_turn(say):
    text = document("srt", cues_for(say("Good morning everyone.")), WriterOptions(words=True))
    parsed = pysubs2.SSAFile.from_string(text, format_="srt", keep_html_tags=True)
    assert [event.text for event in parsed] == [
        "<u>Good</u> morning everyone.",
        "Good <u>morning</u> everyone.",
        "Good morning <u>everyone.</u>",
    ]
    for before, after in itertools.pairwise(parsed):
        assert before.end == after.start


def test_a_continued_file_has_its_numbers_and_times_moved(say):
    cues = cues_for(say("Good morning everyone."))
    options = WriterOptions(first_number=41, offset=units.seconds_to_samples(3600))
    assert document("srt", cues, options).startswith("41\n01:00:00,000 --> 01:00:0")
    assert document("vtt", cues, options).split("\n\n")[1].startswith("41\n01:00:00.000")


@settings(deadline=None)
@given(cue_lists())
def test_json_parses_and_has_every_word(cues):
    parsed = json.loads(document("json", cues))
    assert [entry["number"] for entry in parsed["cues"]] == [cue.index for cue in cues]
    for entry, cue in zip(parsed["cues"], cues, strict=True):
        assert (entry["start_sample"], entry["end_sample"]) == (cue.start, cue.end)
        assert entry["text"] == cue.text
        assert [w["start_sample"] for w in entry["words"]] == [w.start for w in cue.words]
    assert parsed["language"] == "ko"


@settings(deadline=None)
@given(cue_lists())
def test_ttml_is_well_formed(cues):
    root = ET.fromstring(document("ttml", cues))
    tt = "{http://www.w3.org/ns/ttml}"
    assert root.tag == f"{tt}tt"
    paragraphs = root.findall(f"{tt}body/{tt}div/{tt}p")
    assert len(paragraphs) == len(cues)
    for paragraph, cue in zip(paragraphs, cues, strict=True):
        assert letters("".join(paragraph.itertext())) == letters(cue.text)
        assert paragraph.get("begin") == timestamp(cue.start, ".")
    parsed = pysubs2.SSAFile.from_string(document("ttml", cues), format_="ttml")
    assert len(parsed) == len(cues)


@settings(deadline=None)
@given(cue_lists())
def test_fcpxml_has_rational_times_on_frames(cues):
    end = max((cue.end for cue in cues), default=0)
    info = DocumentInfo(title='"x"', language="zh", end=end)
    root = ET.fromstring(document("fcpxml", cues, info=info))
    assert root.get("version") == "1.10"
    gap = root.find("library/event/project/sequence/spine/gap")
    captions = gap.findall("caption")
    assert len(captions) == len(cues)
    last = Fraction(0)
    for caption, cue in zip(captions, cues, strict=True):
        offset, length = (
            Fraction(caption.get(key).removesuffix("s")) for key in ("offset", "duration")
        )
        assert (offset * 25).denominator == (length * 25).denominator == 1
        assert length > 0
        assert offset >= last
        assert abs(offset - Fraction(cue.start, 16000)) <= Fraction(1, 50)
        last = offset + length
        assert caption.get("role") == "SRT?captionFormat=SRT.cmn-Hans"
        ref = caption.find("text/text-style").get("ref")
        assert caption.find("text-style-def").get("id") == ref
        assert letters("".join(caption.find("text").itertext())) == letters("".join(cue.lines))
    assert Fraction(gap.get("duration").removesuffix("s")) >= last


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
def test_an_empty_document_is_valid(kind):
    text = document(kind.name, [])
    if kind.name in ("ttml", "fcpxml"):
        ET.fromstring(text)
    elif kind.name == "json":
        assert json.loads(text)["cues"] == []
    else:
        assert kind.rolling


def test_formats_by_name():
    assert format_for("a/b.SRT").name == "srt"
    assert format_for("x.webvtt").name == "vtt"
    with pytest.raises(UsageError) as caught:
        format_for("notes.doc")
    assert str(caught.value) == (
        "'notes.doc': .doc is not a subtitle format."
        " Use one of .srt, .vtt, .txt, .json, .ttml, .fcpxml."
    )
    with pytest.raises(UsageError, match="no suffix"):
        format_for("notes")
