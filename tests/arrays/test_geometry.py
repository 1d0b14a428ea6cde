"""Coordinates in space, and affines made from them."""

import numpy as np
import pytest
import xarray as xr

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


def test_coordinates_are_rounded_and_affines_are_not(tmp_path):
    place = {"PixelSpacing": [0.898438, 0.033333333], "ImagePositionPatient": [-123.456789012, 7.00000000004, 1 / 3]}
    da = opened(tmp_path, [frame() | place | {"ImagePositionPatient": [-123.456789012, 7.00000000004, k / 3]} for k in (1, 2, 3)])
    assert da["row"].values.tolist() == [7, 7.8984, 8.7969]
    assert da["col"].values.tolist() == [-123.45679, -123.42346, -123.39012, -123.35679]
    assert da["slice"].values.tolist() == [0.3333, 0.6667, 1]
    exact = [[0, 0, 0.033333333, -123.456789012], [0, 0.898438, 0, 7.00000000004], [1 / 3, 0, 0, 1 / 3], [0, 0, 0, 1]]
    np.testing.assert_allclose(da.dicom.affine, exact, rtol=0, atol=1e-12)
    part = da.isel(slice=[1], row=slice(1, 3), col=slice(None, None, -2))
    np.testing.assert_allclose(part.dicom.affine[:, 3], da.dicom.affine @ [1, 1, 3, 1], rtol=0, atol=1e-12)
    assert part.dicom.spacing == (0.333333, 0.898438, 0.066667)


def test_shifted_and_scaled_coordinates_are_believed(tmp_path):
    da = opened(tmp_path, [frame(z) for z in (0, 5)])
    for values, step in ((da["row"].values + 0.3, 2), (da["row"].values * 3, 6), (da["row"].values[::-1] * 0.5 + 1, -1)):
        moved = da.assign_coords(row=("row", values, da["row"].attrs))
        np.testing.assert_allclose([moved.dicom.affine[1, 1], moved.dicom.affine[1, 3]], [step, values[0]])


def test_a_single_slice_has_the_step_of_its_stack(tmp_path):
    da = opened(tmp_path, [frame(z, SliceThickness=None) for z in (0, 5, 10)])
    for one in (da[1], da[[1]], da[1].expand_dims("slice"), da[1].mean("row", keep_attrs=False).expand_dims(row=da["row"][:1])):
        assert one.dicom.spacing[0] == 5.0


LOST = {
    "no coordinate 'slice'.*reduction": lambda da: da.mean("slice"),
    "no coordinate 'slice'.*polyfit": lambda da: da.expand_dims(time=3)[:, 0].polyfit("time", 1).polyfit_coefficients,
    "no coordinate 'slice'.*unlike": lambda da: da[0] - da[1],
    "row lacks its attribute.*replaced": lambda da: da.assign_coords(row=[1.0, 2, 3]),
    "row lies along p": lambda da: da.stack(p=("row", "col")),
    "col lies along q": lambda da: da.isel(col=xr.DataArray([0, 1], dims="q")),
    "nothing is left.*col": lambda da: da.isel(col=slice(0)),
    "belong together": lambda da: da.assign_coords(row=da["row"].assign_attrs(direction=[1.0, 0, 0])),
    "another plane than": lambda da: da.assign_attrs(ImageOrientationPatient=[1, 0, 0, 0, 0, -1]),
    "unevenly spaced": lambda da: da.isel(col=[0, 1, 3]),
    "row is an index": lambda da: da.assign_coords(row=("row", [0.0, 1, 2], {"direction": [0, 1, 0]})),
}


@pytest.mark.parametrize("why", LOST)
def test_the_error_says_what_was_lost_and_by_what(tmp_path, why):
    lost = LOST[why](opened(tmp_path, [frame(z) for z in (0, 5, 10)]).astype(float))
    with pytest.raises(dx.GridError, match=why):
        _ = lost.dicom.affine


@pytest.mark.parametrize("far", ["1e300", "-1.5e308", "1e17"])
def test_positions_beyond_reason_are_kept_as_they_are(tmp_path, far):
    frames = [frame() | {"ImagePositionPatient": [far, 0, z], "PixelSpacing": ["1e-8", "1e8"]} for z in ("0", far, "1.7e308")]
    da = opened(tmp_path, frames)
    assert float(da["col"][0]) == float(far)
    assert (da.astype(float) + da).sizes == da.sizes


def test_positions_of_another_array_have_no_affine(tmp_path):
    axial = opened(tmp_path / "axial", [frame(z) for z in (0, 5)])
    coronal = opened(tmp_path / "coronal", [frame(0, ImageOrientationPatient=[1, 0, 0, 0, 0, -1])])
    with pytest.raises(dx.GridError, match="another plane"):
        _ = axial[0].assign_coords({name: coronal[name] for name in ("slice", "row", "col")}).dicom.affine


def test_interpolation_is_xarrays_own(tmp_path):
    da = opened(tmp_path, [frame(z, value=z) for z in (0, 5, 10)]).astype(float)
    assert da.interp(slice=[2.5, 7.5], method="linear", kwargs={})[:, 0, 0].values.tolist() == [2.5, 7.5]
    assert da.interp({"slice": 4.0}, "nearest")[0, 0] == da.interp(coords={"slice": 4.0}, assume_sorted=True).round()[0, 0] + 1
    assert float(da.interp(slice=da["slice"].variable[:2] + 1)[1, 0, 0]) == 6
    assert da.interp_like(da[1:, :2]).equals(da[1:, :2])
    assert xr.Dataset({"x": ("t", [0.0, 2])}, {"t": [0, 2]}).interp(t=1)["x"] == 1
    assert "coords" in xr.Dataset.interp.__doc__


@pytest.mark.parametrize("along", [0, 1])
def test_a_stack_that_is_sheared_along_either_axis_has_its_affine(tmp_path, along):
    places = [np.where(np.arange(3) == along, 1.5 * k, 0.0) + [0, 0, 5.0 * k] for k in range(3)]
    da = opened(tmp_path, [frame() | {"ImagePositionPatient": place.tolist()} for place in places])
    for k, place in enumerate(places):
        np.testing.assert_allclose((da.dicom.affine @ [k, 0, 0, 1])[:3], place, atol=1e-6)
