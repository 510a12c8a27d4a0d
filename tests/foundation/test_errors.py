"""Errors: a status each, one line, whole across a pipe."""

import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_whisper import errors
from live_whisper.errors import LiveWhisperError, ModelError, first_line, one_line

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


def test_names_cannot_carry_escape_sequences():
    assert one_line("Mic\x1b[31m\r\n\x07 \u202eevil\u200b") == "Mic[31m evil"
    assert one_line("가나다 é") == "가나다 é"
    assert len(one_line("x" * 1000, 200)) == 200


@settings(deadline=None)
@given(st.text(max_size=400))
def test_text_of_any_origin_becomes_one_printable_line(text: str) -> None:
    shown = one_line(text, 100)
    assert len(shown) <= 100
    assert shown.isprintable()
    assert shown == shown.strip()


def test_what_an_exception_says_first():
    assert first_line(ValueError("bad \x1b[1mthing.\nand a page more")) == "bad [1mthing"
    assert first_line(ValueError()) == "ValueError"
