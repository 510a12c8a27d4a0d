"""Claiming, appending and replacing files."""

import errno
import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_whisper.errors import OutputError
from live_whisper.streaming.sinks.files import (
    AppendFile,
    ResilientFile,
    claim_output,
    free_name,
    reserved,
    write_atomically,
)


def test_claiming_makes_a_private_file(tmp_path):
    path = tmp_path / "m.srt"
    claim_output(path)
    assert path.read_bytes() == b""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_existing_file_is_never_destroyed_silently(tmp_path):
    path = tmp_path / "m.srt"
    path.write_text("precious")
    (tmp_path / "m-2.srt").write_text("also")
    with pytest.raises(OutputError) as caught:
        claim_output(path)
    assert "already exists" in caught.value.message
    assert "--overwrite" in caught.value.hint
    assert "m-3.srt" in caught.value.hint
    assert path.read_text() == "precious"
    assert free_name(path).name == "m-3.srt"
    claim_output(path, overwrite=True)
    assert path.read_bytes() == b""


def test_a_claim_can_be_withdrawn(tmp_path):
    new, old = tmp_path / "new.srt", tmp_path / "old.srt"
    old.write_text("precious")
    for empty in (True, False):
        claims = [claim_output(path, overwrite=True, empty=empty) for path in (new, old)]
        assert new.read_text() == ""
        assert old.read_text() == ("" if empty else "precious")
        for claim in claims:
            claim.withdraw()
        assert old.read_text() == "precious"
        assert not new.exists()


def test_a_film_is_not_replaced_by_captions(tmp_path):
    film = tmp_path / "m.srt"
    with film.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(OutputError, match="larger than any subtitle file"):
        claim_output(film, overwrite=True)
    assert film.stat().st_size > 64 << 20


