"""Fetch a checkpoint from the Hub into the store.

In order: what the repository holds at which commit · its ``config.json``, which decides whether
this is Whisper at all · the tokenizer and settings · the weights. Everything after the first
answer is asked for at that commit, so a push in between cannot mix two versions.
"""

import errno
import json
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from live_whisper.clock import Clock, MonotonicClock, wall_time_ns
from live_whisper.errors import HubError, one_line
from live_whisper.hub import listing
from live_whisper.hub.download import completed, fetch, fetched_size
from live_whisper.hub.http import HubClient, HubSettings, NotOnHubError, OfflineError
from live_whisper.hub.listing import RemoteFile, Repository
from live_whisper.hub.manifest import InstalledModel, Manifest, StoredFile
from live_whisper.hub.names import (
    TOKENIZER_SOURCES,
    HubReference,
    nearest_names,
    parse_reference,
)
from live_whisper.hub.store import ModelStore, store_error
from live_whisper.hub.text import size_text

Stage: TypeAlias = Literal["looking up", "waiting", "checking", "downloading"]
Outcome: TypeAlias = Literal["downloaded", "repaired", "already here", "kept offline"]

_SPARE_BYTES: Final = 64 << 20  # left free on the disk
_MAX_PARSED_BYTES: Final = 16 << 20  # of config.json and the weight index
_FULL: Final = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is. ``waiting``: another process is pulling the same model."""

    stage: Stage
    file: str
    """The file being fetched or checked; empty before."""
    done_bytes: int
    total_bytes: int
    """0 while it is not known."""


@dataclass(frozen=True, slots=True)
class PullResult:
    """A model that is on disk now."""

    model: InstalledModel
    outcome: Outcome
    """``kept offline``: the Hub could not be asked, but the model was there."""


@dataclass(frozen=True, slots=True)
class PullControls:
    """How a pull is watched and stopped."""

    on_progress: Callable[[PullProgress], None] | None = None
    """Called in the pulling thread; what it raises ends the pull, which stays resumable."""
    cancel: threading.Event | None = None
    """Set it from any thread to end the pull with ``HubError``; it stays resumable."""
    clock: Clock | None = None
    """Only for the pauses between attempts."""


def pull(
    model: str,
    store: ModelStore,
    *,
    controls: PullControls | None = None,
    settings: HubSettings | None = None,
) -> PullResult:
    """Bring ``model`` (short name or Hub id, ``@REVISION`` allowed) into ``store``.

    ``settings`` defaults to the environment's. A model that is already there is verified, and
    what is damaged is fetched again. Blocks; may be called from any thread and at once from
    several processes. Raises ``ModelError`` for an unknown name and ``HubError`` for the rest;
    whatever it raises, what has arrived is continued by the next pull.
    """
    reference = parse_reference(model)
    controls = controls or PullControls()
    try:
        return _Pull(reference, store, controls, settings).run()
    except OfflineError as error:
        if kept := store.find(reference):
            return PullResult(model=kept[0], outcome="kept offline")
        raise OfflineError(error.message, hint=store.on_disk_hint()) from error
    except NotOnHubError as error:
        near = nearest_names(model)
        hint = f"Did you mean {' or '.join(near)}?" if near else "See: live-whisper models"
        raise NotOnHubError(error.message, hint=hint) from error
    except OSError as error:
        if error.errno in _FULL:
            raise HubError(
                f"The disk is full: {store.root}.",
                hint="Free some space and pull again; what has arrived is continued.",
            ) from error
        raise store_error(store.root, error) from error


class _Pull:
    """One run of ``pull``."""

    def __init__(
        self,
        reference: HubReference,
        store: ModelStore,
        controls: PullControls,
        settings: HubSettings | None,
    ) -> None:
        self._reference = reference
        self._store = store
        self._controls = controls
        self._client = HubClient(
            settings if settings is not None else HubSettings.from_environment(),
            controls.clock or MonotonicClock(),
            controls.cancel,
        )
        self._subject = one_line(reference.hub_id)
        self._total = 0
        self._done: dict[str, int] = {}

    def run(self) -> PullResult:
        """Look it up, take the lock, fetch what is missing, name the folder."""
        self._report("looking up", "")
        repository = self._look_up(self._reference.hub_id, self._reference.revision)
        key = self._store.folder_name(repository.hub_id, repository.commit)
        with self._store.lock(
            key, cancel=self._controls.cancel, on_wait=lambda: self._report("waiting", "")
        ):
            outcome: Outcome = "downloaded"
            if installed := self._installed(repository):
                problems = self._store.verify(installed, self._report_check).problems
                if not problems:
                    return PullResult(model=installed, outcome="already here")
                self._store.reopen(installed, problems)
                outcome = "repaired"
            return PullResult(model=self._gather(repository), outcome=outcome)

    def _look_up(self, hub_id: str, revision: str) -> Repository:
        answer = self._client.get_json(self._client.api_url(hub_id, revision), self._subject)
        return listing.parse_repository(answer, self._subject)

    def _installed(self, repository: Repository) -> InstalledModel | None:
        pinned = HubReference(hub_id=repository.hub_id, revision=repository.commit)
        found = self._store.find(pinned)
        return found[0] if found else None

    def _gather(self, repository: Repository) -> InstalledModel:
        partial = self._store.partial_folder(repository.hub_id, repository.commit)
        partial.mkdir(parents=True, exist_ok=True)
        config = completed(
            self._client, listing.config_file(repository, self._subject), self._subject
        )
        stored = self._fetch_all([config], partial)
        vocabulary = listing.check_config(_read_json(partial / config.name), self._subject)
        rest, tokenizer_from = self._plan(repository, vocabulary, partial)
        self._check_space(rest, partial)
        stored += self._fetch_all(rest, partial)
        known = self._reference.known
        model = self._store.commit(
            partial,
            Manifest(
                hub_id=repository.hub_id,
                revision=repository.commit,
                requested=self._reference.revision,
                asked_id=self._reference.hub_id,
                pulled_ns=wall_time_ns(),
                audio_context=known.audio_context if known else "full",
                tokenizer_from=tokenizer_from,
                files=tuple(stored),
            ),
        )
        self._store.drop_stale_partials(repository.hub_id)
        return model

    def _plan(
        self, repository: Repository, vocabulary: int, partial: Path
    ) -> tuple[list[RemoteFile], str]:
        """Every file but ``config.json``, the small ones first, and the tokenizer's origin."""
        files = [repository.files[n] for n in listing.SETTINGS_FILES if n in repository.files]
        tokenizer, origin = listing.tokenizer_files(repository), ""
        if not tokenizer:
            tokenizer, origin = self._borrowed_tokenizer(vocabulary)
        files += tokenizer
        if listing.WEIGHTS in repository.files:
            files.append(repository.files[listing.WEIGHTS])
        else:
            index = completed(self._client, repository.files[listing.WEIGHTS_INDEX], self._subject)
            self._fetch_all([index], partial)
            names = listing.shard_names(_read_json(partial / index.name), repository, self._subject)
            files += [index, *(repository.files[name] for name in names)]
        return [completed(self._client, file, self._subject) for file in files], origin

    def _borrowed_tokenizer(self, vocabulary: int) -> tuple[tuple[RemoteFile, ...], str]:
        """Tokenizer files of the official checkpoint with the same vocabulary.

        Many fine-tunes publish only weights; they keep the vocabulary of what they started from.
        """
        source = TOKENIZER_SOURCES.get(vocabulary)
        if source is None:
            raise HubError(
                f"{self._subject} has no tokenizer files, and no official checkpoint has its "
                f"vocabulary of {vocabulary}."
            )
        official = self._look_up(source, "")
        files = listing.tokenizer_files(official)
        if not files:
            raise HubError(f"{self._subject} has no tokenizer files, and {source} has none either.")
        return files, f"{official.hub_id}@{official.commit}"

    def _check_space(self, files: Sequence[RemoteFile], partial: Path) -> None:
        missing = sum((file.size or 0) - fetched_size(partial, file) for file in files)
        free = shutil.disk_usage(partial).free
        if missing + _SPARE_BYTES > free:
            raise HubError(
                f"{self._subject} needs {size_text(missing)} more, and {size_text(free)} are free "
                f"at {self._store.root}.",
                hint="Free some space, or remove a model: live-whisper models rm NAME",
            )

    def _fetch_all(self, files: Sequence[RemoteFile], partial: Path) -> list[StoredFile]:
        """Fetch in order. The total grows as the plan becomes known; it never shrinks."""
        for file in files:
            if file.name not in self._done:
                self._done[file.name] = 0
                self._total += file.size or 0
        stored = []
        for file in files:

            def advance(size: int, name: str = file.name) -> None:
                self._done[name] = size
                self._report("downloading", name)

            stored.append(fetch(self._client, file, partial, advance))
        return stored

    def _report(self, stage: Stage, file: str) -> None:
        if self._controls.on_progress is not None:
            done = sum(self._done.values())
            self._controls.on_progress(PullProgress(stage, file, done, self._total))

    def _report_check(self, file: str, done: int, total: int) -> None:
        self._client.check_cancelled()
        if self._controls.on_progress is not None:
            self._controls.on_progress(PullProgress("checking", file, done, total))


def _read_json(path: Path) -> object:
    """JSON of a fetched file, ``None`` where it is not JSON."""
    if path.stat().st_size > _MAX_PARSED_BYTES:
        return None
    try:
        parsed: object = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return parsed
