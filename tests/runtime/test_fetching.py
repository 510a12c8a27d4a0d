"""A model that must be pulled first: the session hears how far it is, then uses it."""

import threading
from collections.abc import Callable

import numpy as np
from support.scripted_recognizer import Script, ScriptedRecognizer, sentence

from live_whisper.errors import HubError
from live_whisper.runtime.ports import (
    Answer,
    Died,
    FetchingPort,
    Ready,
    Refused,
    Result,
    ThreadPort,
    Told,
)
from live_whisper.streaming.window import Window, WindowRequest
from live_whisper.types.audio import Span

NS = 1_000_000_000
WORDS = sentence(0, 3)


def port(fetch: Callable[[Callable[[str], None]], None]) -> FetchingPort:
    made = FetchingPort(fetch, lambda: ThreadPort(lambda: ScriptedRecognizer(Script(WORDS))))
    made.start()
    return made


def answers(made: FetchingPort, until: type) -> list[Answer]:
    """Answers up to the first of a kind."""
    seen: list[Answer] = []
    for _ in range(100):
        answer = made.wait(10 * NS)
        if answer is not None:
            seen.append(answer)
        if isinstance(answer, until):
            return seen
    raise AssertionError(f"never {until.__name__}: {seen}")


def test_it_tells_how_far_it_is_then_recognizes() -> None:
    def fetch(tell: Callable[[str], None]) -> None:
        tell("half")
        tell("all")

    made = port(fetch)
    seen = answers(made, Ready)
    assert [answer for answer in seen if isinstance(answer, Told)] == [Told("half"), Told("all")]
    request = WindowRequest(Window(Span(0, 16_000), final=True), language="en")
    made.ask(request, np.zeros(16_000, np.float32))
    result = answers(made, Result)[-1]
    assert isinstance(result, Result)
    assert result.hypothesis.words == WORDS
    made.close(NS)


def test_nothing_is_ready_while_it_fetches() -> None:
    release = threading.Event()
    made = port(lambda tell: release.wait(60) and None)
    assert made.wait(1) is None
    release.set()
    assert isinstance(answers(made, Ready)[-1], Ready)
    made.close(NS)


def test_a_model_that_cannot_be_had_is_refused() -> None:
    def fetch(tell: Callable[[str], None]) -> None:
        raise HubError("The hub is out of reach.")

    refused = answers(port(fetch), Refused)[-1]
    assert isinstance(refused, Refused)
    assert str(refused.error) == "The hub is out of reach."


def test_a_defect_while_fetching_is_a_death_not_a_hang() -> None:
    def fetch(tell: Callable[[str], None]) -> None:
        raise RuntimeError("bug")

    assert answers(port(fetch), Died)[-1] == Died("RuntimeError: bug")


def test_a_model_that_is_not_there_after_all_is_a_refusal() -> None:
    def make() -> ThreadPort:
        raise HubError("It is gone again.", hint="Pull it.")

    made = FetchingPort(lambda tell: None, make)
    made.start()
    refused = answers(made, Refused)[-1]
    assert isinstance(refused, Refused)
    assert "gone again" in str(refused.error)
