"""The model list: short names, what they stand for, and how a model is written on a command line.

A model is named by a short name (``base``), a Hub id (``openai/whisper-base``), either with
``@REVISION``, or the address of its page. Sizes are those of the files that are fetched; the
number of parameters is that of the architecture.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from live_whisper.errors import ModelError, one_line

AudioContext: TypeAlias = Literal["full", "fit"]
"""``full``: windows are padded to 30 s. ``fit``: trained to work on as much audio as there is."""

DEMO: Final = "demo"
"""Name of the checkpoint that comes with the program."""

_MAX_REFERENCE = 300  # characters; a Hub id has at most 96, a revision about 100
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,120}")
_PAGE = re.compile(r"https?://(?:huggingface\.co|hf\.co)/([^/]+/[^/@]+)(?:/tree/(.+?))?/?")


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model with a short name."""

    name: str
    hub_id: str
    """``owner/name`` on the Hub; empty for the bundled demo checkpoint."""
    description: str
    languages: str
    """``multilingual``, or language codes joined by ``+``."""
    download_bytes: int
    """Approximate bytes that a pull fetches."""
    parameters: int
    """Weights of the network, approximate."""
    audio_context: AudioContext
    note: str = ""

    def speaks(self, language: str) -> bool:
        """Whether it was trained for ``language`` (a code such as ``ko``)."""
        return self.languages == "multilingual" or language in self.languages.split("+")


def _official(name: str, megabytes: int, millions: int, description: str) -> KnownModel:
    languages = "en" if name.endswith(".en") else "multilingual"
    return KnownModel(
        name=name,
        hub_id=f"openai/whisper-{name}",
        description=description,
        languages=languages,
        download_bytes=megabytes * 1_000_000,
        parameters=millions * 1_000_000,
        audio_context="full",
    )


def _distilled(name: str, megabytes: int, millions: int) -> KnownModel:
    return KnownModel(
        name=name,
        hub_id=f"distil-whisper/{name}",
        description="Distil-Whisper: the encoder of the model it is named after, two decoder layers"
        if name != "distil-small.en"
        else "Distil-Whisper: the encoder of small.en, four decoder layers",
        languages="en",
        download_bytes=megabytes * 1_000_000,
        parameters=millions * 1_000_000,
        audio_context="full",
    )


def _short_context(size: str, megabytes: int, millions: int) -> KnownModel:
    return KnownModel(
        name=f"acft-{size}",
        hub_id=f"futo-org/acft-whisper-{size}",
        description=f"{size}, fine-tuned for short audio contexts: the encoder costs a fraction",
        languages="en" if size.endswith(".en") else "multilingual",
        download_bytes=megabytes * 1_000_000,
        parameters=millions * 1_000_000,
        audio_context="fit",
        note="the cheapest way to live captions on a processor",
    )


KNOWN_MODELS: Final[tuple[KnownModel, ...]] = (
    KnownModel(
        name=DEMO,
        hub_id="",
        description="comes with the program; hears synthetic voices within a small vocabulary",
        languages="en+ko",
        download_bytes=0,
        parameters=4_000_000,
        audio_context="fit",
        note="for trying the program without a download, not for real speech",
    ),
    _official("tiny", 155, 39, "the fastest, for weak machines"),
    _official("base", 295, 74, "fast; clear speech"),
    _official("small", 971, 244, "a good middle"),
    _official("medium", 3060, 769, "slow without an accelerator"),
    _official("large-v1", 6178, 1550, "the first large; superseded by large-v3"),
    _official("large-v2", 6178, 1550, "superseded by large-v3, which repeats itself more"),
    _official("large-v3", 3092, 1550, "the most accurate"),
    _official("large-v3-turbo", 1622, 809, "large-v3 with four decoder layers; best on Macs"),
    _official("tiny.en", 155, 39, "tiny, English only"),
    _official("base.en", 295, 74, "base, English only"),
    _official("small.en", 971, 244, "small, English only"),
    _official("medium.en", 3060, 769, "medium, English only"),
    _distilled("distil-small.en", 337, 166),
    _distilled("distil-medium.en", 793, 394),
    _distilled("distil-large-v2", 1518, 756),
    _distilled("distil-large-v3", 1518, 756),
    _distilled("distil-large-v3.5", 3030, 756),
    _short_context("tiny", 232, 39),
    _short_context("base", 398, 74),
    _short_context("small", 1131, 244),
    _short_context("tiny.en", 232, 39),
    _short_context("base.en", 398, 74),
    _short_context("small.en", 1131, 244),
    KnownModel(
        name="ko-medium",
        hub_id="spow12/whisper-medium-zeroth_korean",
        description="medium, fine-tuned on Korean read speech (Zeroth)",
        languages="ko",
        download_bytes=3_060_000_000,
        parameters=769_000_000,
        audio_context="full",
        note="read speech; the tokenizer files are taken from openai's multilingual checkpoint",
    ),
    KnownModel(
        name="ko-turbo",
        hub_id="ghost613/whisper-large-v3-turbo-korean",
        description="large-v3-turbo, fine-tuned on Korean read speech (Zeroth)",
        languages="ko",
        download_bytes=3_240_000_000,
        parameters=809_000_000,
        audio_context="full",
        note="read speech; its licence is not stated",
    ),
)
"""Every short name, in the order in which they are shown."""