def test_reserved_names_are_given_up_unless_written(tmp_path):
    names = [tmp_path / name for name in ("written.srt", "failed.srt", "old.srt")]
    names[2].write_text("precious")
    with reserved(names, overwrite=True) as claims:
        write_atomically(names[0], [b"1"])
        del claims[names[0]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.srt", "written.srt"]
    assert names[2].read_text() == "precious"
    with pytest.raises(OutputError, match="already exists"), reserved(names[1:], overwrite=False):
        raise AssertionError
    assert not names[1].exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_places_that_cannot_be_written(tmp_path, overwrite):
    with pytest.raises(OutputError, match="is a folder"):
        claim_output(tmp_path, overwrite=overwrite)
    with pytest.raises(OutputError, match="does not exist"):
        claim_output(tmp_path / "none" / "m.srt", overwrite=overwrite)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        claim_output(tmp_path / "file" / "m.srt", overwrite=overwrite)
    with pytest.raises(OutputError, match="cannot be written"):
        claim_output(tmp_path / ("n" * 300 + ".srt"), overwrite=overwrite)


def test_a_pipe_is_no_output(tmp_path):
    os.mkfifo(tmp_path / "pipe.srt")
    with pytest.raises(OutputError, match="no regular file"):
        claim_output(tmp_path / "pipe.srt", overwrite=True)


def test_a_folder_without_permission(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        claim_output(tmp_path / "m.srt")


def test_control_characters_in_a_name_are_not_printed(tmp_path):
    with pytest.raises(OutputError) as caught:
        claim_output(tmp_path / "a\x1b[31mb" / "m.srt")
    assert "\x1b" not in str(caught.value)


class FaultyDisk:
    """``os.write`` that follows a script: how many bytes go through, or all, then an error."""

    def __init__(self, script):
        self.script = list(script)
        self.real = os.write

    def write(self, fd, data):
        step = self.script.pop(0) if self.script else None
        if step is None:
            return self.real(fd, data)
        if step >= 0:
            self.real(fd, bytes(data)[:step])
        raise OSError(errno.EIO, "Input/output error")


def test_a_failed_piece_leaves_nothing_behind(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_bytes(b"before ")
    file = AppendFile(path)
    monkeypatch.setattr(os, "write", FaultyDisk([3]).write)
    with pytest.raises(OSError, match="Input/output"):
        file.append(b"lost")
    assert path.read_bytes() == b"before "
    file.append(b"kept")
    assert path.read_bytes() == b"before kept"
    assert file.length == 11
    file.close()
    file.close()


def test_short_writes_are_completed(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.touch()
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:1]))
    file = AppendFile(path)
    file.append(b"abcdef")
    file.close()
    assert path.read_bytes() == b"abcdef"


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=st.lists(st.none() | st.integers(-1, 6), max_size=30))
def test_whatever_fails_the_file_is_whole_in_the_end(tmp_path_factory, script):
    path = tmp_path_factory.mktemp("r") / "f"
    path.touch()
    file = ResilientFile(path, remedy="Recover it.")
    pieces = [b"<%d>" % number for number in range(12)]
    expected = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", FaultyDisk(script).write)
        for piece in pieces:
            file.append(piece)
            assert expected.startswith(path.read_bytes())  # never torn, never out of order
    file.append(b"")
    file.close()
    assert path.read_bytes() == expected
    levels = [level for _, level in file.take_notices()]
    assert levels == ["error", "info"] * (len(levels) // 2)


def test_a_backlog_has_an_end(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.touch()
    file = ResilientFile(path, remedy="Recover it.")
    monkeypatch.setattr(os, "write", FaultyDisk([-1] * 30).write)
    for _ in range(20):
        file.append(b"x" * (1 << 20))
    assert not file.complete
    monkeypatch.undo()
    file.append(b"end")
    assert path.stat().st_size == (4 << 20) + 3
    messages = [message for message, _ in file.take_notices()]
    assert "entries missing. Recover it." in messages[-1]
    file.close()


def test_a_file_that_never_comes_back_does_not_raise(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.touch()
    file = ResilientFile(path)
    file._file.close()  # the descriptor went stale
    path.unlink()
    file.append(b"x")
    file.append(b"y")
    file.close()
    ((message, level),) = file.take_notices()
    assert level == "error"
    assert str(path) in message
    assert not path.exists()


def test_a_deleted_file_is_noticed(tmp_path):
    path = tmp_path / "f"
    path.touch()
    file = ResilientFile(path)
    file.append(b"one ")
    path.unlink()
    file.append(b"two ")
    assert "No such file" in file.take_notices()[0][0]
    path.touch()
    file.append(b"three")
    assert path.read_bytes() == b"two three"
    assert file.take_notices()[0][1] == "info"
    file.close()


def test_a_file_that_an_editor_replaced_is_continued_not_cut(tmp_path):
    path = tmp_path / "f"
    path.touch()
    file = ResilientFile(path)
    file.append(b"first\n")
    (tmp_path / "saved").write_bytes(b"First line, corrected.\n")
    (tmp_path / "saved").replace(path)
    file.append(b"second\n")
    file.close()
    assert path.read_bytes() == b"First line, corrected.\nsecond\n"
    assert file.take_notices() == []


def test_replacing_is_all_or_nothing(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def chunks():
        yield b"new"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_atomically(path, chunks())
    assert path.read_bytes() == b"old"
    write_atomically(path, [b"a", b"b"])
    assert path.read_bytes() == b"ab"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_another_users_file_is_emptied_only_where_that_works(tmp_path, monkeypatch):
    path = tmp_path / "m.srt"
    path.write_text("precious")

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chmod", refuse)
    claim = claim_output(path, overwrite=True)
    assert path.read_text() == ""
    claim.withdraw()
    assert path.read_text() == "precious"
    monkeypatch.setattr(os, "truncate", refuse)
    with pytest.raises(OutputError, match="Operation not permitted"):
        claim_output(path, overwrite=True)
    assert path.read_text() == "precious"
