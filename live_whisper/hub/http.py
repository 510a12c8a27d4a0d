"""Requests to the Hub, through ``huggingface_hub``'s own HTTP session.

The session, the saved token and the addresses are ``huggingface_hub``'s; proxies and certificates
therefore work as its users expect. Nothing but the files asked for is requested and the user agent
names only this program, so there is no telemetry, and files come by plain HTTP (the Hub's "xet"
transfer needs a second host). ``HF_ENDPOINT``, ``HF_TOKEN`` and ``HF_HUB_OFFLINE`` are read when a
pull begins. A token goes to the endpoint alone: the session drops it on a redirect elsewhere.
"""

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import live_whisper
from live_whisper.clock import Clock
from live_whisper.errors import HubError, MissingDependencyError, one_line

DEFAULT_ENDPOINT: Final = "https://huggingface.co"

_CONNECT_S, _READ_S = 10.0, 30.0
_ATTEMPTS = 5  # in a row without a byte of progress
_ATTEMPTS_UNREACHABLE = 2  # while nothing was heard from the server at all
_LONGEST_WAIT_S = 30
_MAX_JSON_BYTES = 32 << 20
_TRUE = {"1", "on", "yes", "true"}

Result = TypeVar("Result")


class NotOnHubError(HubError):
    """No such repository, or a private one."""


class OfflineError(HubError):
    """The Hub cannot be reached, or must not be."""


