"""Errors: a status each, one line, whole across a pipe."""

import pickle
import re
from pathlib import Path

import pytest

from live_whisper import errors
from live_whisper.errors import LiveWhisperError, ModelError, one_line

README = Path(__file__).resolve().parents[2] / "README.md"


def kinds() -> list[type[LiveWhisperError]]:
    found = [LiveWhisperError]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_an_error_crosses_a_pipe_with_its_hint(kind: type[LiveWhisperError]) -> None:
    error = pickle.loads(pickle.dumps(kind("It broke.", hint="Mend it.")))
    assert type(error) is kind
    assert str(error) == "It broke. Mend it."
    assert error.hint == "Mend it."


def test_every_status_is_in_the_readme() -> None:
    table = {int(number) for number in re.findall(r"^\| (\d) \|", README.read_text(), re.MULTILINE)}
    statuses = {kind.exit_status for kind in kinds() if kind is not LiveWhisperError}
    assert statuses <= table
    assert len({ModelError.exit_status, *statuses}) == 7


def test_text_of_any_origin_becomes_one_printable_line() -> None:
    assert one_line("a\x1b[31mb\nc\u202ed") == "a [31mb c d"
