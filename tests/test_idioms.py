"""What xarray teaches, on arrays of real scanners: every idiom runs, with dask and without, and gives what numpy gives."""

import pickle
import warnings

import numpy as np
import pytest
import xarray as xr

import dcmxarray as dx
from dcmxarray.testing import count_reads, dce, write_series

from .making import diffusion, opened

SERIES = {
    "dynamic": "erling6232+imagedata/data/dicom/time_all",
    "fmri": "icometrix+dicom2nifti/tests/data/philips/fmri/001",
    "diffusion": "neurolabusc+dcm_qa_canon",
}
CHUNKS = ["auto", {"time": 1}, None]


@pytest.fixture(scope="module")
def tables(series):
    """The frame table of each series, read once."""
    found = {}

    def table(name):
        if name not in found:
            found[name] = dx.scan(series(SERIES[name]))
        return found[name]

    return table


def arrays(frames, chunks):
    """The array of a series, and the same values, coordinates and attributes in an array that xarray alone made."""
    given = chunks if not isinstance(chunks, dict) or dx.open_series(frames).sizes.get("time") else {}
    lazy = dx.open_series(frames, chunks=given)
    loaded = dx.open_series(frames, chunks=None)
    coords = {name: (c.dims, c.to_numpy().copy(), c.attrs) for name, c in loaded.coords.items()}
    return lazy, xr.DataArray(loaded.to_numpy().copy(), coords, loaded.dims, attrs=loaded.attrs, name=loaded.name)


def norm(volume, power):
    """What a user's function may do to a block."""
    return np.abs(volume.astype(float)) ** power