class TransientError(Exception):
    """A fault that may pass: try again."""

    def __init__(self, reason: str, *, reached: bool, wait_s: float = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reached = reached
        """Whether a server answered at all."""
        self.wait_s = wait_s
        """What the server asked to wait."""


class Response(Protocol):
    """What is used of a streamed answer of ``httpx``."""

    @property
    def status_code(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Header values by name, in any letter case."""
        ...

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The body as it arrives, in blocks of ``chunk_size`` bytes."""
        ...


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Where and as whom to ask."""

    endpoint: str
    """Without a slash at the end."""
    token: str = ""
    """Empty: anonymous."""
    timeout_s: float = _READ_S
    """Seconds without a byte after which a connection counts as lost."""

    @classmethod
    def from_environment(cls) -> "HubSettings":
        """Read the variables now. Raises ``OfflineError`` under ``HF_HUB_OFFLINE``."""
        if os.environ.get("HF_HUB_OFFLINE", "").strip().casefold() in _TRUE:
            raise OfflineError("HF_HUB_OFFLINE is set, so nothing is downloaded.")
        endpoint = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or DEFAULT_ENDPOINT
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise HubError(f"HF_ENDPOINT is not an address: '{one_line(endpoint)}'.")
        return cls(endpoint=endpoint, token=_saved_token())


class HubClient:
    """Asks one Hub, again where a fault may pass. One thread at a time."""

    def __init__(
        self, settings: HubSettings, clock: Clock, cancel: threading.Event | None = None
    ) -> None:
        self.endpoint = settings.endpoint
        self._settings = settings
        self._clock = clock
        self._cancel = cancel if cancel is not None else threading.Event()
        self._session, self._network_errors = _open_session()

    def check_cancelled(self) -> None:
        """Raise ``HubError`` once the pull was cancelled."""
        if self._cancel.is_set():
            raise HubError("The download was cancelled; the next pull continues it.")

    def api_url(self, hub_id: str, revision: str) -> str:
        """Address of a repository's description at a revision, with file sizes and checksums."""
        where = f"{quote(hub_id)}/revision/{quote(revision or 'main', safe='')}"
        return f"{self.endpoint}/api/models/{where}?blobs=true"

    def file_url(self, hub_id: str, commit: str, name: str) -> str:
        """Address of one file at a commit."""
        from huggingface_hub import hf_hub_url  # noqa: PLC0415 - loaded by the first request

        return hf_hub_url(hub_id, name, revision=commit, endpoint=self.endpoint)

    def page(self, hub_id: str) -> str:
        """Address of a repository's page, for people."""
        return f"{self.endpoint}/{hub_id}"

    def retrying(self, action: Callable[[], Result], progress: Callable[[], int]) -> Result:
        """Run ``action``, again after a ``TransientError``, waiting longer each time.

        The count starts anew whenever ``progress()`` has grown. Raises ``OfflineError`` when no
        server answered, ``HubError`` when one did and it stays broken.
        """
        failures, reached, before = 0, False, progress()
        while True:
            self.check_cancelled()
            try:
                return action()
            except TransientError as error:
                reached = reached or error.reached
                failures = 1 if progress() > before else failures + 1
                before = progress()
                if failures >= (_ATTEMPTS if reached or before else _ATTEMPTS_UNREACHABLE):
                    raise self._gave_up(error.reason, reached=reached or before > 0) from error
                wait_s = min(_LONGEST_WAIT_S, max(error.wait_s, 2 ** (failures - 1)))
                self._clock.wait(self._cancel, int(wait_s * 1e9))

    def get_json(self, url: str, subject: str) -> object:
        """Fetch and parse JSON, with retries. ``subject`` names the model in messages."""

        def once() -> object:
            body = bytearray()
            with self.stream(url, subject) as response:
                for block in response.iter_bytes(1 << 16):
                    body += block
                    if len(body) > _MAX_JSON_BYTES:
                        raise HubError(f"The Hub's answer about {subject} is too long.")
            try:
                parsed: object = json.loads(body)
            except (ValueError, RecursionError) as error:
                raise HubError(f"The Hub's answer about {subject} is not JSON.") from error
            return parsed

        return self.retrying(once, lambda: 0)

    def head(self, url: str, subject: str) -> Mapping[str, str]:
        """Headers of a file's address before any redirect, with retries."""

        def once() -> Mapping[str, str]:
            with self.stream(url, subject, method="HEAD") as response:
                return response.headers

        return self.retrying(once, lambda: 0)

    @contextlib.contextmanager
    def stream(
        self, url: str, subject: str, *, method: str = "GET", offset: int = 0
    ) -> Iterator[Response]:
        """Open an answer once; ``offset`` asks for the rest of a file from that byte.

        Raises ``TransientError`` for what may pass, also from within the block, and ``HubError``
        for what will not. Yields only answers 200 and 206, of ``HEAD`` also redirects, and 416.
        """
        headers = {
            "user-agent": f"live-whisper/{live_whisper.__version__}",
            "accept-encoding": "identity",
        }
        if self._settings.token:
            headers["authorization"] = f"Bearer {self._settings.token}"
        if offset:
            headers["range"] = f"bytes={offset}-"
        read_s = self._settings.timeout_s
        reached = False
        try:
            with self._session.stream(
                method,
                url,
                headers=headers,
                timeout=(min(_CONNECT_S, read_s), read_s, read_s, read_s),
                follow_redirects=method != "HEAD",
            ) as response:
                reached = True
                self._check_status(response, subject)
                yield response
        except self._network_errors as error:
            reason = one_line(error) or type(error).__name__
            raise TransientError(reason, reached=reached) from error

    def _check_status(self, response: Response, subject: str) -> None:
        status, headers = response.status_code, response.headers
        if status in {200, 206, 416} or 300 <= status < 400:
            return
        code = headers.get("x-error-code", "")
        said = one_line(headers.get("x-error-message", ""), 160)
        if status in {408, 425, 429} or status >= 500:
            raise TransientError(
                f"it answered {status}", reached=True, wait_s=_seconds(headers.get("retry-after"))
            )
        if code == "RevisionNotFound":
            raise HubError(f"{subject} has no such revision.", hint=f"See {self.endpoint}.")
        if status == 401 and "credentials" in said.casefold():
            raise HubError(
                "The Hub refused the access token.",
                hint="Set HF_TOKEN to a valid one, or unset it for public models.",
            )
        if code == "GatedRepo" or status == 403:
            raise HubError(
                f"{subject} is gated: its owner asks for an agreement first.",
                hint="Accept its licence on its page, then set HF_TOKEN to your access token.",
            )
        if status in {401, 404}:
            private = " (a private one needs HF_TOKEN)" if not self._settings.token else ""
            raise NotOnHubError(f"{subject} was not found on the Hub{private}.")
        raise HubError(f"The Hub refused to give {subject}: {status} {said}".rstrip() + ".")

    def _gave_up(self, reason: str, *, reached: bool) -> HubError:
        if reached:
            return HubError(
                f"The download from {self.endpoint} keeps failing: {reason}.",
                hint="Pull again later; what has arrived is kept and continued.",
            )
        return OfflineError(f"{self.endpoint} cannot be reached ({reason}).")


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else 0


def _open_session() -> tuple[Any, tuple[type[Exception], ...]]:
    """The shared session and the errors it raises for faults of the network.

    The session is httpx's under huggingface_hub 1 and that of its successor under 2, so its error
    class is taken from whichever package the session's class comes from.
    """
    try:
        from huggingface_hub import get_session  # noqa: PLC0415 - see the package's docstring
    except ImportError as error:
        raise MissingDependencyError(
            "Downloading models needs huggingface_hub 1.0 or newer.",
            hint="Install it with: pip install -U huggingface_hub",
        ) from error
    session: Any = get_session()
    errors: list[type[Exception]] = [ConnectionError]  # not OSError: a full disk is one too
    for base in type(session).__mro__:
        package = sys.modules.get(base.__module__.partition(".")[0])
        for name in ("HTTPError", "InvalidURL", "StreamError"):
            kind = getattr(package, name, None)
            if isinstance(kind, type) and issubclass(kind, Exception):
                errors.append(kind)
    return session, tuple(dict.fromkeys(errors))


def _saved_token() -> str:
    """``HF_TOKEN``, else what ``hf auth login`` saved unless that is switched off."""
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if token := os.environ.get(variable, "").strip():
            return token
    switched_off = os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").strip().casefold() in _TRUE
    if switched_off:
        return ""
    _, errors = _open_session()
    from huggingface_hub import get_token  # noqa: PLC0415 - as above

    with contextlib.suppress(*errors, ValueError, RuntimeError):
        return (get_token() or "").strip()
    return ""
