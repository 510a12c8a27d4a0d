"""Layers of settings, later ones winning, each value remembering where it came from.

defaults < user file < profiles < environment (``LIVE_WHISPER_STREAMING__STEP_MS``) < ``--set``
and options. A key nobody knows is an error that names the nearest one.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from live_whisper.config.schema import Config
from live_whisper.errors import ConfigError

ENVIRONMENT_PREFIX = "LIVE_WHISPER_"
USER_FILE = "config.toml"

Flat: TypeAlias = dict[str, Any]
"""Dotted key to value."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Values from one place."""

    origin: str
    """Where: a file's path, a variable's name, ``--set`` …"""
    values: Flat


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings and the origin of each value that is not a default."""

    config: Config
    origins: Mapping[str, str]


def known_keys() -> tuple[str, ...]:
    """Every dotted key, in the schema's order."""
    return tuple(
        f"{section}.{key}"
        for section, field in Config.model_fields.items()
        for key in _section_type(field.annotation).model_fields
    )


def merge(layers: Iterable[Layer]) -> Loaded:
    """Check and combine layers. Raises ``ConfigError`` naming key, origin and remedy."""
    flat: Flat = {}
    origins: dict[str, str] = {}
    for layer in layers:
        for key, value in layer.values.items():
            _require_known(key, layer.origin)
            flat[key] = value
            origins[key] = layer.origin
    nested: dict[str, dict[str, Any]] = {}
    for key, value in flat.items():
        section, name = key.split(".", 1)
        nested.setdefault(section, {})[name] = value
    try:
        config = Config.model_validate(nested)
    except ValidationError as error:
        raise _explain(error, flat, origins) from None
    return Loaded(config, MappingProxyType(origins))


def file_layer(path: Path) -> Layer:
    """Read a TOML file. Raises ``ConfigError`` when it is missing, unreadable or not TOML."""
    try:
        if path.stat().st_size > 1 << 20:
            raise ConfigError(f"The configuration {path} is larger than 1 MiB.")
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"The configuration {path} cannot be read: {reason}.") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"The configuration {path} is not valid TOML: {error}.") from None
    return Layer(str(path), _flatten(data, str(path)))


def profile_layer(name: str, user_folder: Path | None = None) -> Layer:
    """A profile by name (the user's own first, then the built-in ones) or by path."""
    if "/" in name or "\\" in name or name.endswith(".toml"):
        return file_layer(Path(name).expanduser())
    if user_folder is not None and (user_folder / f"{name}.toml").is_file():
        return file_layer(user_folder / f"{name}.toml")
    builtin = {path.stem: path for path in _builtin_profiles()}
    if name not in builtin:
        raise ConfigError(
            f"There is no profile named {name!r}.", hint=f"Known: {', '.join(sorted(builtin))}."
        )
    return file_layer(builtin[name])


def user_layer(folder: Path) -> Layer | None:
    """The user's ``config.toml``, if there is one."""
    path = folder / USER_FILE
    return file_layer(path) if path.is_file() else None


def environment_layers(environment: Mapping[str, str]) -> list[Layer]:
    """One layer per ``LIVE_WHISPER_SECTION__KEY`` variable; other variables are not ours."""
    layers = []
    for name, text in sorted(environment.items()):
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name:
            key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".", 1)
            layers.append(Layer(name, {key: parse_value(key, text)}))
    return layers


def assignment_layer(assignment: str) -> Layer:
    """``a.b=value`` from ``--set``."""
    key, equals, text = assignment.partition("=")
    if not equals or not key.strip():
        raise ConfigError(
            f"--set {assignment!r} is not an assignment.", hint="Write it as section.key=value."
        )
    key = key.strip()
    _require_known(key, "--set")
    return Layer("--set", {key: parse_value(key, text.strip())})


def parse_value(key: str, text: str) -> Any:  # noqa: ANN401 - any TOML value
    """A value as TOML where it is one, else the text itself; lists also as ``a,b,c``."""
    if _is_text(key):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # a number of thousands of digits is no TOMLDecodeError
        if _is_list(key):
            return [part.strip() for part in text.split(",") if part.strip()]
        return text


def load(
    *,
    profiles: Iterable[str] = (),
    assignments: Iterable[str] = (),
    options: Mapping[str, Any] = MappingProxyType({}),
    environment: Mapping[str, str] | None = None,
    user_folder: Path | None = None,
) -> Loaded:
    """All layers in order. ``options`` are dotted keys set by command-line options."""
    layers: list[Layer] = []
    if user_folder is not None and (user := user_layer(user_folder)) is not None:
        layers.append(user)
    layers.extend(profile_layer(name, user_folder) for name in profiles)
    layers.extend(environment_layers(os.environ if environment is None else environment))
    layers.extend(assignment_layer(text) for text in assignments)
    layers.append(Layer("command line", dict(options)))
    return merge(layers)


def _builtin_profiles() -> list[Path]:
    installed = Path(str(resources.files("live_whisper"))) / "assets" / "configs"
    source = Path(__file__).resolve().parents[2] / "configs"
    folder = installed if installed.is_dir() else source
    return sorted(folder.glob("*.toml"))


def _flatten(data: Mapping[str, Any], origin: str) -> Flat:
    flat: Flat = {}
    for section, values in data.items():
        if not isinstance(values, Mapping):
            _require_known(section, origin)
            raise ConfigError(f"{origin}: {section!r} must be a table, like [{section}].")
        for key, value in values.items():
            flat[f"{section}.{key}"] = value
    return flat


def _require_known(key: str, origin: str) -> None:
    keys = known_keys()
    if key in keys:
        return
    near = difflib.get_close_matches(key, keys, 1, 0.5)
    if not near:
        tails = {known.split(".", 1)[1]: known for known in keys}
        near = [
            tails[tail] for tail in difflib.get_close_matches(key.rsplit(".", 1)[-1], tails, 1, 0.6)
        ]
    hint = f"Did you mean {near[0]!r}?" if near else "See: live-whisper config show."
    raise ConfigError(f"Unknown setting {key!r} ({origin}).", hint=hint)


def _explain(error: ValidationError, flat: Flat, origins: Mapping[str, str]) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"][:2])
    origin = origins.get(key, "default")
    told = first["msg"]
    message = told.removeprefix("Input should be ")
    wanted = f"it should be {message}" if message != told else told[:1].lower() + told[1:]
    return ConfigError(f"{key} = {flat.get(key)!r} ({origin}) is not possible: {wanted}.")


def _section_type(annotation: Any) -> type[BaseModel]:  # noqa: ANN401 - pydantic's own type
    assert isinstance(annotation, type)
    assert issubclass(annotation, BaseModel)
    return annotation


def _default(key: str) -> object:
    section, _, name = key.partition(".")
    return getattr(getattr(Config(), section, None), name, None)


def _is_text(key: str) -> bool:
    return isinstance(_default(key), str)


def _is_list(key: str) -> bool:
    return isinstance(_default(key), tuple)
