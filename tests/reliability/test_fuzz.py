"""Arbitrary bytes where files are read: one line of error at most, never a traceback or a hang."""

import contextlib
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_whisper.audio.stdin_source import PcmLayout, StdinPcmSource
from live_whisper.config.load import environment_layers, file_layer, load, merge
from live_whisper.errors import ConfigError, InputError, UsageError
from live_whisper.streaming.past import Past
from live_whisper.streaming.rebuild import journal_events, rebuild_file
from live_whisper.streaming.recording import RecordingFolder, RecordingMeta, recordings, unfinished
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.journal import JournalSink, last_event, read_journal
from live_whisper.types.audio import Span
from live_whisper.types.events import Committed, SegmentClosed, SessionStarted, WindowDone
from live_whisper.types.text import Word

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A good one."""
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    sink = JournalSink(path)
    sink.handle(SessionStarted(0, "name", "source", "model", "ko", "transcribe", 1))
    for number in range(20):
        start = number * 16_000
        words = (Word(f" 단어{number}", start, start + 8000, tokens=(number,)),)
        span = Span(start, start + 16_000)
        sink.handle(WindowDone(span.end, span, closes=(span,), words=1))
        sink.handle(Committed(span.end, words))
        sink.handle(SegmentClosed(span.end, span))
    sink.close()
    return path.read_bytes()


damage = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "repeat"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=40),
    ),
    min_size=1,
    max_size=6,
)


def damaged(data: bytes, plan: list[tuple[str, float, bytes]]) -> bytes:
    for kind, where, extra in plan:
        at = int(where * len(data)) if data else 0
        if kind == "flip" and data:
            data = data[:at] + bytes([data[at] ^ (extra[0] or 1)]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:at]
        elif kind == "insert":
            data = data[:at] + extra + data[at:]
        elif kind == "repeat":
            data = data[:at] + data[at : at + 300] + data[at:]
    return data


@fuzz
@given(plan=damage)
def test_a_damaged_journal_gives_only_what_was_written(
    plan: list, journal: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "journal.jsonl"
    path.write_bytes(journal)
    good = [event for event in journal_events(path) if isinstance(event, Committed)]
    path.write_bytes(damaged(journal, plan))
    last_event(path)
    try:
        events = list(journal_events(path))
    except InputError:
        return
    found = [event for event in events if isinstance(event, Committed)]
    remaining = iter(good)
    assert all(event in remaining for event in found), "not a subsequence of what was written"
    past = Past().read(events)
    assert past.stream("").count == len(found)
    rebuild_file(path, OutputSpec(path.with_name("out.srt")))
    JournalSink(path, resume=True).close()
    assert [e for e in read_journal(path).events if isinstance(e, Committed)] == found


@fuzz
@given(data=st.binary(max_size=400))
def test_any_bytes_as_a_journal(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "journal.jsonl"
    path.write_bytes(data)
    assert last_event(path) is None
    with contextlib.suppress(InputError):
        assert list(journal_events(path)) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
meta_keys = st.sampled_from(
    ["version", "source", "model", "language", "task", "started_wall_ns", "outputs", "clean",
     "settings", "inputs", "context", "audio_context", "model_folder", "path"]
)  # fmt: skip


@fuzz
@given(entry=st.dictionaries(meta_keys, json_values), raw=st.binary(max_size=100))
def test_any_meta_is_read_or_refused(
    entry: dict, raw: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from live_whisper.runtime.recover import stored_config

    root = tmp_path_factory.mktemp("root")
    folder = RecordingFolder(root / "20260101T000000Z-00000a")
    folder.path.mkdir()
    for content in (raw, json.dumps({**entry, "version": 1}).encode()):
        (folder.path / "meta.json").write_bytes(content)
        try:
            meta = folder.meta()
        except InputError:
            continue
        finally:
            list(unfinished(root))
            list(recordings(root))
        assert RecordingMeta.from_json(meta.to_json().encode()) == meta
        stored_config(meta)


@fuzz
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_as_a_configuration(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("config") / "config.toml"
    path.write_bytes(data)
    with contextlib.suppress(ConfigError):
        merge([file_layer(path)])


toml_scalars = st.sampled_from(
    ["1", "-1", "0", "1e400", "nan", "true", '"x"', "[]", "[1]", "{}", "2020-01-01", '""', "1.5"]
)
known = st.sampled_from(
    ["streaming.step_ms", "streaming.policy", "engine.threads", "audio.device", "output.files",
     "vad.aggressiveness", "recognition.glossary", "decoding.temperatures", "captions.columns",
     "nosuch.key", "streaming.nosuch", "streaming", ""]
)  # fmt: skip


@fuzz
@given(pairs=st.lists(st.tuples(known, toml_scalars | st.text(max_size=12)), max_size=4))
def test_any_assignment_is_taken_or_refused(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(UsageError):
        load(assignments=[f"{key}={value}" for key, value in pairs], environment={})
    names = {f"LIVE_WHISPER_{key.replace('.', '__').upper()}": value for key, value in pairs}
    with contextlib.suppress(UsageError):
        merge(environment_layers(names))


layouts = st.builds(
    PcmLayout,
    rate=st.sampled_from([8000, 16_000, 22_050, 44_100, 48_000, 192_000]),
    channels=st.integers(1, 4),
)


@fuzz
@given(data=st.binary(min_size=0, max_size=5000), layout=layouts)
def test_any_bytes_as_pcm(data: bytes, layout: PcmLayout) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(data)
    source = StdinPcmSource(layout, file=reader)
    source.open()
    heard = 0
    try:
        for _ in range(1000):
            chunk = source.read(1_000_000_000)
            assert chunk.start == heard
            heard = chunk.end
            assert chunk.samples.size == 0 or float(abs(chunk.samples).max()) <= 1.0
            if chunk.ended:
                break
        else:
            raise AssertionError("it never ends")
    except InputError:
        assert len(data) < 2 * layout.channels
    finally:
        source.close()
        os.close(reader)
    whole = len(data) // (2 * layout.channels)
    assert abs(heard - whole * 16_000 / layout.rate) <= 2
