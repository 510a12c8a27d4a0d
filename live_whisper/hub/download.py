"""One file from the Hub into a folder: continued where it stopped, checked, then named."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from live_whisper.errors import HubError
from live_whisper.hub.checksums import file_checksums
from live_whisper.hub.http import HubClient, TransientError
from live_whisper.hub.listing import RemoteFile, with_headers
from live_whisper.hub.manifest import StoredFile, is_plain_file_name

PART_SUFFIX: Final = ".part"


def completed(client: HubClient, file: RemoteFile, subject: str) -> RemoteFile:
    """``file`` with size and checksum, asking for its headers where the description lacks them.

    Raises ``HubError`` where neither gives them: nothing unchecked is kept.
    """
    if file.checkable:
        return file
    url = client.file_url(file.hub_id, file.commit, file.name)
    full = with_headers(file, client.head(url, subject))
    if not full.checkable:
        raise HubError(
            f"The Hub gives no checksum for {file.name} of {subject}, so it cannot be verified."
        )
    return full


def fetched_size(folder: Path, file: RemoteFile) -> int:
    """Bytes of ``file`` that lie in ``folder`` already, finished or not."""
    for path in (folder / file.name, folder / (file.name + PART_SUFFIX)):
        if path.is_file():
            return min(path.stat().st_size, file.size or 0)
    return 0


def fetch(
    client: HubClient, file: RemoteFile, folder: Path, on_bytes: Callable[[int], None]
) -> StoredFile:
    """Bring ``file`` into ``folder`` and verify it. Call under the folder's lock.

    ``on_bytes`` gets the number of bytes of this file that are there, which can fall back when
    what had arrived was wrong. Raises ``HubError``, and ``OSError`` where the folder cannot be
    written.
    """
    if not is_plain_file_name(file.name) or file.size is None:
        raise HubError(f"'{file.name!r}' is not a file that can be fetched.")
    done = folder / file.name
    if done.is_file():
        if stored := _verified(done, file):
            on_bytes(stored.size)
            return stored
        done.unlink()
    part = folder / (file.name + PART_SUFFIX)
    resumed = part.is_file() and part.stat().st_size > 0
    stored = _download(client, file, part, on_bytes)
    if stored is None and resumed:  # what lay there from an earlier pull may have been damaged
        part.unlink(missing_ok=True)
        stored = _download(client, file, part, on_bytes)
    if stored is None:
        part.unlink(missing_ok=True)
        raise HubError(
            f"{file.name} of {file.hub_id} arrived damaged: its checksum differs.",
            hint="Pull again; if it stays so, something between here and the Hub alters files.",
        )
    with part.open("rb+") as handle:
        os.fsync(handle.fileno())
    part.replace(done)
    return stored


def _download(
    client: HubClient, file: RemoteFile, part: Path, on_bytes: Callable[[int], None]
) -> StoredFile | None:
    url = client.file_url(file.hub_id, file.commit, file.name)
    part.touch()
    client.retrying(
        lambda: _receive(client, url, file, part, on_bytes), lambda: part.stat().st_size
    )
    return _verified(part, file)


def _receive(
    client: HubClient, url: str, file: RemoteFile, part: Path, on_bytes: Callable[[int], None]
) -> None:
    """Append what is missing. Raises ``TransientError`` when the connection ends early."""
    size = file.size or 0
    with part.open("ab") as out:
        have = out.tell()
        if have > size:  # left by another version of the file
            out.truncate(0)
            have = 0
        if have == size:
            on_bytes(have)
            return
        with client.stream(url, file.hub_id, offset=have) as response:
            if response.status_code == 416:
                out.truncate(0)
                raise TransientError("it refused to continue a file", reached=True)
            if have and not _continues(response.status_code, response.headers, have):
                out.truncate(0)  # the server sends the file from its beginning
                have = 0
                if response.status_code == 206:
                    raise TransientError("it sent another part of a file", reached=True)
            for block in response.iter_bytes():  # as they arrive: a cut loses nothing
                client.check_cancelled()
                if have + len(block) > size:
                    raise HubError(f"{file.name} of {file.hub_id} is longer than the Hub says.")
                out.write(block)
                have += len(block)
                on_bytes(have)
    if have < size:
        raise TransientError(f"the connection ended after {have} of {size} bytes", reached=True)


def _continues(status: int, headers: Mapping[str, str], offset: int) -> bool:
    """Whether the answer is the rest of the file from ``offset``, byte for byte."""
    start = headers.get("content-range", "").removeprefix("bytes ").partition("-")[0].strip()
    plain = headers.get("content-encoding", "identity") == "identity"
    return status == 206 and start == str(offset) and plain


def _verified(path: Path, file: RemoteFile) -> StoredFile | None:
    """The file's record if it is exactly what the Hub described."""
    size = path.stat().st_size
    if size != file.size:
        return None
    sha256, git_sha1 = file_checksums(path, git=bool(file.git_sha1))
    if (file.sha256 and sha256 != file.sha256) or (file.git_sha1 and git_sha1 != file.git_sha1):
        return None
    return StoredFile(name=file.name, size=size, sha256=sha256)
