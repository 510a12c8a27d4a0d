"""Every event to every sink, and what happens when one fails."""

from live_whisper.streaming.sinks.base import DisplayClosed
from live_whisper.streaming.sinks.fanout import FanOut
from live_whisper.types.events import Notice

BROKEN = RuntimeError("broken\x1b[31m")


class Recorder:
    def __init__(self, *, fail_at=None, error=BROKEN, complain=False):
        self.events, self.closed = [], 0
        self.fail_at, self.error, self.complain = fail_at, error, complain

    def handle(self, event):
        if len(self.events) == self.fail_at:
            raise self.error
        self.events.append(event)

    def take_notices(self):
        return [("again", "warning")] if self.complain else []

    def close(self):
        self.closed += 1


def messages(sink):
    return [event.message for event in sink.events if isinstance(event, Notice)]


def test_everyone_gets_everything_in_order(meeting):
    sinks = Recorder(), Recorder()
    run = FanOut(sinks)
    for event in meeting:
        run.handle(event)
    assert run.close() == []
    for sink in sinks:
        assert sink.events == meeting
        assert sink.closed == 1


def test_a_failing_sink_is_detached_and_the_others_are_told(meeting):
    bad, good = Recorder(fail_at=3), Recorder()
    run = FanOut([bad, good])
    for event in meeting:
        run.handle(event)
    assert bad.closed == 1
    assert run.sinks == (good,)
    assert [event for event in good.events if event in meeting] == meeting
    assert "Recorder stopped: broken" in messages(good)
    assert run.failures == [bad.error]
    assert good.events[4].at == meeting[3].at


def test_a_display_that_was_closed_is_no_failure(meeting):
    gone, good = Recorder(fail_at=2, error=DisplayClosed()), Recorder()
    run = FanOut([gone, good])
    for event in meeting:
        run.handle(event)
    assert run.display_closed
    assert run.failures == []
    assert good.events == meeting


def test_a_sink_that_always_complains_does_not_go_round_for_ever(meeting):
    run = FanOut([Recorder(complain=True), Recorder()])
    run.handle(meeting[0])
    assert len(run.sinks[1].events) <= 65


def test_closing_goes_on_after_a_failure():
    class Stuck(Recorder):
        def close(self):
            raise OSError("stuck")

    last = Recorder()
    run = FanOut([Stuck(), last])
    (notice,) = run.close()
    assert "stuck" in notice.message
    assert last.closed == 1
    assert run.close() == []
