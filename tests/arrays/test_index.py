"""What lies in one place combines without losing a cell; what does not is an error that says the way out."""

import pickle

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import dcmxarray as dx
from dcmxarray.arrays.index import PlaceIndex

from ..making import frame, opened

CORONAL = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
CELL_BY_CELL = ["slice", "row", "col"]


def stack(folder, positions=(0, 5, 10), **elements):
    """A stack of axial slices of 3 x 4 pixels of 2 mm, as floats."""
    return opened(folder, [frame(z, value=n + 1, **elements) for n, z in enumerate(positions)]).astype(float)


@pytest.fixture
def axial(tmp_path_factory):
    return stack(tmp_path_factory.mktemp("axial"))


@pytest.fixture
def coronal(tmp_path_factory):
    frames = [frame(0, value=9, **CORONAL) | {"ImagePositionPatient": [0, y, 0]} for y in (0, -5, -10)]
    return opened(tmp_path_factory.mktemp("coronal"), frames).astype(float)


def bare(array):
    """The array with numbers alone: xarray reindexes coordinates of text, and would compare indexes for them."""
    return array.drop_vars([name for name, coord in array.coords.items() if coord.dtype.kind not in "if"])


COMBINATIONS = {
    "sum": lambda a, b: a + b,
    "comparison": lambda a, b: a > b,
    "in place": lambda a, b: a.copy().__iadd__(b),
    "one slice": lambda a, b: a.isel(slice=0) - b.isel(slice=0),
    "means": lambda a, b: a.mean("row") + b.mean("row"),
    "without attributes": lambda a, b: a.mean("slice", keep_attrs=False) + b.mean("slice", keep_attrs=False),
    "fits": lambda a, b: a.polyfit("slice", 1).polyfit_coefficients + b.polyfit("slice", 1).polyfit_coefficients,
    "mask": lambda a, b: a.where(b > 3),
    "xr.where": lambda a, b: xr.where(a > 3, a, b),
    "apply_ufunc": lambda a, b: xr.apply_ufunc(np.hypot, a, b, dask="allowed"),
    "dot": lambda a, b: xr.dot(a, b),
    "concat": lambda a, b: xr.concat([a, b], "n"),
    "concat along slice": lambda a, b: xr.concat([a.isel(col=0, row=0), b.isel(col=0, row=0)], "slice"),
    "dataset": lambda a, b: xr.Dataset({"a": a, "b": b}),
    "reindex_like": lambda a, b: a.reindex_like(b),
    "interp_like": lambda a, b: bare(a).interp_like(bare(b)),
    "interp": lambda a, b: bare(a).interp(slice=b["slice"].variable),
    "interp to one slice": lambda a, b: bare(a).interp(slice=b["slice"][1]),
    "sel": lambda a, b: a.sel(slice=b["slice"], method="nearest"),
    "sel of one row": lambda a, b: a.sel({"row": b["row"][1]}, method="nearest"),
    "sel of a dataset": lambda a, b: bare(a).to_dataset(name="x").sel(row=b["row"], method="nearest"),
    "interp of a dataset": lambda a, b: bare(a).to_dataset(name="x").interp({"slice": b["slice"].variable}),
    "align left": lambda a, b: xr.align(a, b, join="left"),
    "align exactly": lambda a, b: xr.align(a, b, join="exact"),
    "combine_first": lambda a, b: a.combine_first(b),
    "pickled": lambda a, b: a + pickle.loads(pickle.dumps(b)),
}


@pytest.mark.parametrize("how", COMBINATIONS)
def test_unlike_planes_never_combine(axial, coronal, how):
    for one, two in ((axial, coronal), (coronal, axial)):
        with pytest.raises(dx.GridError, match=r"unlike planes.*drop_indexes"):
            COMBINATIONS[how](one, two)


def test_unlike_frames_of_reference_never_combine(tmp_path, axial):
    moved = stack(tmp_path / "moved", FrameOfReferenceUID="1.2.3")
    with pytest.raises(dx.GridError, match=r"unlike frames of reference.*drop_indexes") as error:
        _ = axial + moved
    assert "1.2.3" not in str(error.value)
    unknown = stack(tmp_path / "unknown", FrameOfReferenceUID=None)
    assert (unknown + moved).sizes == axial.sizes == (axial + unknown).sizes


def test_the_way_out_combines_cell_by_cell(axial, coronal):
    both = axial + coronal.drop_indexes(CELL_BY_CELL, errors="ignore")
    assert both.values.tolist() == (axial.values + coronal.values).tolist()
    np.testing.assert_allclose(both.dicom.affine, axial.dicom.affine)


