"""Subtitle files beside a run, and the same files from its journal."""

import json
import os
import stat
import xml.etree.ElementTree as ET
from pathlib import Path

import pysubs2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.outputs import new_output

from live_whisper import units
from live_whisper.captions.writer import WriterOptions
from live_whisper.errors import InputError, UsageError
from live_whisper.streaming.rebuild import cues_of, journal_events, rebuild_file, rebuild_text
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.fanout import FanOut
from live_whisper.streaming.sinks.journal import JournalSink
from live_whisper.streaming.sinks.subtitle_file import continue_output, open_output
from live_whisper.types.audio import Span
from live_whisper.types.events import Committed, SegmentClosed, SessionEnded

NAMES = ("m.srt", "m.vtt", "m.txt", "m.json", "m.ttml", "m.fcpxml")


def open_run(folder, names=NAMES, **options):
    outputs = [OutputSpec(folder / name, **options) for name in names]
    journal = folder / "journal.jsonl"
    sinks = [JournalSink(journal), *(new_output(spec, journal=journal) for spec in outputs)]
    return FanOut(sinks), outputs, journal


def test_a_whole_run(tmp_path, meeting):
    run, outputs, journal = open_run(tmp_path)
    for event in meeting:
        run.handle(event)
    assert run.close() == []
    assert run.failures == []
    cues = list(cues_of(meeting))
    assert len(cues) == 4
    for kind in ("srt", "vtt", "ttml"):
        parsed = pysubs2.load(str(tmp_path / f"m.{kind}"), keep_html_tags=True, format_=kind)
        assert [event.start for event in parsed] == [units.samples_to_ms(c.start) for c in cues]
    assert (tmp_path / "m.txt").read_text() == "".join(f"{cue.text}\n" for cue in cues)
    parsed = json.loads((tmp_path / "m.json").read_text())
    assert (parsed["language"], parsed["model"], len(parsed["cues"])) == ("en", "demo", 4)
    root = ET.parse(tmp_path / "m.fcpxml").getroot()
    assert len(list(root.iter("caption"))) == 4
    for output in outputs:
        assert stat.S_IMODE(output.path.stat().st_mode) == 0o600
        live = output.path.read_bytes()
        assert "".join(rebuild_text(journal, output)).encode() == live
        output.path.unlink()
        rebuild_file(journal, output)
        assert output.path.read_bytes() == live
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*NAMES, "journal.jsonl"])


def test_words_are_written_as_soon_as_their_segment_closes(tmp_path, started, words):
    run, _, _ = open_run(tmp_path, ("m.srt",))
    run.handle(started())
    said = words("Hello there")
    run.handle(Committed(9000, said))
    assert (tmp_path / "m.srt").read_text() == ""
    run.handle(SegmentClosed(20000, Span(0, 19000)))
    assert "Hello there" in (tmp_path / "m.srt").read_text()
    run.close()


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_run_cut_off_at_any_event(data, tmp_path_factory, meeting, words):
    """What is in the file when the program dies is the beginning of what is rebuilt."""
    folder = tmp_path_factory.mktemp("cut")
    texts = data.draw(st.lists(st.sampled_from(["Yes.", "안녕하세요 여러분", "船" * 30, "and so"])))
    events, position = meeting[:-1], 400_000
    for text in texts:
        said = words(text, position)
        position = said[-1].end + data.draw(st.integers(0, 20_000))
        events.append(Committed(position, said))
        if data.draw(st.booleans()):
            events.append(SegmentClosed(position, Span(said[0].start, position)))
    run, outputs, journal = open_run(folder, NAMES[:3])
    for event in events[: data.draw(st.integers(0, len(events)))]:
        run.handle(event)
    died_with = {output.path: output.path.read_bytes() for output in outputs}
    for output in outputs:
        whole = "".join(rebuild_text(journal, output)).encode()
        assert whole.startswith(died_with[output.path])
        if output.path.suffix == ".srt":
            parsed = pysubs2.SSAFile.from_string(died_with[output.path].decode(), format_="srt")
            assert len(parsed) == died_with[output.path].count(b" --> ")
    run.close()
    for output in outputs:  # an orderly end writes just what rebuilding gives
        assert "".join(rebuild_text(journal, output)).encode() == output.path.read_bytes()