ALIASES: Final = {"large": "large-v3", "turbo": "large-v3-turbo"}

_BY_NAME: Final = {model.name: model for model in KNOWN_MODELS}
_BY_HUB_ID: Final = {model.hub_id.casefold(): model for model in KNOWN_MODELS if model.hub_id}

TOKENIZER_SOURCES: Final = {
    51864: "openai/whisper-base.en",
    51865: "openai/whisper-base",
    51866: "openai/whisper-large-v3-turbo",
}
"""Where a fine-tune without tokenizer files gets them, by the size of its vocabulary."""


@dataclass(frozen=True, slots=True)
class HubReference:
    """A model on the Hub, as the user wrote it."""

    hub_id: str
    """``owner/name``."""
    revision: str
    """Branch, tag, commit or ``refs/pr/N``; empty where none was written."""

    @property
    def known(self) -> KnownModel | None:
        """Its entry in the model list."""
        return by_hub_id(self.hub_id)

    @property
    def label(self) -> str:
        """What to call it in a message or a command: the short name where it has one."""
        name = self.known.name if self.known else self.hub_id
        return f"{name}@{self.revision}" if self.revision else name


def by_name(name: str) -> KnownModel | None:
    """The model with this short name or alias, in any letter case."""
    folded = name.strip().casefold()
    return _BY_NAME.get(ALIASES.get(folded, folded))


def by_hub_id(hub_id: str) -> KnownModel | None:
    """The listed model with this Hub id, in any letter case."""
    return _BY_HUB_ID.get(hub_id.casefold())


def is_hub_id(text: str) -> bool:
    """Whether ``text`` has the form ``owner/name`` that the Hub allows."""
    return bool(_HUB_ID.fullmatch(text)) and not any(bad in text for bad in ("..", "--"))


def parse_reference(text: str) -> HubReference:
    """Read a short name, a Hub id or a page address, each with an optional ``@REVISION``.

    Raises ``ModelError`` for anything else, with the nearest names; also for ``demo``, which is
    not on the Hub.
    """
    written = text.strip()
    if not written or len(written) > _MAX_REFERENCE:
        raise unknown_model(written[:_MAX_REFERENCE])
    if page := _PAGE.fullmatch(written):
        written = f"{page[1]}@{page[2]}" if page[2] else page[1]
    name, at, revision = written.partition("@")
    if at and (not _REVISION.fullmatch(revision) or ".." in revision or "//" in revision):
        raise ModelError(f"'{one_line(revision)}' is not a branch, tag or commit.")
    if is_hub_id(name):
        return HubReference(hub_id=name, revision=revision)
    model = by_name(name)
    if model is None:
        raise unknown_model(name)
    if not model.hub_id:
        raise ModelError(f"'{model.name}' comes with the program and is not on the Hub.")
    return HubReference(hub_id=model.hub_id, revision=revision)


def nearest_names(text: str, extra: Iterable[str] = ()) -> tuple[str, ...]:
    """Up to three names of the list (or of ``extra``) that resemble ``text``, best first."""
    folded = text.strip().casefold().partition("@")[0]
    ids = {model.hub_id.casefold(): model.name for model in KNOWN_MODELS if model.hub_id}
    table = {**{name: name for name in (*_BY_NAME, *ALIASES)}, **ids}
    table.update({name.casefold(): name for name in extra})
    tail = folded.rpartition("/")[2].removeprefix("whisper-")
    found = [*difflib.get_close_matches(folded, table, n=3, cutoff=0.6)]
    found += difflib.get_close_matches(tail, table, n=3, cutoff=0.6)
    return tuple(dict.fromkeys(table[key] for key in found))[:3]


def unknown_model(text: str, extra: Iterable[str] = ()) -> ModelError:
    """The error for a name that is neither known nor a Hub id."""
    near = nearest_names(text, extra)
    hint = f"Did you mean {' or '.join(near)}?" if near else "See: live-whisper models"
    return ModelError(f"There is no model called '{one_line(text, 80)}'.", hint=hint)
