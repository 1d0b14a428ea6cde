"""Coordinates, attributes, geometry and laziness of arrays."""

import pickle

import numpy as np
import pydicom
import pytest
import xarray as xr
from dask.base import tokenize
from hypothesis import given
from hypothesis import strategies as st

import dcmxarray as dx
from dcmxarray.testing import count_reads, write_series


@pytest.fixture(scope="module")
def dce():
    return dx.open_series(dx.testing.example("dce"))


def test_attributes_are_what_every_file_says_alike(tmp_path):
    frames = [f | {"RepetitionTime": 4 + n, "ProtocolName": "p"} for n, f in enumerate(dx.testing.dce(slices=3, times=1, size=4))]
    frames[0] |= {"StudyDescription": "only here"}
    write_series(tmp_path, frames)
    da = dx.open_series(tmp_path)
    assert da.attrs["ProtocolName"] == "p"
    assert "RepetitionTime" not in da.attrs
    assert da["tr"].dims == ("slice",)
    assert "StudyDescription" not in da.attrs
    assert da.attrs["ImageType"] == ["ORIGINAL", "PRIMARY", "M"]
    assert da.attrs["StudyDate"] == "20260101"
    assert "PatientName" not in da.attrs


def test_times_have_seconds_and_dates(dce):
    assert dce["time"].attrs["units"] == "s"
    assert dce.dicom.to_datetime()["time"].values[1] == np.datetime64("2026-01-01T12:00:05")


def test_header_is_that_of_the_frame(dce):
    header = dce.isel(row=slice(3, 5)).dicom.header(time=3, slice=2)
    assert (header.AcquisitionTime, float(header.ImagePositionPatient[2])) == ("120015.200000", 10.0)
    assert "PixelData" not in header
    with pytest.raises(dx.HeaderError, match="opened array"):
        (dce + 1).dicom.header()


# --- geometry ----------------------------------------------------------------------------------------------------------------

cuts = st.tuples(st.integers(0, 2), st.integers(3, 8), st.sampled_from([1, 2, -1]))


def cut(size, start, stop, step):
    return slice(start, min(stop, size), step) if step > 0 else slice(min(stop, size) - 1, start - 1 if start else None, step)


@pytest.mark.slow
@given(cuts, cuts, cuts, st.integers(0, 10**6))
def test_crop_then_affine_is_affine_then_crop(tmp_path_factory, s, r, c, seed):
    folder = tmp_path_factory.mktemp("oblique")
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    row, column = q[0], q[1]
    normal = np.cross(row, column)
    origin = rng.normal(size=3) * 50
    frames = [
        {"ImagePositionPatient": [f"{v:.10g}" for v in origin + 4 * k * normal], "pixels": np.zeros((8, 8), np.uint16),
         "ImageOrientationPatient": [f"{v:.10g}" for v in (*row, *column)], "PixelSpacing": [1.5, 0.5]}
        for k in range(8)
    ]  # fmt: skip
    write_series(folder, frames, shuffle=1)
    da = dx.open_series(folder)
    want = np.stack([4 * normal, 1.5 * column, 0.5 * row, origin], axis=1)
    assert np.allclose(da.dicom.affine[:3], want, atol=1e-6)
    cuts3 = [cut(8, *k) for k in (s, r, c)]
    kept = [np.arange(8)[k] for k in cuts3]
    index = np.stack([k[: min(map(len, kept))] for k in kept])
    part = da.isel(slice=cuts3[0], row=cuts3[1], col=cuts3[2])
    places = want[:, :3] @ index + want[:, 3:]
    n = index.shape[1]
    got = part.dicom.affine[:3, :3] @ np.tile(np.arange(n), (3, 1)) + part.dicom.affine[:3, 3:]
    assert np.allclose(got, places, atol=1e-5)


def test_a_tilted_gantry_shears_the_affine(series):
    da = dx.open_series(series("icometrix+dicom2nifti/tests/data/failing/gantrytilting/001"))
    for k in range(da.sizes["slice"]):
        place = [float(da[f"position_{axis}"][k]) for axis in "xyz"]
        assert np.allclose(da.dicom.affine[:3] @ [k, 0, 0, 1], place, atol=0.05)
    cut = da.isel(row=slice(10, None), slice=[2]).assign_attrs(SliceThickness=5)
    assert np.allclose(cut.dicom.affine[:3, 3] - da.dicom.affine[:3] @ [2, 10, 0, 1], 0, atol=0.05)


def test_uneven_slices_have_coordinates_and_no_affine(series):
    da = dx.open_series(series("pydicom+pydicom/src/pydicom/data/test_files/dicomdirtests/77654033/CT2"))
    assert np.diff(da["slice"]).max() > 200
    with pytest.raises(dx.GridError, match=r"unevenly spaced.*interp"):
        _ = da.dicom.affine


