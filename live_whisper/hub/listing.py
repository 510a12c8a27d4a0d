"""What a repository holds, from the Hub's description of it, and which of its files are needed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from live_whisper.errors import HubError, one_line
from live_whisper.hub.manifest import is_commit, is_plain_file_name, is_sha256
from live_whisper.hub.names import is_hub_id

CONFIG: Final = "config.json"
WEIGHTS: Final = "model.safetensors"
WEIGHTS_INDEX: Final = "model.safetensors.index.json"

SETTINGS_FILES: Final = ("generation_config.json", "preprocessor_config.json")
TOKENIZER_FILES: Final = (
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
    "normalizer.json",
)
_VOCABULARIES = ("tokenizer.json", "vocab.json")

_MAX_FILE_BYTES = 1 << 40
_MAX_SHARDS = 64
_GIT_SHA1 = re.compile(r"[0-9a-f]{40}")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a repository at a commit."""

    hub_id: str
    commit: str
    name: str
    size: int | None
    """Bytes; ``None`` where the description does not say."""
    sha256: str = ""
    """Of files kept in LFS."""
    git_sha1: str = ""
    """Git blob id of the others."""

    @property
    def checkable(self) -> bool:
        """Whether what arrives can be compared with something."""
        return self.size is not None and bool(self.sha256 or self.git_sha1)


@dataclass(frozen=True, slots=True)
class Repository:
    """A model repository at a commit."""

    hub_id: str
    commit: str
    files: Mapping[str, RemoteFile]
    """Files with plain names only: whatever lies in a folder is never needed."""
    has_pickles: bool


def parse_repository(answer: object, subject: str) -> Repository:
    """Read ``/api/models/{id}/revision/{revision}``. Raises ``HubError`` for any other JSON."""
    if not isinstance(answer, dict):
        raise _unexpected(subject)
    hub_id, commit = answer.get("id") or answer.get("modelId"), answer.get("sha")
    siblings = answer.get("siblings")
    if not (isinstance(hub_id, str) and is_hub_id(hub_id)):
        raise _unexpected(subject)
    if not is_commit(commit):
        raise HubError(f"The Hub names no commit for {subject}, so it cannot be pinned.")
    if not isinstance(siblings, list):
        raise _unexpected(subject)
    files: dict[str, RemoteFile] = {}
    has_pickles = False
    for sibling in siblings:
        name = sibling.get("rfilename") if isinstance(sibling, dict) else None
        if is_plain_file_name(name):
            files[name] = _parse_file(sibling, hub_id, commit)
            has_pickles = has_pickles or name.endswith(_PICKLES)
    return Repository(hub_id=hub_id, commit=commit, files=files, has_pickles=has_pickles)


def _parse_file(sibling: dict[str, Any], hub_id: str, commit: str) -> RemoteFile:
    lfs = sibling.get("lfs")
    lfs = lfs if isinstance(lfs, dict) else {}
    sha256, blob = lfs.get("sha256"), sibling.get("blobId")
    size = lfs.get("size") if lfs else sibling.get("size")
    is_size = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < _MAX_FILE_BYTES
    # The blob id of an LFS file is that of its pointer and says nothing about the content.
    is_blob = not lfs and isinstance(blob, str) and bool(_GIT_SHA1.fullmatch(blob))
    return RemoteFile(
        hub_id=hub_id,
        commit=commit,
        name=sibling["rfilename"],
        size=size if is_size else None,
        sha256=sha256 if isinstance(sha256, str) and is_sha256(sha256) else "",
        git_sha1=blob if is_blob and isinstance(blob, str) else "",
    )


def with_headers(file: RemoteFile, headers: Mapping[str, str]) -> RemoteFile:
    """Complete a file's size and checksum from the headers of its address.

    The Hub sends ``X-Linked-Etag`` and ``X-Linked-Size`` for files it keeps elsewhere.
    """
    etag = headers.get("x-linked-etag") or headers.get("etag") or ""
    etag = etag.strip().removeprefix("W/").strip('"').casefold()
    length = headers.get("x-linked-size") or headers.get("content-length") or ""
    size = int(length) if length.isascii() and length.isdigit() and len(length) < 14 else None
    sha256 = etag if is_sha256(etag) else ""
    return RemoteFile(
        hub_id=file.hub_id,
        commit=file.commit,
        name=file.name,
        size=file.size if file.size is not None else size,
        sha256=file.sha256 or sha256,
        git_sha1=file.git_sha1 or (etag if _GIT_SHA1.fullmatch(etag) else ""),
    )


def config_file(repository: Repository, subject: str) -> RemoteFile:
    """The file to fetch first. Raises ``HubError`` where the repository cannot be a checkpoint."""
    config = repository.files.get(CONFIG)
    if config is None:
        adapter = "adapter_config.json" in repository.files
        what = "only an adapter (LoRA) for a checkpoint" if adapter else "no config.json"
        raise HubError(f"{subject} is not a Whisper checkpoint: it holds {what}.")
    if WEIGHTS in repository.files or WEIGHTS_INDEX in repository.files:
        return config
    if repository.has_pickles:
        raise HubError(
            f"{subject} holds its weights only as pickle files, which can run code when opened.",
            hint="If its page has an automatic conversion as pull request N, pull "
            f"{repository.hub_id}@refs/pr/N; else ask its owner for safetensors.",
        )
    raise HubError(f"{subject} has no model.safetensors.")


def check_config(config: object, subject: str) -> int:
    """Size of the vocabulary, once it is sure that this is a Whisper checkpoint.

    Raises ``HubError`` otherwise, before anything large is fetched.
    """
    config = config if isinstance(config, dict) else {}
    kind = config.get("model_type")
    if kind != "whisper":
        named = isinstance(kind, str) and one_line(kind, 40)
        said = f"its model type is {named}" if named else "its config.json names no model type"
        raise HubError(f"{subject} is not a Whisper checkpoint: {said}.")
    size = config.get("vocab_size")
    if not isinstance(size, int) or isinstance(size, bool):
        raise HubError(f"The config.json of {subject} gives no vocab_size.")
    return size


def tokenizer_files(repository: Repository) -> tuple[RemoteFile, ...]:
    """Its tokenizer files; none where there is no vocabulary among them."""
    if not any(name in repository.files for name in _VOCABULARIES):
        return ()
    return tuple(repository.files[name] for name in TOKENIZER_FILES if name in repository.files)


def shard_names(index: object, repository: Repository, subject: str) -> tuple[str, ...]:
    """Weight files that an index names. Raises ``HubError`` for one that is not in the repository.

    Only plain ``*.safetensors`` names count, so an index cannot point anywhere else.
    """
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise HubError(f"The weight index of {subject} names no files.")
    strange = any(
        not isinstance(name, str)
        or not name.endswith(".safetensors")
        or name not in repository.files
        for name in weight_map.values()
    )
    names = set() if strange else set(weight_map.values())
    if strange or len(names) > _MAX_SHARDS:
        raise HubError(f"The weight index of {subject} names files that it does not have.")
    return tuple(sorted(names))


def _unexpected(subject: str) -> HubError:
    return HubError(f"The Hub's answer about {subject} is not a description of a model.")
