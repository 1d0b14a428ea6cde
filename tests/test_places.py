"""No two real arrays that lie in one place lose a cell when they are combined; none in unlike planes combine in silence."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import xarray as xr

import dcmxarray as dx

AXES = ("slice", "row", "col")


def placed(cohort):
    """(FrameOfReferenceUID, array of zeros with the geometry) of each array that has one."""
    for key in cohort:
        try:
            array = cohort.open(key)
            affine = array["row"].attrs["direction"] and array["slice"].attrs["direction"]
        except (dx.DcmxarrayError, KeyError):
            continue
        assert affine
        part = array.isel({d: 0 for d in array.dims if d not in AXES})
        coords = {n: part.coords[n] for n in (*AXES, "shift_row", "shift_col") if n in part.coords}
        yield part["row"].attrs.get("FrameOfReferenceUID"), xr.DataArray(np.zeros(part.shape, np.int8), coords, part.dims)


def directions(array):
    return np.array([array[d].attrs["direction"] for d in AXES])


def corners(array):
    ends = np.meshgrid(*(np.atleast_1d(array[d].values)[[0, -1]] for d in AXES))
    return np.stack(ends, -1).reshape(-1, 3) @ directions(array)


def verdict(one, two):
    sizes = [one.sizes.get(d, 1) == two.sizes.get(d, 1) for d in AXES]
    if all(sizes) and np.abs(corners(one) - corners(two)).max() < 0.05:
        assert all((one + two).sizes.get(d, 1) == one.sizes.get(d, 1) for d in AXES)
        return "one place"
    if np.abs(directions(one) - directions(two)).max() > 1e-3:
        with pytest.raises(dx.GridError):
            _ = one + two
        return "unlike planes"
    return "parallel"


@pytest.mark.slow
def test_real_arrays_in_one_place_lose_no_cell(data):
    found = Counter()
    for folder in sorted(p for p in data.iterdir() if p.is_dir()):
        arrays = list(placed(dx.open_cohort(folder)))
        for (frame, one), (other, two) in combinations(arrays, 2):
            if frame and frame == other:
                found[verdict(one, two)] += 1
            elif frame and other:
                with pytest.raises(dx.GridError):
                    _ = one + two
    assert found["one place"] >= 50
    assert found["unlike planes"] >= 50
