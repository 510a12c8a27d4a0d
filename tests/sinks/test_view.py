"""The live area: the reducer, and the rendered text at several widths."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from live_whisper.captions.text import display_width
from live_whisper.streaming.sinks.terminal_view import render, render_finished
from live_whisper.streaming.sinks.view_state import (
    NoticeLine,
    SuppressedLine,
    Tail,
    View,
    ViewState,
    meter_cells,
)
from live_whisper.types.audio import Span
from live_whisper.types.events import (
    Committed,
    ModelReady,
    Notice,
    Progress,
    SegmentClosed,
    SessionEnded,
    Tentative,
)
from live_whisper.types.text import Word

VIEW = View(
    tails=(Tail("", "안녕하세요 여러분. 오늘 회의에서는", " 다음 분기 예산을 확인하고 새로운"),),
    state="listening",
    speaking=True,
    meter=7,
    elapsed_seconds=3725,
    lag_tenths=12,
    compute_percent=31,
    source="Built-in Microphone",
    model="openai/whisper-base",
    language="ko",
    outputs=("/home/me/meetings/2026/meeting.srt",),
)


def shown(renderable, columns):
    out = io.StringIO()
    Console(file=out, width=columns, color_system=None).print(renderable)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip("\n").split("\n"))


GOLDEN = {
    100: """\
          안녕하세요 여러분. 오늘 회의에서는 다음 분기 예산을 확인하고 새로운

● listening  ▮▮▮▮▮▮▮▯▯▯  speech  1:02:05  lag 1.2 s  engine 31 %
openai/whisper-base · ko · Built-in Microphone  → /home/me/meetings/2026/meeting.srt""",
    64: """\
          안녕하세요 여러분. 오늘 회의에서는 다음 분기 예산을
          확인하고 새로운

● listening  ▮▮▮▮▮▮▮▯▯▯  speech  1:02:05  lag 1.2 s
openai/whisper-base · ko · Built-in Microphone  → …/meeting.srt""",
    40: """\
안녕하세요 여러분. 오늘 회의에서는 다음
분기 예산을 확인하고 새로운

● listening  1:02:05  lag 1.2 s
→ /home/me/meetings/2026/meeting.srt""",
    20: """\
안녕하세요 여러분.
오늘 회의에서는
다음 분기 예산을
확인하고 새로운

