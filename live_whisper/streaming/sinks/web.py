"""Captions as a page in a browser: for a second screen, a neighbour's eyes, an OBS browser source.

The server has a thread of its own. A client is sent the captions finished since its last message
and the newest state of the rest, at most eight times a second; one that reads slowly gets fewer
states, never a queue. It binds to this machine unless another address is given in so many words.
"""

import asyncio
import contextlib
import ipaddress
import json
import secrets
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from live_whisper.captions.cues import Cue, CueLimits
from live_whisper.captions.srt import timestamp
from live_whisper.errors import MissingDependencyError, UsageError, one_line
from live_whisper.streaming.sinks.view_state import ViewState
from live_whisper.types.events import Event

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

HISTORY_LINES: Final = 200
"""Finished captions kept for whoever opens the page later."""
MOST_CLIENTS: Final = 16
MESSAGE_SECONDS: Final = 1 / 8
"""Shortest time between two messages to a client."""
START_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 2.0

_FILES: Final = {
    "/": ("index.html", "text/html"),
    "/captions.css": ("captions.css", "text/css"),
    "/captions.js": ("captions.js", "text/javascript"),
}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the page is served."""

    host: str
    port: int
    """0: any that is free."""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """``PORT``, or ``HOST:PORT`` to be seen from elsewhere. Raises ``UsageError``."""
        host, separator, port = text.strip().rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if (
            not port.isascii()
            or not port.isdecimal()
            or int(port) > 65_535
            or (separator and not host)
        ):
            raise UsageError(
                f"{one_line(text, 60)!r} is no address for the page.",
                hint="Give a port, such as: --web 8040, or HOST:PORT.",
            )
        return cls(host or "127.0.0.1", int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine sees it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """What to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


