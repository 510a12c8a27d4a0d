"""A server on this machine that answers as the Hub does, with faults on request."""

import hashlib
import json
import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

BASE = "openai/whisper-base"
FETCHED = {
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "model.safetensors",
}
WEIGHTS = "model.safetensors"
CDN = f"/cdn/{BASE}/0123456789abcdef0123456789abcdef01234567"


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def safetensors(seed: int, count: int = 60_000) -> bytes:
    """A small but real safetensors file."""
    data = np.random.default_rng(seed).standard_normal(count).astype("<f4").tobytes()
    header = {"proj": {"dtype": "F32", "shape": [count], "data_offsets": [0, len(data)]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def checkpoint_files(seed: int = 1, **config: object) -> dict[str, bytes]:
    settings = {
        "model_type": "whisper",
        "vocab_size": 51865,
        "d_model": 64,
        "encoder_layers": 1,
        "decoder_layers": 1,
    }
    settings.update(config)
    vocabulary = json.dumps({f"t{i}": i for i in range(3000)}).encode()
    return {
        ".gitattributes": b"*.safetensors filter=lfs\n",
        "README.md": b"# a model\n",
        "config.json": json.dumps(settings).encode(),
        "generation_config.json": b'{"alignment_heads": [[0, 0]]}',
        "preprocessor_config.json": b'{"feature_size": 80}',
        "vocab.json": vocabulary,
        "merges.txt": b"#version: 0.2\nt 1\n",
        "added_tokens.json": b"{}",
        "model.safetensors": safetensors(seed),
        "pytorch_model.bin": b"\x80\x04not to be fetched",
        "flax_model.msgpack": b"not to be fetched",
    }


@dataclass
class Repo:
    files: dict[str, bytes]
    commit: str = "0123456789abcdef0123456789abcdef01234567"
    revisions: dict[str, str] = field(default_factory=dict)
    """Other names of the commit."""
    gated_status: int = 0
    renamed_to: str = ""
    describes_checksums: bool = True
    sends_etags: bool = True
    extra_siblings: list[object] = field(default_factory=list)

    def is_lfs(self, name: str) -> bool:
        return name.endswith((".safetensors", ".bin", ".msgpack"))


@dataclass
class Fault:
    """Applied to the next ``times`` requests whose path contains ``path``."""

    path: str
    times: int = 1
    method: str = "GET"
    status: int = 0
    cut_after: int = -1
    """Bytes of the body before the connection is cut."""
    content: bytes | None = None
    ignore_range: bool = False
    wrong_range: bool = False
    hang: bool = False
    body: bytes | None = None
    """The whole answer, with status 200."""


class FakeHub:
    """State and log of the two servers: the Hub and its file store on another origin."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.faults: list[Fault] = []
        self.stale_tokens: set[str] = set()
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.gate: threading.Event | None = None
        """Where set, weights are sent only up to the middle until this is set."""
        self.at_gate = threading.Event()
        self.endpoint = ""
        self.store_endpoint = ""

    def paths(self, method: str = "GET") -> list[str]:
        return [path for kind, path, _ in self.requests if kind == method]

    def downloads(self, name: str) -> list[dict[str, str]]:
        return [
            headers
            for kind, path, headers in self.requests
            if kind == "GET" and path.startswith("/cdn/") and path.endswith(f"/{name}")
        ]

    def take_fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.method == method and fault.path in path:
                    fault.times -= 1
                    return fault
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, *_args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer("HEAD")

    def do_GET(self) -> None:
        self.answer("GET")

    def answer(self, method: str) -> None:
        path = unquote(urlsplit(self.path).path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.hub.requests.append((method, path, headers))
        fault = self.hub.take_fault(method, path)
        if fault and fault.hang:
            self.hub.released.wait(20)
            self.close_connection = True
            return
        if headers.get("authorization") in self.hub.stale_tokens:
            said = "Invalid credentials in Authorization header"
            self.reply(401, b"{}", {"X-Error-Message": said})
        elif fault and fault.status:
            self.reply(fault.status, b"{}")
        elif fault and fault.body is not None:
            self.reply(200, fault.body)
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
            self.describe(found[1], found[2])
        elif found := re.fullmatch(r"/cdn/([^/]+/[^/]+)/[0-9a-f]{40}/(.+)", path):
            self.send_file(self.hub.repos[found[1]].files[found[2]], fault)
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self.redirect(method, found[1], found[3])
        else:
            self.reply(404, b"")

    def find(self, hub_id: str) -> Repo | None:
        repo = self.hub.repos.get(hub_id)
        if repo is None:
            # The Hub does not tell strangers whether a repository exists.
            status = 404 if "authorization" in self.headers else 401
            self.reply(status, b"{}", {"X-Error-Code": "RepoNotFound"})
        return repo

    def describe(self, hub_id: str, revision: str) -> None:
        repo = self.find(hub_id)
        if repo is None:
            return
        if repo.renamed_to:
            url = f"{self.hub.endpoint}/api/models/{repo.renamed_to}/revision/{revision}?blobs=true"
            self.reply(307, b"", {"Location": url})
            return
        if revision not in {"main", repo.commit, *repo.revisions}:
            self.reply(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return
        assert parse_qs(urlsplit(self.path).query) == {"blobs": ["true"]}
        siblings: list[object] = list(repo.extra_siblings)
        for name, content in repo.files.items():
            entry: dict[str, object] = {"rfilename": name}
            if repo.describes_checksums:
                entry |= {"size": len(content), "blobId": git_sha1(content)}
                if repo.is_lfs(name):
                    sha256 = hashlib.sha256(content).hexdigest()
                    entry["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        answer = {"id": hub_id, "modelId": hub_id, "sha": repo.commit, "siblings": siblings}
        self.reply(200, json.dumps(answer).encode(), {"X-Repo-Commit": repo.commit})

    def redirect(self, method: str, hub_id: str, name: str) -> None:
        repo = self.find(hub_id)
        if repo is None:
            return
        if repo.gated_status and self.headers.get("authorization") != "Bearer good":
            self.reply(repo.gated_status, b"{}", {"X-Error-Code": "GatedRepo"})
            return
        if name not in repo.files:
            self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        content = repo.files[name]
        headers = {"X-Repo-Commit": repo.commit, "Accept-Ranges": "bytes"}
        headers["Location"] = f"{self.hub.store_endpoint}/cdn/{hub_id}/{repo.commit}/{name}"
        if repo.sends_etags:
            lfs = repo.is_lfs(name)
            etag = hashlib.sha256(content).hexdigest() if lfs else git_sha1(content)
            headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(content))}
        self.reply(302, b"", headers)

    def send_file(self, content: bytes, fault: Fault | None) -> None:
        content = fault.content if fault and fault.content is not None else content
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        start = int(asked[1]) if asked else 0
        headers = {"ETag": '"cdn"'}
        status = 200
        if asked and start >= len(content):
            self.reply(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        if asked and not (fault and fault.ignore_range):
            status = 206
            if fault and fault.wrong_range:
                start = 0
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content = content[start:]
        cut = fault.cut_after if fault else -1
        if cut < 0 and self.hub.gate is not None and len(content) > 100_000:
            self.send_headers(status, len(content), headers)
            middle = len(content) // 2
            self.wfile.write(content[:middle])
            self.wfile.flush()
            self.hub.at_gate.set()
            self.hub.gate.wait(30)
            self.wfile.write(content[middle:])
            return
        if cut >= 0:
            self.send_headers(status, len(content), headers)
            self.wfile.write(content[:cut])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.reply(status, content, headers)

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_headers(status, len(body), headers or {})
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_headers(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what several tests are about."""