● listening
→ …2026/meeting.srt""",
}


@pytest.mark.parametrize("columns", sorted(GOLDEN))
def test_golden(columns):
    assert shown(render(VIEW, columns), columns) == GOLDEN[columns]


def test_a_terminal_without_unicode_gets_plain_signs():
    text = shown(render(VIEW, 80, ascii_only=True), 80)
    assert "* listening  #######---" in text
    assert "→" not in text
    assert "openai/whisper-base | ko | Built-in Microphone  > " in text


def test_states():
    for state, word in (("loading", "loading model"), ("behind", "catching up"), ("x", "x")):
        assert word in shown(render(View(state=state), 80), 80)
    assert "12 s behind" in shown(render(View(state="behind", lag_tenths=123), 80), 80)
    assert "3.1 s behind" in shown(render(View(state="listening", lag_tenths=31), 80), 80)


def test_tentative_text_is_told_apart():
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system="standard")
    console.print(render(View(tails=(Tail("[me] ", "Hello there", " my frie"),)), 80))
    first = out.getvalue().split("\n")[0]
    assert "[me] Hello there" in first
    assert "\x1b[2;3mmy frie" in first.replace("\x1b[2;3m \x1b[0m", "")


ANY = st.text(max_size=80)


@settings(deadline=None)
@given(
    st.integers(20, 200),
    st.lists(st.builds(Word, ANY, st.just(0), st.just(0)), max_size=6).map(tuple),
    ANY,
    st.sampled_from(["loading", "listening", "behind", "finishing"]),
)
def test_no_line_is_ever_wider_than_the_terminal(columns, words, name, state):
    view_state = ViewState(outputs=(name,), show_suppressed=True)
    view_state.apply(Committed(0, words[:3], name))
    view_state.apply(Tentative(0, words[3:], name))
    view_state.apply(Notice(0, name, "warning"))
    view_state.apply(Progress(10**7, 0, -3.0, True, 1.5, 2.0, state))
    view = view_state.view()
    out = io.StringIO()
    console = Console(file=out, width=columns, color_system=None, force_terminal=True)
    console.print(render(view, columns))
    for item in view_state.take_finished():
        console.print(render_finished(item, columns))
    for line in out.getvalue().split("\n"):
        assert display_width(line) <= columns
        assert "\x1b" not in line


def test_the_live_area_is_never_tall():
    view = View(tails=(Tail("", "word " * 200, " more" * 200),))
    assert shown(render(view, 24), 24).count("\n") <= 7


def test_a_meeting_reduced(meeting):
    state = ViewState(outputs=("m.srt",), show_suppressed=True)
    for event in meeting:
        state.apply(event)
        if isinstance(event, ModelReady):
            assert state.view().state == "listening"
        if isinstance(event, Tentative):
            assert state.view().tails[-1].tentative
    state.finish()
    finished = state.take_finished()
    assert [shown(render_finished(item, 100), 100) for item in finished] == [
        "00:00:00  안녕하세요 여러분. 오늘 회의에서는 다음 분기 예산을 확인하고",
        "00:00:02  새로운 제품의 일정도 봅니다.",
        "00:00:08  (no_speech: Thank you.)",
        "! the microphone was reopened",
        "00:00:12  It costs 3.5 million dollars, which is a lot but <we> can manage.",
        "00:00:18  Goodbye",
    ]
    assert state.take_finished() == []
    view = state.view()
    assert (view.state, view.language, view.model, view.tails) == ("ended", "en", "demo", ())


def test_committed_text_moves_from_guess_to_tail_to_line(words):
    state = ViewState()
    said = words("Hello there my friend")
    state.apply(Tentative(1, said))
    assert state.view().tails == (Tail("", "", " Hello there my friend"),)
    state.apply(Committed(2, said[:2]))
    state.apply(Tentative(2, said[2:]))
    assert state.view().tails == (Tail("", " Hello there", " my friend"),)
    state.apply(Committed(3, said[2:]))
    assert state.view().tails == (Tail("", " Hello there my friend", ""),)
    state.apply(SegmentClosed(4, Span(0, 40000)))
    assert state.view().tails == ()
    assert [cue.text for cue in state.take_finished()] == ["Hello there my friend"]


def test_two_sources_have_a_tail_each(words):
    state = ViewState()
    state.apply(Committed(1, words("Hello"), "me"))
    state.apply(Tentative(1, words("Good morning"), "them"))
    assert state.view().tails == (
        Tail("[me] ", " Hello", ""),
        Tail("[them] ", "", " Good morning"),
    )


def test_memory_is_bounded(words):
    state = ViewState()
    for number in range(2000):
        state.apply(Notice(number, f"n{number}"))
        state.apply(Tentative(number, words("x"), f"source {number}"))
    assert len(state.view().tails) <= 8
    finished = state.take_finished()
    assert len(finished) == 512
    assert finished[-1] == NoticeLine("n1999", "info")


def test_equal_views_look_the_same(words):
    state = ViewState()
    state.apply(Progress(16000, 0, -20.01, True, 0.3012, 1.21, "listening"))
    before = state.view()
    state.apply(Progress(16900, 500, -20.02, True, 0.3009, 1.19, "listening"))
    assert state.view() == before


@pytest.mark.parametrize(
    ("dbfs", "cells"),
    [
        (float("-inf"), 0),
        (float("nan"), 0),
        (-60.0, 0),
        (-59.0, 1),
        (-30.0, 5),
        (0.0, 10),
        (6.0, 10),
    ],
)
def test_meter(dbfs, cells):
    assert meter_cells(dbfs) == cells


def test_suppressed_text_is_hidden_unless_asked_for(meeting):
    state = ViewState()
    for event in meeting:
        state.apply(event)
    assert not any(isinstance(item, SuppressedLine) for item in state.take_finished())
    assert any(isinstance(event, SessionEnded) for event in meeting)
