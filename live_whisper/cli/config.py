"""``live-whisper config show``."""

import json
import textwrap
from collections.abc import Iterable

import typer
from pydantic import BaseModel

from live_whisper.cli.settings import settings, user_folder
from live_whisper.config.load import USER_FILE
from live_whisper.config.schema import Config


def run_show(
    *,
    origin: bool,
    explain: bool,
    profiles: Iterable[str] | None,
    assignments: Iterable[str] | None,
) -> int:
    """Print every setting in force as TOML that can be used as a file."""
    loaded = settings(profiles=profiles, assignments=assignments)
    typer.echo(f"# Your own settings: {user_folder() / USER_FILE}")
    for section in Config.model_fields:
        values: BaseModel = getattr(loaded.config, section)
        typer.echo(f"\n[{section}]")
        for key, field in type(values).model_fields.items():
            if explain and field.description:
                text = " ".join(field.description.split())
                typer.echo(
                    "\n".join(textwrap.wrap(text, 96, initial_indent="# ", subsequent_indent="# "))
                )
            line = f"{key} = {_toml(getattr(values, key))}"
            source = loaded.origins.get(f"{section}.{key}", "default")
            typer.echo(f"{line}  # {source}" if origin else line)
    return 0


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return repr(value)
