"""What compiled code hears of an open file is what the interpreter hears."""

import os

import numpy as np
import pytest

from dcmxarray.jit import compiled
from dcmxarray.sources import system

known = pytest.mark.skipif(system.layout() is None, reason="this system does not say")


@compiled
def heard(handle, layout, words):
    return system.status(handle, layout, words)


def status(handle):
    return heard(handle, system.layout(), np.zeros(system.BYTES // 8, np.int64))


@known
def test_size_and_time_of_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"1234567")
    os.utime(path, ns=(5, 1_700_000_000_123_456_789))
    with path.open("rb") as file:
        assert status(file.fileno()) == (7, os.fstat(file.fileno()).st_mtime_ns)


@known
def test_what_is_no_plain_file_has_no_size(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        assert status(folder)[0] == -1
    finally:
        os.close(folder)
    assert status(-1)[0] == -1


def test_a_system_that_does_not_say_is_known(monkeypatch):
    monkeypatch.setattr(system, "_by_ctypes", lambda handle, buf: -1)
    assert system.layout.__wrapped__() is None