# --- laziness ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", ["auto", None, {}, {"time": 2}])
def test_one_frame_reads_one_file(chunks):
    folder = dx.testing.example("dce")
    with count_reads() as opened:
        da = dx.open_series(folder, chunks=chunks)
    assert len(opened) == 24
    with count_reads() as opened:
        da.isel(time=3, slice=2).load()
    assert len(opened) == 1


def test_any_number_of_selections_without_dask():
    da = dx.open_series(dx.testing.example("dce"), chunks=None)
    with count_reads() as opened:
        da.isel(time=slice(1, 5)).sel(slice=slice(5, 10)).isel(time=[0, 2], slice=slice(None, None, -1)).load()
    assert len(opened) == 4


@pytest.mark.slow
@given(st.data())
def test_chunked_is_eager(data):
    folder = dx.testing.example("dce")
    eager = dx.open_series(folder, chunks=None).load()
    lazy = dx.open_series(folder, chunks=data.draw(st.sampled_from(["auto", None, {}, {"row": 7, "time": 4}])))
    index = {
        dim: data.draw(
            st.one_of(st.integers(0, n - 1), st.lists(st.integers(0, n - 1), min_size=1, max_size=4), st.slices(n)),
            label=str(dim),
        )
        for dim, n in eager.sizes.items()
    }
    xr.testing.assert_identical(lazy.isel(index).load(), eager.isel(index))


@pytest.mark.parametrize("index", [slice(0, 0, -1), slice(3, 3), [], slice(None, None, -3)])
@pytest.mark.parametrize("dim", ["time", "col"])
def test_empty_and_reversed_selections(dim, index):
    lazy = dx.open_series(dx.testing.example("dce"), chunks=None)
    xr.testing.assert_identical(lazy.isel({dim: index}).load(), lazy.copy().load().isel({dim: index}))


def test_pointwise_selection():
    lazy = dx.open_series(dx.testing.example("dce"), chunks=None)
    points = {d: xr.DataArray([0, 2, 1], dims="point") for d in ("slice", "time", "row")}
    xr.testing.assert_identical(lazy.isel(points).load(), dx.open_series(dx.testing.example("dce")).compute().isel(points))


def test_arrays_pickle_small_and_hash_stably():
    folder = dx.testing.example("dce")
    one, other = dx.open_series(folder), dx.open_series(folder)
    assert tokenize(one.data) == tokenize(other.data)
    assert one.data.name == other.data.name
    assert len(pickle.dumps(one.data)) < 20_000
    again = pickle.loads(pickle.dumps(dx.open_series(folder, chunks=None)))
    xr.testing.assert_identical(again.load(), one.load())


def test_the_engine(dce):
    ds = xr.open_dataset(dx.testing.example("dce"), engine="dicom", chunks={}, drop_variables=["te"])
    assert ds["image"].chunks == ((4,), (1,) * 6, (32,), (32,))
    assert "te" not in ds
    np.testing.assert_array_equal(ds["image"].values, dce.values)
    with pytest.raises(dx.SeriesError):
        xr.open_dataset(dx.testing.example("cohort"), engine="dicom")
    assert xr.open_dataset(dx.testing.example("cohort"), engine="dicom", series="dwi").sizes["b"] == 7


def test_values_are_those_of_every_file(series):
    da = dx.open_series(series("icometrix+dicom2nifti/tests/data/philips/fmri/001"))
    for t in range(4):
        for s in range(2):
            header = da.dicom.header(time=t, slice=s)
            file = pydicom.dcmread(header.filename)
            np.testing.assert_array_equal(da.isel(time=t, slice=s).values, file.pixel_array)
            assert np.isclose(float(da["position_z"][s]), float(file.ImagePositionPatient[2]))


def test_series_over_folders_and_uids_are_joined_by_a_list(tmp_path):
    for t in range(3):
        frames = [
            f | {"SeriesInstanceUID": dx.testing.writer.uid("t", t)}
            for f in dx.testing.dce(slices=2, times=3, size=4)[2 * t : 2 * t + 2]
        ]
        write_series(tmp_path / str(t), frames)
    with pytest.raises(dx.SeriesError, match="3 arrays"):
        dx.open_series(tmp_path)
    da = dx.open_series([tmp_path / "2", tmp_path / "0", tmp_path / "1"])
    assert dict(da.sizes) == {"slice": 2, "time": 3, "row": 4, "col": 4}
    assert dx.open_series([tmp_path / "1"]).sizes["slice"] == 2
