"""Volumes that InstanceNumber alone tells apart: a file that is missing shifts no other one to another volume."""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_series

from ..making import frame


@pytest.mark.parametrize("missing", [{1}, {1, 2}, {2}, {1, 6}, {5, 10, 11}])
def test_a_missing_file_shifts_none(tmp_path, missing):
    frames = [frame(5 * s, InstanceNumber=1 + s + 4 * t, value=t) for t in range(4) for s in range(4)]
    write_series(tmp_path, [f for k, f in enumerate(frames) if k not in missing])
    try:
        da = dx.open_series(tmp_path, missing="fill")
    except dx.GridError:
        return
    assert ((da.values[:, :, 0, 0] == np.arange(4)) | ~da["valid"].values).all()


def test_the_last_volume_may_be_cut(tmp_path):
    write_series(tmp_path, [frame(5 * s, InstanceNumber=1 + s + 4 * t, value=t) for t in range(4) for s in range(4)][:-2])
    da = dx.open_series(tmp_path, missing="fill")
    assert da["valid"].values.sum(0).tolist() == [4, 4, 4, 2]
    assert (da.values[:, :, 0, 0] == np.arange(4)).sum(0).tolist() == [4, 4, 4, 2]
