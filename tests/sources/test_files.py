"""Remote paths behave as local ones."""

import fsspec
import numpy as np
import pytest
import xarray as xr

import dcmxarray as dx
from dcmxarray.sources import files
from dcmxarray.testing import write_series


@pytest.fixture
def remote(tmp_path):
    memory = fsspec.filesystem("memory")
    paths = write_series(tmp_path, dx.testing.dce(slices=2, times=2, size=8))
    for path in paths:
        memory.pipe_file(f"/exam/{path.name}", path.read_bytes())
    yield "memory://exam"
    memory.rm("/exam", recursive=True)


def test_a_remote_series_equals_the_local_one(remote, tmp_path):
    there, here = dx.open_series(remote), dx.open_series(tmp_path)
    xr.testing.assert_identical(there.load(), here.load())
    assert there.shape == (2, 2, 8, 8)


def test_short_reads_are_told(tmp_path):
    (tmp_path / "x").write_bytes(b"12345")
    with pytest.raises(EOFError, match="ends before byte 12"):
        files.read_into(str(tmp_path / "x"), 2, memoryview(bytearray(10)))
    out = np.zeros(10, np.uint8)
    assert files.read_some(str(tmp_path / "x"), 2, out) == 3


def test_unreadable_files_are_rows_with_a_problem(tmp_path, monkeypatch):
    write_series(tmp_path, dx.testing.dce(slices=2, times=1, size=8))
    real = files.read_some

    def broken(path, *args):
        if path.endswith("00001.dcm"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args)

    monkeypatch.setattr(files, "read_some", broken)
    monkeypatch.setattr(files.os, "name", "other")  # the plain loop, where errors are made
    table = dx.scan(tmp_path)
    assert table["problem"].dropna().tolist() == ["cannot be read: Permission denied"]
    assert dx.open_series(table).shape == (8, 8)