def test_a_crash_leaves_valid_documents(tmp_path, meeting):
    run, _, _ = open_run(tmp_path)
    for event in meeting[:20]:
        run.handle(event)
    assert json.loads((tmp_path / "m.json").read_text())["cues"] == []
    ET.parse(tmp_path / "m.ttml")
    ET.parse(tmp_path / "m.fcpxml")
    run.close()


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not a subtitle format"):
        open_output(OutputSpec(tmp_path / "m.doc"), journal=tmp_path / "j")
    assert not (tmp_path / "m.doc").exists()


def test_continuing_a_file(tmp_path, meeting, started, words):
    path = tmp_path / "m.srt"
    old = "7\n00:00:01,000 --> 00:00:05,000\n지난 회의\n"
    path.write_text(old + "\n8\n00:00:06")  # torn by a crash
    going_on = continue_output(path)
    assert going_on.context == "지난 회의"
    assert going_on.output.options == WriterOptions(first_number=8, offset=80_000)
    journal = tmp_path / "j"
    run = FanOut([JournalSink(journal), open_output(going_on.output, journal=journal)])
    run.handle(started())
    run.handle(Committed(9000, words("Hello")))
    run.close()
    text = path.read_text()
    assert text == old + "\n8\n00:00:05,000 --> 00:00:06,000\nHello\n\n"
    rebuild_file(journal, going_on.output)
    assert path.read_text() == text
    path.write_text("short")
    with pytest.raises(InputError, match="lost its beginning"):
        rebuild_file(journal, going_on.output)


def test_what_cannot_be_continued(tmp_path):
    with pytest.raises(UsageError, match="cannot be continued"):
        continue_output(tmp_path / "m.vtt")
    with pytest.raises(InputError, match="cannot be read"):
        continue_output(tmp_path / "none.srt")
    (tmp_path / "empty.srt").write_text("hello")
    with pytest.raises(InputError, match="holds no SRT caption"):
        continue_output(tmp_path / "empty.srt")
    assert (tmp_path / "empty.srt").read_text() == "hello"


def test_output_specs_travel_through_json():
    spec = OutputSpec(Path("/a/b.srt"), WriterOptions(3, 16000, words=True), 99)
    assert OutputSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    for wrong in (None, {}, {"path": 3}, {"path": "x", "offset": -1}, {"path": "x", "offset": "1"}):
        with pytest.raises(ValueError, match="output"):
            OutputSpec.from_json(wrong)


def test_a_failing_file_does_not_stop_the_others(tmp_path, meeting, monkeypatch):
    run, outputs, journal = open_run(tmp_path, ("m.srt", "m.vtt"))
    told = []

    class Ear:
        def handle(self, event):
            told.append(event)

        def close(self):
            pass

    run = FanOut([*run.sinks, Ear()])
    run.handle(meeting[0])
    broken, real = os.stat(tmp_path / "m.srt").st_ino, os.write
    failing = True

    def write(fd, data):
        if failing and os.fstat(fd).st_ino == broken:
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    for event in meeting[1:-3]:
        run.handle(event)
    assert (tmp_path / "m.srt").read_bytes() == b""
    assert (tmp_path / "m.vtt").read_text().count("-->") == 2
    messages = [event.message for event in told if type(event).__name__ == "Notice"]
    assert sum("m.srt cannot be written (No space left on device)" in m for m in messages) == 1
    assert any("live-whisper recover" in message for message in messages)
    failing = False
    for event in meeting[-3:]:
        run.handle(event)
    run.close()
    monkeypatch.undo()
    for output in outputs:
        assert "".join(rebuild_text(journal, output)).encode() == output.path.read_bytes()


def test_a_document_that_cannot_be_written_becomes_a_notice(tmp_path, meeting):
    folder = tmp_path / "out"
    folder.mkdir()
    journal = JournalSink(tmp_path / "j")
    sink = new_output(OutputSpec(folder / "m.json"), journal=tmp_path / "j")
    run = FanOut([journal, sink])
    for event in meeting:
        run.handle(event)
    (folder / "m.json").unlink()
    folder.rmdir()
    problem, place = run.close()
    assert problem.level == "error"
    assert "No such file" in problem.message
    assert "are in" in place.message
    assert sink.complete
    assert json.loads((tmp_path / "m.json").read_text())["cues"]


def test_a_damaged_journal_still_gives_its_good_lines(tmp_path, meeting):
    run, outputs, journal = open_run(tmp_path, ("m.srt",))
    for event in meeting:
        run.handle(event)
    run.close()
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b'"at"', b'"it"')
    journal.write_bytes(b"".join(lines))
    assert sum(isinstance(event, SessionEnded) for event in journal_events(journal)) == 1
    assert "Goodbye" in "".join(rebuild_text(journal, outputs[0]))
