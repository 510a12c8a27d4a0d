"""The session's threads: an input that fails costs only what was not heard."""

import contextlib
from pathlib import Path

import pytest
from support.meeting import Meeting, Stage, make_meeting

from live_whisper.audio.source import SourceChunk
from live_whisper.clock import MonotonicClock
from live_whisper.runtime.lane import Lane
from live_whisper.runtime.ports import ThreadPort
from live_whisper.runtime.publisher import Publisher
from live_whisper.runtime.session import Session
from live_whisper.types.events import Committed, Event, Notice
from live_whisper.units import SAMPLE_RATE

STEP = SAMPLE_RATE // 10


class FailingMicrophone:
    """Gives sound as fast as it is asked, and breaks in the middle of a sentence."""

    name = "Headset"
    live = True

    def __init__(self, meeting: Meeting, fails_at: int) -> None:
        self._sound, self._fails_at, self._at = meeting.samples, fails_at, 0
        self.closed = False

    def open(self) -> None:
        """Nothing to do."""

    def read(self, timeout_ns: int) -> SourceChunk:
        del timeout_ns
        if self._at >= self._fails_at:
            raise RuntimeError("something nobody thought of")
        start, self._at = self._at, self._at + STEP
        return SourceChunk(start, self._sound[start : self._at])

    def stop(self) -> None:
        """It never learns of it."""

    def close(self) -> None:
        self.closed = True


class Log:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> tuple[Notice, ...]:
        return ()


def lane_of(stage: Stage, source: object) -> Lane:
    lane = stage.lane()
    lane.source = source  # type: ignore[assignment]
    return lane


def test_an_input_that_breaks_in_mid_sentence_ends_the_run_with_all_it_heard(
    tmp_path: Path,
) -> None:
    meeting = make_meeting(20.0)
    stage, log = Stage(meeting, tmp_path), Log()
    fails_at = 3 * SAMPLE_RATE  # the first sentence goes on until 4.9 s
    microphone = FailingMicrophone(meeting, fails_at)
    publisher = Publisher(log)
    session = Session(
        [lane_of(stage, microphone)], ThreadPort(stage.recognizer), publisher, MonotonicClock()
    )
    publisher.start()
    session.capture()
    with pytest.raises(RuntimeError, match="nobody thought of"):
        session.run()
    publisher.close(5.0)
    assert microphone.closed
    said = [w.text for e in log.events if isinstance(e, Committed) for w in e.words]
    assert "".join(said) == meeting.text_until(fails_at)
    (notice,) = [event for event in log.events if isinstance(event, Notice)]
    assert notice.level == "error"
    assert "Headset failed (something nobody thought of)" in notice.message
    accounts = session.outcome("").accounts
    assert accounts.captured == fails_at == accounts.decoded + accounts.silent
    assert accounts.undecoded == 0


def test_nothing_is_published_before_the_run_begins(tmp_path: Path) -> None:
    """What a device gives waits until the run's first event is out."""
    meeting = make_meeting(20.0)
    stage, log = Stage(meeting, tmp_path), Log()
    microphone = FailingMicrophone(meeting, 20 * SAMPLE_RATE)
    publisher = Publisher(log)
    session = Session(
        [lane_of(stage, microphone)], ThreadPort(stage.recognizer), publisher, MonotonicClock()
    )
    publisher.start()
    session.capture()
    assert publisher.drain(5.0)
    assert log.events == []
    session.stop()
    session.stop()
    with contextlib.suppress(RuntimeError):
        session.run()
    publisher.close(5.0)
