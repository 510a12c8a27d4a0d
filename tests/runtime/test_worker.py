"""The recognizer in its own process: it answers, it dies, it hangs, it is replaced."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from support.scripted_recognizer import Script, load_scripted, sentence

from live_whisper.clock import MonotonicClock
from live_whisper.errors import ModelError
from live_whisper.runtime import worker
from live_whisper.runtime.ports import Answer, Died, Ready, Refused, Result
from live_whisper.runtime.worker import ProcessPort
from live_whisper.streaming.window import Window, WindowRequest
from live_whisper.types.audio import Span

NS = 1_000_000_000
WORDS = sentence(0, 3)


def refuse(spec: object) -> None:
    raise ModelError(f"no such model: {spec}", hint="pull it")


def hang(spec: object) -> object:
    del spec

    class Hanging:
        description = "hangs"

        def recognize(self, request: object, samples: object) -> None:
            signal.pause()

    return Hanging()


@pytest.fixture
def port() -> Iterator[ProcessPort]:
    port = ProcessPort(load_scripted, Script(WORDS), hang_ns=60 * NS)
    port.start()
    yield port
    port.close(5 * NS)


def wait(port: ProcessPort) -> Answer:
    answer = port.wait(60 * NS)
    assert answer is not None
    return answer


def request(end: int) -> WindowRequest:
    return WindowRequest(Window(Span(0, end), final=True), language="en")


def test_it_loads_answers_and_ends(port: ProcessPort) -> None:
    assert isinstance(wait(port), Ready)
    port.ask(request(16_000), np.zeros(16_000, np.float32))
    answer = wait(port)
    assert isinstance(answer, Result)
    assert answer.hypothesis.words == WORDS
    assert answer.cost_ns > 0


def test_a_killed_worker_is_noticed_and_can_be_replaced(port: ProcessPort) -> None:
    assert isinstance(wait(port), Ready)
    assert port.pid is not None
    os.kill(port.pid, signal.SIGKILL)
    port.ask(request(16_000), np.zeros(16_000, np.float32))
    assert wait(port) == Died("ended by SIGKILL")
    port.close(0)
    port.start()
    assert isinstance(wait(port), Ready)
    port.ask(request(16_000), np.zeros(16_000, np.float32))
    assert isinstance(wait(port), Result)


def test_ctrl_c_in_the_terminal_does_not_reach_the_worker(port: ProcessPort) -> None:
    assert isinstance(wait(port), Ready)
    assert port.pid is not None
    os.kill(port.pid, signal.SIGINT)
    port.ask(request(16_000), np.zeros(16_000, np.float32))
    assert isinstance(wait(port), Result)


def test_a_user_error_while_loading_arrives_whole() -> None:
    port = ProcessPort(refuse, "thing", hang_ns=60 * NS)
    port.start()
    answer = wait(port)
    port.close(5 * NS)
    assert isinstance(answer, Refused)
    assert isinstance(answer.error, ModelError)
    assert str(answer.error) == "no such model: thing pull it"


@pytest.mark.skipif(sys.platform == "win32", reason="signal.pause")
def test_a_hanging_worker_is_killed_at_its_deadline() -> None:
    port = ProcessPort(hang, None, hang_ns=NS // 5)
    port.start()
    assert isinstance(wait(port), Ready)
    port.ask(request(16_000), np.zeros(16_000, np.float32))
    assert wait(port) == Died("no answer within 0 s")
    port.close(0)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_z_in_the_terminal_does_not_stop_the_worker(port: ProcessPort) -> None:
    assert isinstance(wait(port), Ready)
    assert port.pid is not None
    os.kill(port.pid, signal.SIGTSTP)
    port.ask(request(16_000), np.zeros(16_000, np.float32))
    assert isinstance(wait(port), Result)
    assert signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_worker_that_was_stopped_is_killed_at_its_deadline() -> None:
    """It does not even read: a window is more than the pipe holds."""
    port = ProcessPort(load_scripted, Script(WORDS), hang_ns=NS // 2)
    port.start()
    assert isinstance(wait(port), Ready)
    assert port.pid is not None
    os.kill(port.pid, signal.SIGSTOP)
    port.ask(request(480_000), np.zeros(480_000, np.float32))
    assert wait(port) == Died("no answer within 0 s")
    port.close(0)
    port.start()
    assert isinstance(wait(port), Ready)
    port.close(5 * NS)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_stopped_worker_can_be_closed(port: ProcessPort) -> None:
    assert isinstance(wait(port), Ready)
    assert port.pid is not None
    os.kill(port.pid, signal.SIGSTOP)
    port.ask(request(480_000), np.zeros(480_000, np.float32))
    port.close(NS // 10)
    assert port.pid is None


def test_a_pause_of_this_process_is_not_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock jumps while it waits, as after SIGSTOP or a laptop's sleep."""

    class Jumping(MonotonicClock):
        ahead = 0

        def now_ns(self) -> int:
            return super().now_ns() + self.ahead

    clock, real = Jumping(), worker.wait

    def asleep(*arguments: object) -> object:
        found = real(*arguments)
        clock.ahead += 3600 * NS
        return found

    port = ProcessPort(hang, None, hang_ns=NS, clock=clock)
    port.start()
    assert isinstance(wait(port), Ready)
    port.ask(request(16_000), np.zeros(16_000, np.float32))
    with monkeypatch.context() as patch:
        patch.setattr(worker, "wait", asleep)
        assert port.wait(NS // 10) is None
    for _ in range(3):
        assert port.wait(NS // 10) is None, "an hour of sleep was taken for a hang"
    assert isinstance(port.wait(10 * NS), Died)
    port.close(0)


def test_a_pause_is_no_part_of_what_a_decode_costs(port: ProcessPort) -> None:
    assert isinstance(wait(port), Ready)
    port.ask(request(16_000), np.zeros(16_000, np.float32))
    assert port._pipe is not None
    real = port._pipe.recv
    fake = SimpleNamespace(
        recv=lambda: replace(real(), cost_ns=3600 * NS),
        fileno=port._pipe.fileno,
        close=port._pipe.close,
    )
    port._pipe = fake  # type: ignore[assignment]
    answer = wait(port)
    assert isinstance(answer, Result)
    assert answer.cost_ns < 60 * NS


def test_a_process_that_cannot_be_started_is_a_death(monkeypatch: pytest.MonkeyPatch) -> None:
    port = ProcessPort(load_scripted, Script(WORDS), hang_ns=NS)

    def full(*_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("multiprocessing.popen_spawn_posix.Popen.__init__", full)
        port.start()
    assert port.wait(NS // 100) == Died(
        "no process can be started: Resource temporarily unavailable"
    )
    port.close(0)
    port.start()
    assert isinstance(wait(port), Ready)
    port.close(5 * NS)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("number", ["SIGINT", "SIGHUP"])
def test_a_child_that_is_still_being_born_does_not_hear_the_keyboard(
    number: str, capfd: pytest.CaptureFixture[str]
) -> None:
    port = ProcessPort(load_scripted, Script(WORDS), hang_ns=60 * NS)
    port.start()
    assert port.pid is not None
    os.kill(port.pid, getattr(signal, number))  # long before its imports are done
    assert isinstance(wait(port), Ready)
    port.close(5 * NS)
    assert capfd.readouterr().err == ""