OVER_TIME = {
    "difference of times": lambda da: da.isel(time=-1) - da.isel(time=0),
    "differences": lambda da: da.astype(float).diff("time"),
    "coarsen over time": lambda da: da.coarsen(time=2, boundary="trim").mean(),
    "coarsen over all": lambda da: da.coarsen(time=2, slice=2, row=3, boundary="trim").mean(),
    "interp between times": lambda da: da.interp(time=da["time"][:-1] + 0.25),
    "interp between slices": lambda da: da.interp(slice=da["slice"][:-1] + 0.5, row=da["row"][2:8] + 0.1),
    "rolling": lambda da: da.rolling(time=3, center=True, min_periods=1).mean(),
    "polyfit": lambda da: da.polyfit("time", 1)["polyfit_coefficients"],
    "where with a mask": lambda da: da.where(da.mean("time") > 30),
    "cropped to a mask": lambda da: da.where((da.mean("time") > 100).compute(), drop=True),
    "apply_ufunc": lambda da: xr.apply_ufunc(norm, da, 2, dask="parallelized", output_dtypes=[float]),
    "along a dim": lambda da: xr.apply_ufunc(
        np.fft.rfft,
        da,
        input_core_dims=[["time"]],
        output_core_dims=[["f"]],
        exclude_dims={"time"},
        dask="parallelized",
        output_dtypes=[complex],
        dask_gufunc_kwargs={"output_sizes": {"f": da.sizes["time"] // 2 + 1}, "allow_rechunk": True},
    ),
    "map_blocks": lambda da: xr.map_blocks(lambda block: block * 2.0, da, template=da * 2.0),
    "normalized": lambda da: (da - da.mean("time")) / (da.std("time") + 1),
    "groupby and subtract": lambda da: da.groupby("time").mean(),
    "quantile": lambda da: da.chunk(time=-1).quantile(0.5, "time") if da.chunks else da.quantile(0.5, "time"),
    "argmax": lambda da: da.idxmax("time"),
    "stacked": lambda da: da.stack(voxel=("slice", "row", "col")).mean("voxel"),
    "shifted": lambda da: da.shift(time=1, fill_value=0),
    "sorted": lambda da: da.sortby("time", ascending=False),
    "padded": lambda da: da.pad(row=1, constant_values=0),
}


def check(idiom, frames, chunks):
    lazy, plain = arrays(frames, chunks)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got, want = idiom(lazy).compute(), idiom(plain)
    xr.testing.assert_allclose(got, want)
    return got, plain


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
@pytest.mark.parametrize("idiom", OVER_TIME)
def test_over_time(idiom, chunks, tables):
    check(OVER_TIME[idiom], tables("dynamic"), chunks)


@pytest.mark.parametrize("chunks", ["auto", None])
@pytest.mark.parametrize("idiom", ["difference of times", "coarsen over time", "rolling", "normalized"])
def test_over_volumes_without_a_clock(idiom, chunks, tables):
    check(OVER_TIME[idiom], tables("fmri"), chunks)


@pytest.mark.parametrize("chunks", ["auto", None])
@pytest.mark.parametrize("name", ["dynamic", "fmri"])
def test_a_difference_does_not_wrap(name, chunks, tables):
    lazy, plain = arrays(tables(name), chunks)
    exact = plain.to_numpy().astype("i8")
    np.testing.assert_array_equal(lazy.isel(time=-1) - lazy.isel(time=0), exact[:, -1] - exact[:, 0])


KEPT = ("coarsen over all", "interp between slices", "rolling", "where with a mask", "sorted")


@pytest.mark.parametrize("idiom", KEPT)
def test_the_place_is_kept(idiom, tables):
    got, plain = check(OVER_TIME[idiom], tables("dynamic"), "auto")
    first = [float((got[d][0] - plain[d][0]) / (plain[d][1] - plain[d][0])) for d in ("slice", "row", "col")]
    np.testing.assert_allclose(
        got.dicom.affine[:3, 3], plain.dicom.affine[:3] @ [*first, 1], atol=1e-3
    )  # as far as coordinates are rounded


@pytest.mark.parametrize("chunks", ["auto", None])
def test_resample_by_the_clock(chunks, tables):
    da = dx.open_series(tables("dynamic"), chunks=chunks).dicom.to_datetime()
    bins = da.resample(time="1h").mean().compute()
    assert bins.sizes["time"] == 1
    np.testing.assert_allclose(bins.isel(time=0), da.to_numpy().astype(float).mean(1), rtol=1e-5)


OVER_B = {
    "difference of volumes": lambda da: da.isel(b=-1) - da.isel(b=0),
    "groupby": lambda da: da.groupby("b").mean(),
    "groupby_bins": lambda da: da.groupby_bins("b", [-1, 50, 5000]).mean(),
    "one shell": lambda da: da.sel(b=float(da["b"].max())).mean("b"),
    "mask of b": lambda da: da.sel(b=da["b"] > 500).max("b"),
    "signal": lambda da: np.log(da.where(da > 0)).groupby("b").mean(),
}


@pytest.mark.parametrize("chunks", ["auto", None])
@pytest.mark.parametrize("idiom", OVER_B)
def test_over_b(idiom, chunks, tables):
    check(OVER_B[idiom], tables("diffusion"), chunks)


@pytest.mark.parametrize("chunks", ["auto", None])
def test_shells(chunks, tmp_path):
    b = [1005, 0, 995, 2000, 1000, 5, 1995, 0, 700]
    g = np.random.default_rng(1).normal(size=(len(b), 3))
    frames = [
        diffusion(5 * z, v, [0, 0, 0] if v < 50 else list(map(float, g[k] / np.linalg.norm(g[k]))), k)
        for k, v in enumerate(b)
        for z in (0, 1)
    ]
    da = opened(tmp_path, frames, chunks=chunks)
    assert da.dicom.shell(1000)["b"].values.tolist() == [1005, 995, 1000]
    assert da.dicom.shell(1000, tolerance=0)["b"].values.tolist() == [1000]
    assert da.dicom.shell(0)["b"].values.tolist() == [0, 5, 0]
    assert da.dicom.shell(slice(500, 1500))["b"].values.tolist() == [1005, 995, 1000, 700]
    assert da.dicom.shell(slice(1995, None))["b"].values.tolist() == [2000, 1995]
    np.testing.assert_array_equal(da.dicom.shell(2000).isel(row=0, col=0, slice=1), [3, 6])
    assert da.dicom.shell(2000).dicom.bvecs.shape == (2, 3)
    assert da.isel(b=3).dicom.shell(2000).sizes == da.isel(b=3).sizes
    with count_reads() as read:
        da.dicom.shell(2000).isel(slice=1).load()
    assert len(read) == 2
    for wrong, kind, told in [(3000, dx.HeaderError, "the array has 0, 5, 700"), (slice(0, 9, 2), ValueError, "step")]:
        with pytest.raises(kind, match=told):
            da.dicom.shell(wrong)
    with pytest.raises(ValueError, match="tolerance"):
        da.dicom.shell(1000, tolerance=-1)
    with pytest.raises(dx.HeaderError, match="no b-value"):
        da.drop_vars("b").dicom.shell(0)


# --- files -------------------------------------------------------------------------------------------------------------------


def same(again, da):
    """Whether an array that was written and read has the values, the coordinates and the place of another one."""
    xr.testing.assert_equal(again.load(), da.compute())
    assert again.dtype == da.dtype
    assert {k: v for k, v in again.attrs.items() if isinstance(v, str)} == {
        k: v for k, v in da.attrs.items() if isinstance(v, str)
    }
    np.testing.assert_allclose(again.dicom.affine, da.dicom.affine)


@pytest.mark.parametrize("chunks", ["auto", None])
@pytest.mark.parametrize("name", SERIES)
def test_netcdf(name, chunks, tables, tmp_path):
    pytest.importorskip("h5netcdf")
    da = dx.open_series(tables(name), chunks=chunks)
    da.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with xr.open_dataarray(tmp_path / "a.nc", engine="h5netcdf") as again:
        same(again, da)


@pytest.mark.parametrize("chunks", ["auto", None])
@pytest.mark.parametrize("name", SERIES)
def test_zarr(name, chunks, tables, tmp_path):
    da = dx.open_series(tables(name), chunks=chunks)
    da.to_zarr(tmp_path / "a.zarr", consolidated=False)  # Zarr 3 has no consolidated metadata: zarr warns of them
    same(xr.open_dataarray(tmp_path / "a.zarr", engine="zarr", consolidated=False), da)


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("chunks", ["auto", None])
def test_pickle(name, chunks, tables):
    da = dx.open_series(tables(name), chunks=chunks)
    xr.testing.assert_identical(pickle.loads(pickle.dumps(da)).load(), da.compute())


# --- xarray's own door -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [{}, {"time": 1}, {"time": -1}, None], ids=str)
def test_open_dataset(chunks, tables, series):
    ds = xr.open_dataset(series(SERIES["dynamic"]), engine="dicom", chunks=chunks)
    want = dx.open_series(tables("dynamic"), chunks=None)
    if chunks is not None:
        assert set(ds.chunks) == set(want.dims)
        assert ds.chunks["slice"] == (want.sizes["slice"],)
        assert max(ds.chunks["time"]) == (want.sizes["time"] if chunks == {"time": -1} else 1)
    xr.testing.assert_allclose(ds["image"].mean("time").compute(), want.mean("time"))
    xr.testing.assert_allclose(xr.map_blocks(lambda part: part.mean("row"), ds)["image"].compute(), want.mean("row"))


def test_open_mfdataset(tmp_path):
    frames = dce(slices=2, times=4, size=8)
    for k in range(2):
        write_series(tmp_path / str(k), frames[4 * k : 4 * k + 4])
    folders = [tmp_path / "0", tmp_path / "1"]
    options = {"combine": "nested", "concat_dim": "time", "coords": "minimal", "compat": "override", "join": "override"}
    ds = xr.open_mfdataset(folders, engine="dicom", **options)
    one, other = (dx.open_series(folder, chunks=None) for folder in folders)
    assert ds.chunks == {"slice": (2,), "time": (1,) * 4, "row": (8,), "col": (8,)}
    np.testing.assert_array_equal(ds["image"], np.concatenate([one, other], axis=1))
    with count_reads() as read:
        ds["image"].isel(time=3).load()
    assert len(read) == 2
