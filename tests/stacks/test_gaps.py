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


def staggered(order, numbered="by volume"):
    """Slices that are acquired one after the other, evenly over the time of a volume."""
    return [
        frame(
            5 * s,
            AcquisitionTime=f"1000{4 * t + order.index(s):02d}",
            InstanceNumber=1 + (4 * t + s if numbered == "by volume" else 4 * s + t),
            value=t,
        )
        for t in range(4)
        for s in range(4)
    ]


@pytest.mark.parametrize("numbered", ["by volume", "by slice"])
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0]])
@pytest.mark.parametrize("missing", range(16))
def test_no_missing_file_shifts_a_slice_that_is_acquired_at_its_own_times(tmp_path, order, numbered, missing):
    frames = staggered(order, numbered)
    del frames[missing]
    write_series(tmp_path, frames)
    try:
        da = dx.open_series(tmp_path, missing="fill")
    except dx.GridError:
        return
    assert ((da.values[:, :, 0, 0] == np.arange(4)) | ~da["valid"].values).all()


def test_a_scan_that_was_stopped_is_filled(tmp_path):
    write_series(tmp_path, staggered([0, 1, 2, 3])[:-2])
    da = dx.open_series(tmp_path, missing="fill")
    assert da["valid"].values.sum(0).tolist() == [4, 4, 4, 2]


def test_times_that_allow_the_first_volume_too_are_said(tmp_path):
    write_series(tmp_path, staggered([0, 1, 2, 3])[1:])
    with pytest.raises(dx.GridError, match="Or the first volume lacks them"):
        dx.open_series(tmp_path, missing="fill")
    with pytest.raises(dx.GridError) as caught:
        dx.open_series(tmp_path)
    assert "missing='fill'" not in str(caught.value)
