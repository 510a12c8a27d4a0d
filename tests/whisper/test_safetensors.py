"""Hostile and damaged safetensors are refused before a byte of data is mapped."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checkpoints import write_safetensors

from live_whisper.errors import ModelError
from live_whisper.whisper.tensors import read_header


def write_raw(path, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_reads_what_was_written(tmp_path):
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(1, np.float32)}
    write_safetensors(tmp_path / "x.safetensors", tensors)
    found = read_header(tmp_path / "x.safetensors")
    for name, value in tensors.items():
        np.testing.assert_array_equal(found[name].read(), value)


FAULTS = [
    ({"a": entry("I64", (1,))}, b"\0" * 8, "is I64, not a float tensor"),
    ({"a": entry(shape=(3,))}, b"\0" * 8, "does not match its bytes"),
    ({"a": entry(shape=(-2,))}, b"\0" * 8, "no valid shape"),
    ({"a": entry(offsets=(8, 0))}, b"\0" * 8, "does not match its bytes"),
    ({"a": entry(offsets=(4, 12))}, b"\0" * 12, "overlap or leave holes"),
    ({"a": entry(), "b": entry()}, b"\0" * 8, "overlap or leave holes"),
    ({"a": entry()}, b"\0" * 5, "truncated: 3 of 8 bytes are missing"),
    ({"a": entry()}, b"\0" * 9, "1 bytes follow"),
    ({"a": 3}, b"", "not described"),
    ([], b"", "not a JSON object"),
    (b"{nonsense", b"", "not valid JSON"),
]


@pytest.mark.parametrize(("header", "data", "message"), FAULTS)
def test_faults(tmp_path, header, data, message):
    with pytest.raises(ModelError, match=message):
        read_header(write_raw(tmp_path / "x.safetensors", header, data))


def test_a_header_longer_than_the_file(tmp_path):
    with pytest.raises(ModelError, match="header is cut off"):
        read_header(write_raw(tmp_path / "x.safetensors", {}, length=5000))
    with pytest.raises(ModelError, match="not a safetensors file"):
        read_header(write_raw(tmp_path / "x.safetensors", {}, length=2**60))


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"version https://git-lfs", b"\0" * 64])
def test_not_safetensors(tmp_path, content):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ModelError):
        read_header(tmp_path / "x.safetensors")


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_any_damage_is_an_error_or_reads_whole(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "x.safetensors"
    write_safetensors(path, {"a": np.ones((2, 2), np.float32), "b": np.ones(3, np.float32)})
    raw = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        raw[data.draw(st.integers(0, 150))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(raw))
    try:
        entries = read_header(path)
    except ModelError:
        return
    for found in entries.values():
        assert found.read().shape == found.shape