@pytest.mark.parametrize("noise", [4e-15, 8e-5, 5e-4, 4e-3])
@pytest.mark.parametrize("join", ["inner", "outer", "left", "right", "exact"])
def test_the_noise_of_headers_loses_no_cell(tmp_path, axial, noise, join):
    positions = [[noise, -noise, z + noise] for z in (0, 5, 10)]
    other = opened(tmp_path, [frame(value=7) | {"ImagePositionPatient": [f"{v:.9g}" for v in p]} for p in positions])
    for one, two in ((axial, other), (other, axial)):
        aligned = xr.align(one, two, join=join)
        assert all(dict(a.sizes) == dict(axial.sizes) and not np.isnan(a).any() for a in aligned)
        assert (one - two[::-1, :, ::-1]).values.tolist() == (one - two).values.tolist()
    assert xr.where(axial > 1, other, 0).sizes == axial.sizes


def test_rounding_alone_joins_arrays_that_lost_their_index(axial, tmp_path):
    other = opened(tmp_path, [frame(z + 4e-5) for z in (0, 5, 10)])
    plain = xr.DataArray(other.values, dims=other.dims, coords={d: other[d].values for d in other.dims})
    assert (axial + plain).sizes == (plain + axial).sizes == axial.sizes
    assert (axial + plain.drop_vars(["row"])).sizes == axial.sizes


def test_positions_in_between_say_how_far_off(tmp_path, axial):
    between = stack(tmp_path, (2.5, 7.5))
    with pytest.raises(dx.GridError, match=r"no position along slice: the nearest lie 2.5 mm apart.*match.*interp"):
        _ = axial + between
    assert (axial + between.interp(slice=axial["slice"].values)).sizes == axial.sizes
    assert (axial.isel(slice=slice(0, 2)) + axial.isel(slice=slice(1, 3))).sizes["slice"] == 1
    assert xr.align(axial, between, join="outer")[0]["slice"].values.tolist() == [0, 2.5, 5, 7.5, 10]


def test_fine_slices_are_not_taken_for_one(tmp_path):
    thin = [stack(tmp_path / str(z), (z, z + 0.02, z + 0.04), SliceThickness=0.02) for z in (0, 0.008)]
    with pytest.raises(dx.GridError, match="no position along slice"):
        _ = thin[0] + thin[1]


def test_labels_are_found_within_the_tolerance_and_by_their_neighbours(axial):
    assert float(axial.sel(slice=5.001)[0, 0]) == 2
    assert axial.sel(slice=[10.002, 0])[:, 0, 0].values.tolist() == [3, 1]
    assert float(axial.sel(slice=6, method="nearest")[0, 0]) == 2
    assert axial.sel(slice=slice(4, 11)).sizes["slice"] == 2
    for label in (5.1, [5.1]):
        with pytest.raises(KeyError):
            axial.sel(slice=label)
    assert np.isnan(axial.reindex(slice=[5.0, 7])).values[:, 0, 0].tolist() == [False, True]


KEEPING = {
    "slices": lambda a: a[1:, ::2, ::-1],
    "list": lambda a: a.isel(row=[2, 0, 1], col=[0]),
    "mask": lambda a: a.sel(row=a.row > 1),
    "roll": lambda a: a.roll(row=1, roll_coords=True),
    "sort": lambda a: a[::-1].sortby("slice"),
    "concat": lambda a: xr.concat([a[:1], a[1:]], "slice"),
    "groupby": lambda a: a.groupby("slice").map(lambda one: one - one.mean()),
    "reduce": lambda a: a.expand_dims(time=2).mean("time", keep_attrs=False),
    "fit": lambda a: a.expand_dims(time=[0, 1, 2]).polyfit("time", 1).polyfit_coefficients,
    "where": lambda a: xr.where(a > 1, a, 0, keep_attrs=False),
    "ufunc": lambda a: xr.apply_ufunc(np.hypot, a, a, dask="allowed", keep_attrs=False),
    "transpose": lambda a: a.transpose("col", "row", "slice"),
    "interp_like": lambda a: a.interp_like(a[:2, :2]),
    "dask": lambda a: a.chunk(slice=1).map_blocks(lambda block: block * 2),
    "dataset": lambda a: xr.Dataset({"a": a, "b": a > 1})["b"],
    "rolling": lambda a: a.rolling(row=2).mean(),
    "deep copy": lambda a: a.copy(deep=True),
}


