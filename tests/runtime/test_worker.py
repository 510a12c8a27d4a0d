"""The recognizer in its own process: it answers, it dies, it hangs, it is replaced."""

import os
import signal
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from support.scripted_recognizer import Script, load_scripted, sentence

from live_whisper.errors import ModelError
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
