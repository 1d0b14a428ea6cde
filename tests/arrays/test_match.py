"""One array on the coordinates of another."""

import numpy as np
import pytest

import dcmxarray as dx

from ..making import frame, opened


def stack(folder, positions, **elements):
    return opened(folder, [frame(z, value=n + 1, **elements) for n, z in enumerate(positions)]).astype(float)


def test_each_cell_of_the_other_takes_the_nearest(tmp_path):
    one, two = stack(tmp_path / "1", range(0, 20, 5)), stack(tmp_path / "2", (5.3, 10.3))
    matched = one.dicom.match(two, tolerance=0.5)
    assert matched[:, 0, 0].values.tolist() == [2, 3]
    np.testing.assert_array_equal(matched.dicom.affine, two.dicom.affine)
    assert (matched - two)[:, 0, 0].values.tolist() == [1, 1]
    assert "position_z" in (matched - two).coords
    assert one.dicom.match(two[::-1], tolerance=0.5)[:, 0, 0].values.tolist() == [3, 2]


def test_one_slice_meets_a_stack(tmp_path):
    one, two = stack(tmp_path / "1", (0, 5, 10)), stack(tmp_path / "2", (5.004,))
    assert (one.dicom.match(two) - two).dims == ("row", "col")
    assert two.dicom.match(one.isel(slice=[1])).sizes["slice"] == 1
    with pytest.raises(dx.GridError, match=r"2 of 3 cells of the other along slice .* up to 5.00\d mm off"):
        two.dicom.match(one)


def test_what_has_no_cell_is_said(tmp_path):
    one, two = stack(tmp_path / "1", (0, 5, 10)), stack(tmp_path / "2", (0, 5.3, 10))
    with pytest.raises(dx.GridError, match=r"1 of 3 cells of the other along slice have none here within 0.01 mm.*0.3 mm off"):
        one.dicom.match(two)
    fine = stack(tmp_path / "3", (0, 2, 4), SliceThickness=2, SpacingBetweenSlices=2)
    with pytest.raises(dx.GridError, match="same nearest one"):
        one.dicom.match(fine, tolerance=2.5)
    with pytest.raises(ValueError, match="tolerance=-1"):
        one.dicom.match(two, tolerance=-1)


@pytest.mark.parametrize(
    ("elements", "why"),
    [
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "unlike planes"),
        ({"FrameOfReferenceUID": "1.2.3"}, "unlike frames of reference"),
        ({"ImageOrientationPatient": None}, "the other array has no patient geometry"),
    ],
)
def test_places_that_can_not_be_compared_are_refused(tmp_path, elements, why):
    one, two = stack(tmp_path / "1", (0,)), stack(tmp_path / "2", (0,), **elements)
    with pytest.raises(dx.GridError, match=why):
        one.dicom.match(two, tolerance=1e3)


def test_a_shear_is_refused(tmp_path):
    straight = stack(tmp_path / "1", (0, 5, 10))
    tilted = opened(tmp_path / "2", [frame(z) | {"ImagePositionPatient": [0, z / 5, z]} for z in (0, 5, 10)])
    with pytest.raises(dx.GridError, match=r"tilted gantry.*2 mm apart"):
        straight.dicom.match(tilted)


def test_two_runs_keep_their_times_unless_asked(tmp_path):
    da = dx.open_series(dx.testing.example("dce")).astype(float)
    late = da.assign_coords(time=da["time"] + 0.4)
    assert late.dicom.match(da)["time"].equals(late["time"])
    assert (late.dicom.match(da, time=0.5) - da).sizes == da.sizes
    with pytest.raises(dx.GridError, match=r"6 of 6 cells of the other along time .* within 0.1 s.*0.4 s off"):
        late.dicom.match(da, time=0.1)
    dates = da.dicom.to_datetime()
    assert (
        dates.assign_coords(time=dates["time"] + np.timedelta64(400, "ms")).dicom.match(dates, time=0.5) - dates
    ).sizes == da.sizes
