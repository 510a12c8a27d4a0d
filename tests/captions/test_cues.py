"""Cues: what every list of words must become, and what a reader expects."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper import units
from live_whisper.captions.breaks import ends_sentence
from live_whisper.captions.cues import CueBuilder, CueLimits
from live_whisper.captions.text import display_width, reading_seconds, sanitize
from live_whisper.types.text import Word

LIMITS = CueLimits()
SECOND = units.SAMPLE_RATE

SAMPLES = [" the", " and", " budget.", " Dr.", " Yes!", " well,", " 예산을", " 하지만", " 것"]
SAMPLES += [" 있다.", "今", "日", "は、", "。", "하", "요", "-"]
TEXTS = st.one_of(
    st.sampled_from([*SAMPLES, " a" * 30, "x" * 100, "가" * 60, "", " ", "\u0301"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@st.composite
def spoken(draw):
    """Words whose ends never go back, as the contract of ``Committed`` says; starts may."""
    words, end = [], draw(st.integers(0, 10 * SECOND))
    for _ in range(draw(st.integers(0, 40))):
        start = max(0, end + draw(st.sampled_from([0, 0, 480, 3200, 8000, 30000, -4000])))
        end = max(end, start + draw(st.sampled_from([0, 1, 1600, 4800, 16000, 160000])))
        words.append(Word(draw(TEXTS), min(start, end), end))
    return words


def run(words, batches=(), closes=()):
    """Push words in batches; ``closes`` are counts of words after which the segment closes."""
    builder, cues, done = CueBuilder(), [], 0
    stops = sorted({*batches, *closes, len(words)})
    for stop in stops:
        cues += builder.push(words[done:stop])
        done = max(done, min(stop, len(words)))
        if stop in closes and done:
            cues += builder.segment_closed(words[done - 1].end + 4000)
    return cues + builder.flush()


@settings(deadline=None, max_examples=150)
@given(spoken(), st.sets(st.integers(1, 40), max_size=6))
def test_invariants(words, closes):
    cues = run(words, closes=closes)
    assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
    # each word by itself: two of them may only together be an escape sequence
    visible = "".join(sanitize(w.text) for w in words if sanitize(w.text).strip())
    taken = "".join(sanitize(word.text) for cue in cues for word in cue.words)
    assert "".join(taken.split()) == "".join(visible.split())
    for cue in cues:
        assert 1 <= len(cue.lines) <= LIMITS.lines
        assert all(display_width(line) <= LIMITS.columns for line in cue.lines)
        assert LIMITS.late_minimum <= cue.end - cue.start <= LIMITS.maximum
        shown = "".join("".join(cue.lines).split())
        assert shown == "".join(sanitize("".join(w.text for w in cue.words)).split())
    for before, after in itertools.pairwise(cues):
        assert after.start >= before.end + LIMITS.gap
        starts = units.samples_to_ms(after.start), units.samples_to_ms(before.end)
        assert starts[0] >= starts[1]


@settings(deadline=None)
@given(spoken(), st.sets(st.integers(1, 40), max_size=10), st.sets(st.integers(1, 40), max_size=4))
def test_batches_do_not_matter(words, batches, closes):
    assert run(words, batches, closes) == run(words, (), closes)


@settings(deadline=None)
@given(spoken(), st.integers(0, 40))
def test_what_was_yielded_stays(words, count):
    builder = CueBuilder()
    early = builder.push(words[:count])
    kept = list(early)
    late = builder.push(words[count:]) + builder.flush()
    assert early == kept
    assert kept + late == run(words)


@settings(deadline=None)
@given(spoken())
def test_what_is_held_is_bounded(words):
    builder = CueBuilder()
    for word in words * 2:
        builder.push([word])
        assert len(builder.pending) <= 201


def test_calm_speech_keeps_every_rule(say):
    text = (
        "Good morning everyone. Today we will talk about the budget for the next quarter, and then"
        " we will look at the new product that Dr. Kim presented last week. Yes. I agree with that."
        " It costs 3.5 million dollars, which is a lot, but we can manage because sales have grown."
    )
    words = say(text)
    cues = run(words)
    first = {word: word.start for word in words}
    for cue in cues:
        assert cue.start == first[cue.words[0]]
        assert LIMITS.minimum <= cue.end - cue.start <= LIMITS.maximum
        assert (cue.end - cue.start) / SECOND >= reading_seconds(cue.text) - 0.35
    assert [cue.lines for cue in cues] == [
        ("Good morning everyone.",),
        ("Today we will talk about", "the budget for the next quarter,"),
        ("and then we will look at the new product", "that Dr. Kim presented last week."),
        ("Yes. I agree with that.",),
        ("It costs 3.5 million dollars,", "which is a lot, but we can manage"),
        ("because sales have grown.",),
    ]


def test_korean_cues(say):
    text = (
        "안녕하세요 여러분. 오늘 회의에서는 다음 분기 예산에 대해서 이야기하고 그 다음에 새로운"
        " 제품의 일정을 확인하겠습니다. 네. 지난주에 말씀드렸지만 비용이 조금 올랐기 때문에"
        " 다시 검토해야 할 것 같습니다."
    )
    cues = run(say(text, rate=6))
    assert [cue.text for cue in cues] == [
        "안녕하세요 여러분.",
        "오늘 회의에서는 다음 분기 예산에 대해서 이야기하고",
        "그 다음에 새로운 제품의 일정을 확인하겠습니다.",
        "네. 지난주에 말씀드렸지만 비용이 조금 올랐기 때문에",
        "다시 검토해야 할 것 같습니다.",
    ]


def test_japanese_without_spaces_never_starts_a_cue_with_a_closing_mark(say):
    text = (
        "今日は天気がいいので、公園に行って散歩をしましょう。それから、駅前の店で買い物をします。"
        * 4
    )
    cues = run(say(text, rate=8, spaced=False))
    assert "".join(cue.text for cue in cues) == text
    assert not any(line[0] in "、。" for cue in cues for line in cue.lines)


def test_closing_a_segment_closes_the_cue_at_once(say):
    builder = CueBuilder()
    words = say("Hello there everyone")
    assert builder.push(words) == []
    assert [word.text for word in builder.pending] == [" Hello", " there", " everyone"]
    (cue,) = builder.segment_closed(words[-1].end + 8000)
    assert cue.text == "Hello there everyone"
    assert builder.pending == ()
    assert builder.segment_closed(10**9) == []


def test_a_short_cue_stands_into_the_silence_but_not_into_the_next():
    builder = CueBuilder()
    (first,) = builder.push([Word(" Yes.", 0, 4000)]) + builder.segment_closed(8000)
    assert first.end == SECOND  # a second, though the segment closed at 0.5 s
    builder.push([Word(" Good.", 12000, 30000)])
    (second,) = builder.segment_closed(40000)
    assert second.start == first.end + LIMITS.gap
    assert second.end == 40000 or second.end - second.start >= LIMITS.minimum


def test_delay_does_not_grow_when_words_come_faster_than_they_can_be_shown():
    builder, cues = CueBuilder(), []
    for number in range(200):  # five segments per second, each a cue of its own
        start = number * 3200
        cues += builder.push([Word(f" w{number}", start, start + 3000)])
        cues += builder.segment_closed(start + 3200)
    assert len(cues) == 200
    shortest = LIMITS.late_minimum + LIMITS.gap
    assert cues[-1].start <= SECOND + 200 * shortest
    quiet = builder.push([Word(" later", 10**8, 10**8 + 100)]) + builder.flush()
    assert quiet[0].start == 10**8


def test_a_word_of_eleven_seconds_is_shown_for_seven():
    (cue,) = run([Word(" Hmm", 0, 11 * SECOND)])
    assert (cue.start, cue.end) == (0, 7 * SECOND)


def test_poll_closes_what_is_old():
    builder = CueBuilder()
    builder.push([Word(" Hello", 0, 8000)])
    assert builder.poll(8000 + LIMITS.idle - 1) == []
    (cue,) = builder.poll(8000 + LIMITS.idle)
    assert cue.text == "Hello"


def test_an_invisible_word_leaves_its_space():
    cues = run([Word(" one", 0, 1000), Word(" ", 1000, 1000), Word("two", 1000, 2000)])
    assert [cue.text for cue in cues] == ["one two"]


def test_two_sources_take_turns():
    builder = CueBuilder()
    cues = builder.push([Word(" How are you", 0, 16000)], source="me")
    cues += builder.push([Word(" Fine", 17000, 30000)], source="them")
    cues += builder.segment_closed(31000, source="me")  # not this one's open cue
    cues += builder.flush()
    assert [(cue.text, cue.source) for cue in cues] == [
        ("[me] How are you", "me"),
        ("[them] Fine", "them"),
    ]
    assert cues[1].start >= cues[0].end


@pytest.mark.parametrize(
    ("text", "following", "expected"),
    [
        (" done.", " Then", True),
        (" Dr.", " Kim", False),
        (" J.", " Smith", False),
        (" approx.", " five", False),
        (" it...", " and", True),
        (" etc.", " and", False),
        (" ok?", " sure", True),
        ("합니다.", " 그리고", True),
        ("。", "今", True),
        (' said."', " Then", True),
        (" plain", " word", False),
        (" No.", " Never", True),
    ],
)
def test_sentence_ends(text, following, expected):
    assert ends_sentence(Word(text, 0, 1), Word(following, 1, 2)) is expected


def test_limits_without_room_are_refused():
    with pytest.raises(ValueError, match="no room"):
        CueLimits(columns=10)
