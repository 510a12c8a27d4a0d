"""Options, files and variables to one configuration."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import platformdirs

from live_whisper.config.load import Loaded, load
from live_whisper.config.schema import Config
from live_whisper.errors import InputError, UsageError, one_line

APP = "live-whisper"
MOST_GLOSSARY_BYTES = 64 * 1024


def user_folder() -> Path:
    """Where the user's ``config.toml`` and own profiles are."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False))


def settings(
    *,
    profiles: Iterable[str] | None = None,
    assignments: Iterable[str] | None = None,
    options: Mapping[str, object | None] | None = None,
    glossary: Path | None = None,
) -> Loaded:
    """All layers; options that were not given (``None``) set nothing. Languages become codes.

    Raises ``ConfigError``, ``UsageError`` for a language, ``InputError`` for the glossary.
    """
    given = {key: value for key, value in (options or {}).items() if value is not None}
    assignments = tuple(assignments or ())
    _check_text([*assignments, *given.values()])
    if glossary is not None:
        given["recognition.glossary"] = read_glossary(glossary)
    loaded = load(
        profiles=profiles or (),
        assignments=assignments,
        options=given,
        user_folder=user_folder(),
    )
    from live_whisper.runtime.languages import with_language_codes

    return replace(loaded, config=with_language_codes(loaded.config))


def place_of(path: Path) -> Path:
    """Where a name leads, ``~`` and links followed. Raises ``UsageError`` where that is nowhere."""
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, no such user, a zero byte
        raise UsageError(f"{one_line(path)!r} is no usable file name.") from None


def _check_text(values: Iterable[object]) -> None:
    """Raise ``UsageError`` for bytes that are no text in this terminal's encoding."""
    for value in values:
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str) and any("\ud800" <= sign <= "\udfff" for sign in text):
                shown = one_line(text.encode("utf-8", "replace").decode("utf-8"), 60)
                raise UsageError(
                    f"{shown!r} is not valid text here.", hint="Use UTF-8 names and a UTF-8 locale."
                )


def check_distinct(outputs: Iterable[Path], inputs: Iterable[str | Path]) -> None:
    """Raise ``UsageError`` where a file would be written twice, or over what is read."""
    heard = {place_of(Path(name)) for name in inputs if os.path.isfile(name)}
    written: set[Path] = set()
    for output in outputs:
        place = place_of(output)
        if place in heard:
            raise UsageError(
                f"{one_line(output)!r} is the input itself.", hint="Write to another name."
            )
        if place in written:
            raise UsageError(
                f"{one_line(output)!r} would be written twice.", hint="Name each file once."
            )
        written.add(place)


def read_glossary(path: Path) -> tuple[str, ...]:
    """One term a line; blank lines and ``#`` comments are skipped. Raises ``InputError``."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_GLOSSARY_BYTES + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise InputError(f"The glossary {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InputError(f"The glossary {path} is not UTF-8 text.") from None
    if len(data) > MOST_GLOSSARY_BYTES:
        raise InputError(f"The glossary {path} is larger than 64 KiB; the model can use far less.")
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def recordings_root(config: Config) -> Path | None:
    """Where recordings are kept; ``None``: the platform's state directory."""
    folder = config.output.recordings
    return Path(folder).expanduser() if folder else None
