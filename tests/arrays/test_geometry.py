"""Coordinates in space, and affines made from them."""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_series

from ..making import frame, opened


def test_a_gap_leaves_honest_coordinates(tmp_path):
    da = opened(tmp_path, [frame(z) for z in (0, 5, 10, 20)])
    assert da["slice"].values.tolist() == [0, 5, 10, 20]
    with pytest.raises(dx.GridError, match=r"steps of 5 to 10 mm.*interp"):
        _ = da.dicom.affine
    assert da.isel(slice=slice(0, 3)).dicom.spacing == (5.0, 2.0, 2.0)
    assert da.astype(float).interp(slice=np.arange(0, 21, 5.0)).dicom.spacing[0] == 5.0


def test_three_instance_tomogram_joins(tmp_path):
    write_series(tmp_path, dx.testing.dce(slices=3, times=1, size=4))
    assert dx.open_series(sorted(tmp_path.glob("*.dcm"))).sizes["slice"] == 3


def test_pixels_are_as_far_apart_as_pixel_spacing_else_imager_pixel_spacing_says(tmp_path):
    both = {"PixelSpacing": [0.5, 0.25], "ImagerPixelSpacing": [0.75, 0.375]}
    for number, (spacing, row, col) in enumerate([(both, 0.5, 0.25), (both | {"PixelSpacing": None}, 0.75, 0.375)]):
        da = opened(tmp_path / str(number), [frame() | spacing])
        assert np.diff(da["row"]).tolist() == [row] * 2
        assert np.diff(da["col"]).tolist() == [col] * 3
        assert da.dicom.spacing[1:] == (row, col)


def test_the_affine_is_made_of_position_orientation_and_spacing(tmp_path):
    # rows run to the patient's left and 30 degrees to the head, columns to the back; 3 slices of 4 mm along the normal
    c, s = 0.75**0.5, 0.5
    row, column, normal = np.array([c, 0, s]), np.array([0, 1, 0]), np.array([-s, 0, c])
    origin = np.array([-10, 20, 30])
    place = {"ImageOrientationPatient": [f"{v:.12g}" for v in (*row, *column)], "PixelSpacing": [1.5, 0.5]}
    frames = [frame(value=k) | place | {"ImagePositionPatient": [f"{v:.12g}" for v in origin + 4 * k * normal]} for k in range(3)]
    da = opened(tmp_path, frames, shuffle=2)
    np.testing.assert_allclose(
        da.dicom.affine, [[-4 * s, 0, 0.5 * c, -10], [0, 1.5, 0, 20], [4 * c, 0, 0.5 * s, 30], [0, 0, 0, 1]]
    )
    assert da[:, 0, 0].values.tolist() == [0, 1, 2]
    one = da.isel(slice=1, row=slice(2, None), col=[3])
    np.testing.assert_allclose(one.dicom.affine[:3, 3], origin + 4 * normal + 2 * 1.5 * column + 3 * 0.5 * row)