class Board:
    """The captions as every client may ask for them. Any thread; memory is bounded."""

    def __init__(self, limits: CueLimits | None = None) -> None:
        self._state = ViewState(limits=limits)
        self._lines: deque[dict[str, object]] = deque(maxlen=HISTORY_LINES)
        self._lock = threading.Lock()
        self._count = 0
        self.run = secrets.token_hex(4)
        """Tells this run's captions from those of another that was served at the same place."""
        self.version = 0
        """Grows with every event."""
        self.ended = False

    def apply(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            self._state.apply(event)
            self._keep()

    def finish(self) -> None:
        """The run is over: the open caption becomes a finished one."""
        with self._lock:
            self._state.finish()
            self.ended = True
            self._keep()

    def _keep(self) -> None:
        for item in self._state.take_finished():
            if isinstance(item, Cue):
                self._count += 1
                time = timestamp(item.start)[:8]
                self._lines.append({"id": self._count, "time": time, "text": item.text})
        self.version += 1

    def message(self, after: int) -> tuple[int, str]:
        """The number of the newest finished caption, and JSON for a client that knows ``after``."""
        with self._lock:
            view, count = self._state.view(), self._count
            lines = [line for line in self._lines if int(str(line["id"])) > after]
        tails = [
            {"label": tail.label, "committed": tail.committed, "guess": tail.tentative}
            for tail in view.tails
        ]
        content = {
            "run": self.run,
            "lines": lines,
            "tails": tails,
            "state": "ended" if self.ended else view.state,
            "speaking": view.speaking,
            "lag": view.lag_tenths // 10,
            "language": view.language if view.language != "auto" else "",
        }
        return count, json.dumps(content, ensure_ascii=False)


class WebSink:
    """Serves the page. ``handle`` and ``close`` belong to one thread and wait for no client."""

    def __init__(self, address: Address, *, limits: CueLimits | None = None) -> None:
        """Raises ``UsageError`` where the address is taken, ``MissingDependencyError``."""
        self._board = Board(limits)
        listening = _listen(address)
        self.address = Address(address.host, int(listening.getsockname()[1]))
        """With the port that was found, where any was asked for."""
        self._notices = [(f"Captions are at {self.address.url}", "info")]
        if not self.address.is_loopback:
            warning = "Whoever reaches this machine on its network can read the captions."
            self._notices.append((warning, "warning"))
        self._server = _Server(self._board, self.address, listening)

    def handle(self, event: Event) -> None:
        """Take note of an event."""
        self._board.apply(event)
        self._server.wake()

    def take_notices(self) -> list[tuple[str, str]]:
        """Where the page is, once."""
        notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Tell the clients that it is over, and stop. May be called again."""
        self._board.finish()
        self._server.close()


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not an address of this machine"
        raise UsageError(
            f"The page cannot be served at {one_line(address.url, 80)}: {reason}.",
            hint="Choose another port, or 0 for any that is free.",
        ) from None


class Bell:
    """Wakes whatever waits in an event loop, from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[asyncio.Future[None]] = []

    def hang(self) -> None:
        """In the loop that is to be woken, before anything rings."""
        self._loop = asyncio.get_running_loop()

    def ring(self) -> None:
        """Something has changed."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, changed: Callable[[], bool]) -> None:
        """Return once ``changed``. What rings before is never missed: both run in the loop."""
        while not changed():
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future


class _Server:
    """uvicorn in a thread."""

    def __init__(self, board: Board, address: Address, listening: socket.socket) -> None:
        self._bell = Bell()
        try:
            import uvicorn  # noqa: PLC0415 - optional

            app = make_app(board, address, self._bell)
        except ImportError:
            listening.close()
            raise MissingDependencyError(
                "The page in the browser needs starlette and uvicorn.",
                hint="Run: pip install 'live-whisper[web]'.",
            ) from None
        self._listening = listening
        self._ready = threading.Event()
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # it would write into the live view
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="web page", daemon=True)
        self._thread.start()
        self._ready.wait(START_SECONDS)

    def _run(self) -> None:
        async def serve() -> None:
            self._bell.hang()
            self._ready.set()
            await self._uvicorn.serve(sockets=[self._listening])

        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(serve())

    def wake(self) -> None:
        """Something has happened. Any thread."""
        self._bell.ring()

    def close(self) -> None:
        """Let clients have the last message, then stop; left behind after a deadline."""
        self.wake()
        self._uvicorn.should_exit = True
        self._thread.join(CLOSE_SECONDS)
        self._listening.close()


def make_app(board: Board, address: Address, bell: Bell) -> "Starlette":
    """The page and its stream of messages."""
    from starlette.applications import Starlette  # noqa: PLC0415 - optional
    from starlette.responses import PlainTextResponse, Response, StreamingResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    clients = 0

    async def file(request: "Request") -> "Response":
        if not _known_host(request.headers.get("host", ""), address):
            return PlainTextResponse("Unknown host.", 421, _HEADERS)
        name, kind = _FILES[request.url.path]
        folder = resources.files("live_whisper") / "assets" / "web"
        return Response((folder / name).read_bytes(), media_type=kind, headers=_HEADERS)

    async def events(request: "Request") -> "Response":
        if not _known_host(request.headers.get("host", ""), address):
            return PlainTextResponse("Unknown host.", 421, _HEADERS)
        if clients >= MOST_CLIENTS:
            return PlainTextResponse("Too many readers.", 503, _HEADERS)
        run, _, last = request.headers.get("last-event-id", "").partition("-")
        known = run == board.run and last.isascii() and last.isdecimal() and len(last) < 10
        after = int(last) if known else 0
        return StreamingResponse(messages(after), media_type="text/event-stream", headers=_HEADERS)

    async def messages(after: int) -> AsyncIterator[str]:
        nonlocal clients
        clients += 1
        sent = ""
        try:
            while True:
                version, ended = board.version, board.ended
                after, text = board.message(after)
                if text != sent:
                    yield f"id: {board.run}-{after}\ndata: {text}\n\n"
                    sent = text
                if ended:
                    return
                await asyncio.sleep(MESSAGE_SECONDS)
                await bell.wait(lambda seen=version: board.version != seen)  # type: ignore[misc]
        finally:
            clients -= 1

    routes = [Route(path, file, methods=["GET"]) for path in _FILES]
    return Starlette(routes=[*routes, Route("/events", events, methods=["GET"])])


def _known_host(header: str, address: Address) -> bool:
    """Whether a request was meant for this page.

    A page elsewhere must not reach it by a name that it had pointed here (DNS rebinding); numbers
    cannot be pointed anywhere.
    """
    host = header.rpartition(":")[0] if not header.endswith("]") else header
    host = (host or header).removeprefix("[").removesuffix("]").casefold()
    name = socket.gethostname().casefold()
    known = {"localhost", address.host.casefold(), name, f"{name.partition('.')[0]}.local"}
    if host in known:  # a name in .local is asked of the local network only
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
