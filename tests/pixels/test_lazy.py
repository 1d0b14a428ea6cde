"""What is read for an index, and by which name dask knows it."""

import shutil

import numpy as np
from dask.base import tokenize

import dcmxarray as dx
from dcmxarray.testing import write_series

from ..making import frame


def test_the_same_headers_in_other_files_are_another_array(tmp_path):
    frames = [frame(5 * k, value=k) for k in range(3)]
    paths = write_series(tmp_path / "a", frames)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for path in (tmp_path / "b").iterdir():  # other pixels, the same places
        raw = path.read_bytes()
        path.write_bytes(raw[:-24] + b"\7\0" * 12)
    one, again, other = (dx.open_series(tmp_path / name) for name in "aab")
    assert one.data.name == again.data.name
    assert one.data.name != other.data.name
    assert tokenize(one.variable._data) != tokenize(other.variable._data)
    assert len(paths) == 3
    np.testing.assert_array_equal((other - one).values[:, 0, 0], [7, 6, 5])


def test_values_that_are_read_otherwise_have_another_name(tmp_path):
    write_series(tmp_path, [frame(5 * k, RescaleSlope=1, RescaleIntercept=-3, value=k) for k in range(3)])
    assert dx.open_series(tmp_path).data.name != dx.open_series(tmp_path, rescale=False).data.name


def test_frames_of_one_file_and_of_many_in_any_order(tmp_path):
    write_series(tmp_path, [frame(5 * k, value=10 * k) for k in range(9)], shuffle=3)
    da = dx.open_series(tmp_path, chunks=None)
    for index in ([8, 0, 4], [3, 3, 3], slice(7, None, -3), slice(2, 8, 2), [-1]):
        want = 10 * np.arange(9)[index]
        assert da.isel(slice=index).values[:, 1, 2].tolist() == want.tolist()
        assert da.isel(slice=index, row=[2, 0], col=slice(3, 1, -1)).shape == (len(want), 2, 2)
