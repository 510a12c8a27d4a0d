"""The journal: exact, append-only, readable in any state."""

import json
import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_whisper.errors import InputError, OutputError
from live_whisper.streaming.sinks.codec import CodecError, decode, encode, event_name
from live_whisper.streaming.sinks.journal import JournalSink, read_journal
from live_whisper.types.events import Notice, Progress, Tentative

RELAXED = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def write(path, events):
    sink = JournalSink(path)
    for event in events:
        sink.handle(event)
    sink.close()
    assert sink.take_notices() == []
    return path


def stored(events):
    return tuple(event for event in events if not isinstance(event, (Progress, Tentative)))


@pytest.fixture
def journal(tmp_path, meeting):
    return write(tmp_path / "journal.jsonl", meeting)


@RELAXED
@given(data=st.data())
def test_events_come_back_exactly(data, stored_events):
    event = data.draw(stored_events)
    fields = json.loads(json.dumps(encode(event)))
    again = decode(event_name(event), fields)
    assert again == event
    assert repr(again) == repr(event)


@RELAXED
@given(data=st.data())
def test_a_journal_comes_back_exactly(data, stored_events, tmp_path_factory):
    events = data.draw(st.lists(stored_events, max_size=3))
    path = write(tmp_path_factory.mktemp("journal") / "j", events)
    contents = read_journal(path)
    assert contents.events == tuple(events)
    assert contents.damage == ()
    assert contents.valid_bytes == path.stat().st_size


def test_what_may_change_is_not_stored(journal, meeting):
    contents = read_journal(journal)
    assert contents.events == stored(meeting)
    assert len(contents.events) < len(meeting)


def test_lines_are_json_and_private(journal):
    lines = journal.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["event"] == "journal"
    assert [json.loads(line)["n"] for line in lines] == list(range(len(lines)))
    assert "안녕하세요" in journal.read_text(encoding="utf-8")
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600


def test_every_event_is_in_the_file_before_handle_returns(tmp_path, meeting):
    path = tmp_path / "j"
    sink = JournalSink(path)
    seen = []
    for event in meeting:
        sink.handle(event)
        seen += stored([event])
        assert read_journal(path).events == tuple(seen)
    sink.close()


def test_cut_at_every_byte(journal, tmp_path):
    data = journal.read_bytes()
    events = read_journal(journal).events
    ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")]
    cut = tmp_path / "cut"
    with cut.open("wb", buffering=0) as file:
        file.write(data)
    for length in reversed(range(len(data))):
        os.truncate(cut, length)
        whole = sum(end <= length for end in ends)
        if whole == 0 and length:
            with pytest.raises(InputError, match="no journal"):
                read_journal(cut)
            continue
        contents = read_journal(cut)
        assert contents.events == events[: max(0, whole - 1)]
        assert contents.valid_bytes == ([0, *ends])[whole]
        assert contents.torn == (length not in (0, *ends))
        assert contents.next_number == whole


def test_continuing_a_torn_journal(journal, tmp_path):
    data = journal.read_bytes()
    events = read_journal(journal).events
    for length in range(data.index(b"\n") + 1, len(data), 37):
        path = tmp_path / "torn"
        path.write_bytes(data[:length])
        before = read_journal(path).events
        sink = JournalSink(path, resume=True)
        sink.handle(events[-1])
        sink.close()
        contents = read_journal(path)
        assert contents.events == (*before, events[-1])
        assert contents.damage == ()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed_and_costs_little(journal, tmp_path_factory, position, bit):
    data = bytearray(journal.read_bytes())
    events = read_journal(journal).events
    data[int(position * len(data))] ^= 1 << bit
    path = tmp_path_factory.mktemp("flip") / "j"
    path.write_bytes(data)
    contents = read_journal(path)
    assert contents.damage
    assert len(contents.events) >= len(events) - 2  # a flipped line end damages two lines
    remaining = iter(events)
    assert all(any(event == other for other in remaining) for event in contents.events)


def test_a_missing_line_is_noticed(journal):
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:3] + lines[5:]))
    (damage,) = read_journal(journal).damage
    assert damage.reason == "2 lines before it are missing"
    assert damage.line == 4


def test_a_repeated_line_counts_once(journal):
    events = read_journal(journal).events
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:4] + lines[3:]))
    contents = read_journal(journal)
    assert contents.events == events
    assert len(contents.damage) == 1


@RELAXED
@given(junk=st.binary(max_size=400))
def test_junk_never_raises_anything_else(junk, journal, tmp_path_factory):
    path = tmp_path_factory.mktemp("junk") / "j"
    path.write_bytes(junk)
    if junk:
        with pytest.raises(InputError, match="no journal"):
            read_journal(path)
    good = journal.read_bytes()
    path.write_bytes(good + junk)
    assert read_journal(path).events == read_journal(journal).events


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("committed", {"at": "x", "words": []}),
        ("committed", {"at": True, "words": []}),
        ("committed", {"at": 1, "words": [{}]}),
        ("committed", {"at": 1, "words": {}}),
        ("segment_closed", {"at": 1, "span": {"start": 5, "end": 1}}),
        ("segment_closed", {"at": 1}),
        ("notice", {"at": 1, "message": 3}),
        ("notice", []),
        ("language_chosen", {"at": 1, "language": "ko", "probability": 10**400}),
        ("unheard_of", {}),
    ],
)
def test_wrong_fields_are_refused(name, fields):
    with pytest.raises(CodecError):
        decode(name, fields)


def test_unknown_fields_are_ignored():
    event = Notice(1, "hello", "warning")
    assert decode("notice", {**encode(event), "colour": "red"}) == event


def test_a_later_version_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("live_whisper.streaming.sinks.journal.VERSION", 2)
    path = write(tmp_path / "j", [])
    monkeypatch.undo()
    with pytest.raises(InputError, match="version 2"):
        read_journal(path)


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_journal(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be read"):
        read_journal(tmp_path)
    with pytest.raises(OutputError, match="does not exist"):
        JournalSink(tmp_path / "none" / "j")
    (tmp_path / "empty").write_bytes(b"")
    assert read_journal(tmp_path / "empty").events == ()


def test_a_full_disk_is_reported_and_made_good(tmp_path, meeting, monkeypatch):
    path = tmp_path / "j"
    sink = JournalSink(path)
    real, notices = os.write, []
    for number, event in enumerate(stored(meeting)):
        full = 3 <= number < 7

        def write_some(fd, data, full=full):
            if full:
                real(fd, bytes(data)[:5])  # part of it, then no room
                raise OSError(28, "No space left on device")
            return real(fd, data)

        monkeypatch.setattr(os, "write", write_some)
        sink.handle(event)
        notices += sink.take_notices()
    monkeypatch.undo()
    sink.close()
    assert read_journal(path).events == stored(meeting)
    assert [level for _, level in notices] == ["error", "info"]
    assert "No space left on device" in notices[0][0]