@pytest.mark.parametrize("how", KEEPING)
def test_the_index_and_the_affine_survive(axial, coronal, how):
    kept = KEEPING[how](axial)
    for dim in CELL_BY_CELL:
        index = kept.indexes[dim]
        assert isinstance(index, PlaceIndex)
        assert index.place.direction == axial.indexes[dim].place.direction
    if how not in ("list", "roll"):  # which are unevenly spaced
        np.testing.assert_allclose(np.abs(kept.dicom.affine[:3, :3]).sum(0) % 2, np.abs(axial.dicom.affine[:3, :3]).sum(0) % 2)
    with pytest.raises(dx.GridError, match="unlike planes"):
        _ = kept + coronal


def test_what_pandas_makes_of_the_index_is_usable(axial):
    index = axial.indexes["row"]
    for other in (index.delete(0), index.repeat(2), index.unique(), index.insert(0, 9.0), index.difference(index[:1])):
        assert len(other.append(index)) == len(other) + len(index)
        assert not other.equals(pd.Index(["a"]))
    assert axial.isel(slice=0).to_pandas().loc[2.0, 4.0] == 1
    assert len(axial.to_dataframe("v")) == axial.size
    points = axial.stack(p=("row", "col"))  # noqa: PD013
    assert points.mean("p").equals(axial.mean(["row", "col"]))


def test_rounded_cosines_and_a_small_matrix_hide_no_angle(tmp_path, axial):
    turned = stack(tmp_path / "turned", ImageOrientationPatient=[1.00001, 0.006, 0, -0.006, 1.00001, 0])
    with pytest.raises(dx.GridError, match="unlike planes: row"):
        _ = axial[0] + turned[0]
    near = stack(tmp_path / "near", ImageOrientationPatient=[1.00001, 0.00015, 0, -0.00015, 1.00001, 0])
    assert (axial[0] + near[0]).sizes == axial[0].sizes


def test_a_sheared_stack_does_not_combine_with_a_straight_one(tmp_path, axial):
    tilted = opened(tmp_path / "tilted", [frame(z) | {"ImagePositionPatient": [0, z / 5, z]} for z in (0, 5, 10)])
    with pytest.raises(dx.GridError, match="unlike planes: slice"):
        _ = axial + tilted
    noisy = opened(tmp_path / "noisy", [frame(z) | {"ImagePositionPatient": [0, z / 5 + e, z]} for z, e in ((0, 0), (5, 0.02))])
    assert (tilted + tilted[1:]).sizes["slice"] == (noisy + tilted).sizes["slice"] == 2


def test_plain_readers_of_a_store_have_the_affine(axial, tmp_path):
    axial.dicom.to_zarr(tmp_path / "a.zarr")
    plain = xr.open_zarr(tmp_path / "a.zarr")["image"]
    np.testing.assert_array_equal(plain.dicom.affine, axial.dicom.affine)
    assert (plain + axial).sizes == (axial + plain).sizes == axial.sizes


def plain(array):
    """The array as xarray alone reads it: its indexes know no place, its coordinates have the attributes."""
    coords = {name: (c.dims, c.to_numpy().copy(), c.attrs) for name, c in array.coords.items()}
    return xr.DataArray(array.to_numpy(), coords, array.dims)


@pytest.mark.parametrize("how", [h for h in COMBINATIONS if h not in ("in place", "without attributes", "fits")])
def test_plain_arrays_of_unlike_planes_never_combine(axial, coronal, how):
    for one, two in ((plain(axial), coronal), (axial, plain(coronal)), (plain(axial), plain(coronal))):
        with pytest.raises(dx.GridError, match=r"unlike planes.*drop_indexes"):
            COMBINATIONS[how](one, two)


def test_plain_arrays_of_one_place_combine(axial):
    assert (plain(axial) + plain(axial[1:])).sizes == (axial + plain(axial[1:])).sizes == axial[1:].sizes
    assert plain(axial).sel(slice=axial["slice"][1], method="nearest").sizes == axial[0].sizes


def test_xarrays_engine_gives_the_index(coronal):
    opened = xr.open_dataset(dx.testing.example("dce"), engine="dicom", chunks={})["image"]
    assert isinstance(opened.indexes["col"], PlaceIndex)
    with pytest.raises(dx.GridError, match="unlike planes"):
        _ = opened + coronal


def test_a_cohorts_store_gives_the_index_back(tmp_path):
    dx.open_cohort(dx.testing.example("cohort")).to_zarr(tmp_path / "c.zarr")
    cohort = dx.open_cohort(tmp_path / "c.zarr")
    assert all(isinstance(cohort.open(key).indexes["row"], PlaceIndex) for key in cohort)
