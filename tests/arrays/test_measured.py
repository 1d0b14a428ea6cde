"""Nothing has a unit that was not measured: spacing, dose, scale, SUV."""

import numpy as np
import pytest
import xarray as xr

import dcmxarray as dx
from dcmxarray.testing import write_frame, write_series

from ..making import frame, opened
from .test_suv import pet


def test_without_spacing_pixels_are_counted(tmp_path):
    da = opened(tmp_path, [frame(5 * s, PixelSpacing=None) for s in range(3)])
    for dim in ("row", "col"):
        assert {*da[dim].attrs} == {"units", "long_name", "direction", "FrameOfReferenceUID"}  # no grid
        assert (da[dim].attrs["units"], da[dim].attrs["long_name"]) == ("1", f"{dim} index")
        assert da[dim].values.tolist() == list(range(da.sizes[dim]))
    for part in (da, da.isel(row=[1]), (da + 1).assign_attrs(da.attrs)):
        with pytest.raises(dx.GridError, match="no PixelSpacing"):
            _ = part.dicom.affine
        with pytest.raises(dx.GridError, match="no PixelSpacing"):
            _ = part.dicom.spacing
    assert dx.open_cohort(tmp_path).series["spacing"].tolist() == [None]
    said = dx.open_series(dx.scan(tmp_path).assign(spacing_row=0.5, spacing_col=0.25))
    assert said.dicom.spacing == (5.0, 0.5, 0.25)


@pytest.mark.parametrize("spacing", [[0, 0], [-1, 1], [2, 0]])
def test_a_spacing_that_is_none_counts_as_missing(tmp_path, spacing):
    with pytest.raises(dx.GridError, match="no PixelSpacing"):
        _ = opened(tmp_path, [frame(5 * s, PixelSpacing=spacing) for s in range(2)]).dicom.affine


def test_a_single_slice_needs_its_thickness(tmp_path):
    da = opened(tmp_path, [frame(SliceThickness=None)])
    with pytest.raises(dx.GridError, match="assign_attrs"):
        _ = da.dicom.affine
    assert da.assign_attrs(SliceThickness=3).dicom.spacing == (3.0, 2.0, 2.0)
    assert da["row"].attrs["units"] == "mm"


@pytest.mark.parametrize("cosines", [[0] * 6, None, [1, 0, 0, 1, 0, 0], [5, 0, 0, 0, 5, 0]])
def test_without_a_plane_nothing_is_a_volume_in_time(tmp_path, cosines):
    frames = [frame(5 * s, ImageOrientationPatient=cosines, InstanceNumber=s + 1, value=s) for s in range(3)]
    da = opened(tmp_path, frames)
    assert da.sizes["slice"] == 3
    assert da["slice"].attrs["units"] == "1"
    with pytest.raises(dx.GridError, match="no patient geometry"):
        _ = da.dicom.affine


def test_real_dose_is_scaled(real):
    da = dx.open_series(real / "pydicom+pydicom/src/pydicom/data/test_files/rtdose.dcm")
    assert float(da.max()) == pytest.approx(1.254, abs=1e-3)
    assert da.attrs["units"] == "1"  # the file says RELATIVE
    stored = dx.open_series(real / "pydicom+pydicom/src/pydicom/data/test_files/rtdose.dcm", rescale=False)
    assert "units" not in stored.attrs
    assert int(stored.max()) > 1000


def test_dose_without_its_scale_is_an_error(tmp_path):
    write_series(tmp_path, [frame(0, Modality="RTDOSE", DoseUnits="GY", value=2)])
    with pytest.raises(dx.PixelError, match="without DoseGridScaling"):
        dx.open_series(tmp_path).load()
    assert dx.open_series(tmp_path, rescale=False).load().max() == 2


def test_dose_of_several_files_has_a_scale_for_each(tmp_path):
    frames = [frame(5 * s, Modality="RTDOSE", DoseGridScaling=0.1 * (s + 1), DoseUnits="GY", value=2) for s in range(2)]
    da = opened(tmp_path, frames)
    np.testing.assert_allclose(da.isel(row=0, col=0), [0.2, 0.4])
    assert da.attrs["units"] == "Gy"


@pytest.mark.parametrize("scale", [("1e39", "0"), ("1", "1e30"), ("1e-45", "0"), ("1e34", "0")])
def test_a_scale_that_leaves_nothing_is_an_error(tmp_path, scale):
    write_frame(tmp_path / "a.dcm", frame(RescaleSlope=scale[0], RescaleIntercept=scale[1], value=60000))
    with pytest.raises(dx.PixelError, match=r"a.dcm.*rescale=False|RescaleSlope could not"):
        dx.open_series(tmp_path)
    assert int(dx.open_series(tmp_path, rescale=False).max()) == 60000


# --- SUV --------------------------------------------------------------------------------------------------------------------

WANT = 5000 * 70 * 1000 / (370e6 * 2 ** (-3600 / 6586.2))


def whole_body(times=2, slices=3):
    """Beds acquired one after the other; the series' time is that of a later processing."""
    return [
        pet(ImagePositionPatient=[0, 0, 5.0 * s], AcquisitionTime=f"12{10 * t + s:02d}00", SeriesTime="130000")
        for t in range(times)
        for s in range(slices)
    ]


def test_suv_is_the_same_for_every_part(tmp_path):
    write_series(tmp_path, whole_body())
    da = dx.open_series(tmp_path)
    late = da.isel(time=1, slice=slice(1, None))
    for part in (da, late, da.isel(time=-1), da.isel(slice=[2]), da.isel(row=0, col=0), da.max("time")):
        np.testing.assert_allclose(part.dicom.suv(), WANT, rtol=1e-6)
    np.testing.assert_allclose((2 * da).dicom.suv(), 2 * WANT, rtol=1e-6)
    np.testing.assert_allclose(da.astype("f8").copy().compute().dicom.suv(), WANT, rtol=1e-6)


def test_suv_works_after_a_store(tmp_path):
    write_series(tmp_path / "in", whole_body())
    cohort = dx.open_cohort(tmp_path / "in")
    cohort.to_zarr(tmp_path / "out.zarr")
    (key,) = cohort
    kept = dx.open_cohort(tmp_path / "out.zarr").open(key)
    np.testing.assert_allclose(kept.isel(time=1).dicom.suv(), WANT, rtol=1e-6)
    xr.testing.assert_identical(kept.compute(), cohort.open(key).compute())


def test_suv_is_taken_once(tmp_path):
    write_frame(tmp_path / "a", pet())
    da = dx.open_series(tmp_path)
    with pytest.raises(dx.HeaderError, match="SUV already"):
        da.dicom.suv().dicom.suv()
    with pytest.raises(dx.HeaderError, match="rescale=True"):
        dx.open_series(tmp_path, rescale=False).dicom.suv()
    with pytest.raises(dx.HeaderError, match="only a PET"):
        dx.open_series(dx.testing.example("dce")).mean("time").dicom.suv()


def test_suv_of_unlike_series_is_no_one_factor(tmp_path):
    for n, start in enumerate(("120000", "130000")):
        write_frame(tmp_path / f"{n}", pet(ImagePositionPatient=[0, 0, 5.0 * n], SeriesTime=start))
    with pytest.raises(dx.HeaderError, match="SeriesTime"):
        dx.open_series(tmp_path).dicom.suv()
