"""The page in a browser: what a client is told, who is let in, how it ends."""

import http.client
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from live_whisper.errors import MissingDependencyError, UsageError
from live_whisper.streaming.sinks.web import HISTORY_LINES, MOST_CLIENTS, Address, Board, WebSink
from live_whisper.types.audio import Span
from live_whisper.types.events import Committed, Progress, SegmentClosed, SessionStarted, Tentative
from live_whisper.types.text import Word

SECOND = 16_000


def word(text: str, at: int) -> Word:
    return Word(f" {text}", at * SECOND, at * SECOND + SECOND // 2)


def sentence(text: str, at: int) -> list:
    """Committed, and the phrase is over."""
    words = tuple(
        Word(f" {part}", at * SECOND + i, at * SECOND + i + 1)
        for i, part in enumerate(text.split())
    )
    return [
        Committed(at * SECOND, words),
        SegmentClosed(at * SECOND, Span(at * SECOND, (at + 1) * SECOND)),
    ]


@pytest.fixture
def page() -> Iterator[WebSink]:
    sink = WebSink(Address.parse("0"))
    yield sink
    sink.close()


@contextmanager
def ask(page: WebSink, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", page.address.port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        yield connection.getresponse()
    finally:
        connection.close()


def messages(response: http.client.HTTPResponse) -> Iterator[tuple[int, dict]]:
    """(id, content) of each message, until the stream ends."""
    number = -1
    for line in response:
        name, _, value = line.decode().strip().partition(": ")
        if name == "id":
            number = int(value.rpartition("-")[2])
        elif name == "data":
            yield number, json.loads(value)


def test_a_client_is_told_what_was_said_and_then_what_is_new(page: WebSink) -> None:
    for event in sentence("Good day everyone.", 0):
        page.handle(event)
    with ask(page, "/events") as response:
        assert response.getheader("Content-Type", "").startswith("text/event-stream")
        stream = messages(response)
        number, first = next(stream)
        assert [line["text"] for line in first["lines"]] == ["Good day everyone."]
        assert first["lines"][0]["time"] == "00:00:00"
        page.handle(Committed(2 * SECOND, (word("안녕하세요", 2),)))
        page.handle(Tentative(2 * SECOND, (word("여러분", 3),)))
        for _, now in stream:
            assert now["lines"] == []
            if now["tails"] == [{"label": "", "committed": " 안녕하세요", "guess": " 여러분"}]:
                break
        page.close()
        *_, (last_number, last) = stream
        assert last["state"] == "ended"
        assert [line["text"] for line in last["lines"]] == ["안녕하세요"]
        assert last_number == number + 1


def test_a_client_that_comes_back_is_told_what_it_missed(page: WebSink) -> None:
    for at in range(3):
        for event in sentence(f"Sentence {at}.", at):
            page.handle(event)
    with ask(page, "/events") as response:
        run = next(messages(response))[1]["run"]
    for last, expected in (
        (f"{run}-1", [2, 3]),
        ("", [1, 2, 3]),
        ("junk", [1, 2, 3]),
        (f"{run}-{'9' * 40}", [1, 2, 3]),
        ("0badcafe-2", [1, 2, 3]),  # of the run before
    ):
        with ask(page, "/events", **{"Last-Event-ID": last}) as response:
            _, now = next(messages(response))
            assert [line["id"] for line in now["lines"]] == expected


def test_the_page_can_do_nothing_but_show(page: WebSink) -> None:
    for path, kind in (("/", "html"), ("/captions.css", "css"), ("/captions.js", "javascript")):
        with ask(page, path) as response:
            assert response.status == 200
            assert kind in response.getheader("Content-Type", "")
            policy = response.getheader("Content-Security-Policy", "")
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "innerHTML" not in response.read().decode()
    with ask(page, "/../web.py") as response:
        assert response.status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "localhost.evil.example"])
def test_names_that_others_may_point_here_are_refused(page: WebSink, host: str) -> None:
    for path in ("/", "/events"):
        with ask(page, path, Host=host) as response:
            assert response.status == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "[::1]:8040", "192.168.1.5:80"])
def test_numbers_and_local_names_are_not(page: WebSink, host: str) -> None:
    with ask(page, "/", Host=host) as response:
        assert response.status == 200


def test_it_is_said_once_where_the_page_is(page: WebSink) -> None:
    assert page.take_notices() == [
        (f"Captions are at http://127.0.0.1:{page.address.port}/", "info")
    ]
    assert page.take_notices() == []


def test_only_this_machine_sees_it_unless_told_otherwise() -> None:
    sink = WebSink(Address.parse("0.0.0.0:0"))
    try:
        (_, _), (warning, level) = sink.take_notices()
        assert level == "warning"
        assert "network" in warning
    finally:
        sink.close()
    assert all(Address.parse(text).is_loopback for text in ("80", "localhost:80", "[::1]:80"))


def test_so_many_readers_and_no_more(page: WebSink) -> None:
    import contextlib

    with contextlib.ExitStack() as stack:
        for _ in range(MOST_CLIENTS):
            next(messages(stack.enter_context(ask(page, "/events"))))
        with ask(page, "/events") as response:
            assert response.status == 503


def test_a_reader_that_does_not_read_holds_up_nothing(page: WebSink) -> None:
    with socket.create_connection(("127.0.0.1", page.address.port), timeout=20) as lazy:
        lazy.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lazy.recv(100)
        for at in range(3000):
            page.handle(Tentative(at, (word("word " * 20, at),)))
        with ask(page, "/") as response:
            assert response.status == 200
        page.close()


def test_a_request_that_is_none_says_nothing_in_the_terminal(page: WebSink, capfd) -> None:
    with socket.create_connection(("127.0.0.1", page.address.port), timeout=20) as rude:
        rude.sendall(b"GET / HTTP/1.1\r\nHost:\r\n\x00\x01\r\n\r\n")
        while rude.recv(1000):
            pass
    page.close()
    assert capfd.readouterr() == ("", "")


def test_closing_twice_is_no_harm(page: WebSink) -> None:
    page.close()
    page.close()
    page.handle(
        Progress(0, 0, -30.0, speaking=False, compute_ratio=0.1, lag_seconds=0.0, state="listening")
    )


def test_history_is_bounded() -> None:
    board = Board()
    board.apply(SessionStarted(0, "r", "s", "m", "en", "transcribe", 1))
    for at in range(HISTORY_LINES + 50):
        for event in sentence("A sentence.", at):
            board.apply(event)
    count, text = board.message(0)
    assert count == HISTORY_LINES + 50
    assert [line["id"] for line in json.loads(text)["lines"]] == list(range(51, count + 1))


def test_control_characters_are_not_sent() -> None:
    board = Board()
    for event in sentence("\x1b[31mred\x07 day.", 0):
        board.apply(event)
    assert "\\u001b" not in board.message(0)[1]
    assert "\x1b" not in board.message(0)[1]


@pytest.mark.parametrize("text", ["", "x", "70000", ":80", "1.2.3.4:", "-1", "8 0", "host:99999"])
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        Address.parse(text)


def test_an_address_that_is_taken(page: WebSink) -> None:
    with pytest.raises(UsageError, match="cannot be served"):
        WebSink(page.address)
    with pytest.raises(UsageError, match="cannot be served"):
        WebSink(Address.parse("203.0.113.9:0"))


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingDependencyError, match="live-whisper\\[web\\]"):
        WebSink(Address.parse("0"))
