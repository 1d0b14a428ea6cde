"""What comes back from a store is what went in, or an error."""

import json
import warnings

import numpy as np
import pytest
import xarray as xr

import dcmxarray as dx
from dcmxarray.stores import arrays, objects, reading


def array(values, **coords):
    return xr.DataArray(values, dims=("time", "row", "col")[: values.ndim], coords=coords, attrs={"units": "1"})


ZEROS = np.zeros((4, 6, 5), np.int16)
VALUES = np.arange(120, dtype=np.int16).reshape(4, 6, 5)
KEPT = {
    "zeros": array(ZEROS),
    "zeros of dask": array(ZEROS).chunk({"time": 1}),
    "a shard of zeros": array(VALUES * (VALUES > 60)),
    "minus zero": array(ZEROS.astype("f4") * -1),
    "nan": array(np.full((2, 3), np.nan, "f4")),
    "one number": array(np.array(3)),
    "one of dask": array(VALUES).chunk().max(),
    "one value": array(VALUES[:1, :1, :1]),
    "nothing": array(VALUES[:0], t=("time", np.array([], "U5"))),
    "bool": array(VALUES > 7).chunk(),
    "float16": array(VALUES.astype("f2")),
    "complex": array(VALUES * 1j),
    "texts": array(VALUES, t=("time", ["", "ä", "日本", "x"]), s=""),
    "objects": array(VALUES, t=("time", np.array(["a", "bb", "c", ""], object))),
    "not a time": array(
        VALUES, t=("time", np.array(["2020-01-01", "NaT", "NaT", "1850-03-04"], "M8[us]")), s=np.datetime64("NaT", "us")
    ),
    "nanoseconds": array(VALUES, t=("time", np.arange(4).astype("M8[ns]"))),
    "days": array(VALUES, t=("time", np.array(["2020-01-01", "NaT", "NaT", "1850-03-04"], "M8[ms]"))),
    "names": array(VALUES, **{"(0019,A/B ..,10)": ("time", np.arange(4)), "image": 1, "..": 2, "zarr.json": 3}),
    "colour": xr.DataArray(np.ones((2, 4, 4, 3), np.uint8), dims=("slice", "row", "col", "rgb")),
}
REFUSED = {
    "times": array(VALUES.astype("M8[s]")),
    "texts": array(VALUES.astype(str)),
    "objects": array(VALUES.astype(object)),
    "mixed": array(VALUES, t=("time", np.array(["a", None, 1, 2.5], object))),
    "an instruction": array(VALUES).assign_attrs(scale_factor=2.0),
    "half a character": array(VALUES, t=("time", ["a\udc80"] * 4)),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_comes_back_identical(name, tmp_path):
    one = KEPT[name].rename("image")
    chunks = {"time": 1} if "time" in one.dims else None
    one.dicom.to_zarr(tmp_path / "a.zarr", identifiers="keep", chunks=chunks)
    with objects.opened(tmp_path / "a.zarr") as store:
        assert arrays.verify(store, "", arrays.mark(store, "")) is None
        for how in ("auto", None):
            two = reading.open_array(store, "", how).compute()
            xr.testing.assert_identical(two, one.compute())
            assert two.dtype == one.dtype
            assert [two[n].dtype.kind for n in one.coords] == [one[n].dtype.kind for n in one.coords]


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_come_back_as_something_else_is_an_error(name, tmp_path):
    with pytest.raises(dx.StoreError, match="can't be kept"):
        REFUSED[name].dicom.to_zarr(tmp_path / "a.zarr")
    assert not list(tmp_path.rglob("*.json"))


@pytest.fixture
def store(tmp_path):
    cohort = dx.open_cohort(dx.testing.example("cohort"))
    cohort.to_zarr(tmp_path / "c.zarr")
    return cohort, tmp_path / "c.zarr"


def damage(path, at=0.5):
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["gone", "empty", "flipped"])
@pytest.mark.parametrize("which", ["image/c/*/*/*/*", "slice/c/0", "position_x/c/*", "zarr.json"])
def test_damage_is_an_error_and_costs_one_array(store, which, how):
    cohort, place = store
    key, other = cohort
    path = next((place / key).glob(which))
    path.unlink() if how == "gone" else path.write_bytes(b"") if how == "empty" else damage(path)
    stored = dx.open_cohort(place)
    for chunks in ("auto", None):
        with pytest.raises(dx.StoreError, match=key):
            stored.open(key, chunks=chunks).load()
    assert stored.open(other).load().equals(cohort.open(other).load())
    assert cohort.verify(place)["status"].tolist() in (["damaged", "whole"], ["missing", "whole"])


@pytest.mark.parametrize("how", ["gone", "flipped"])
@pytest.mark.parametrize("which", ["tables/series/*/c/0", "tables/frames/*/c/0", "zarr.json"])
def test_damaged_tables_and_roots_are_said_and_mended(store, which, how):
    cohort, place = store
    path = next(place.glob(which))
    path.unlink() if how == "gone" else damage(path, 0.1)
    assert not cohort.verify(place)["status"].eq("whole").all()
    with pytest.raises(dx.StoreError):
        _ = dx.open_cohort(place).frames
    if which == "zarr.json":
        with pytest.raises(dx.StoreError, match="nothing was written"):
            cohort.to_zarr(place)
        return
    assert cohort.to_zarr(place)["status"].tolist() == ["kept", "kept"]
    assert cohort.verify(place)["status"].eq("whole").all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(dx.open_cohort(place).frames) == len(cohort.frames)


def test_a_wrong_option_is_one_error_and_writes_nothing(store, tmp_path):
    cohort, place = store
    for wrong, kind in (
        ({"tag": ["EchoTime"]}, TypeError),
        ({"chunks": {"tmie": 1}}, ValueError),
        ({"chunks": {"time": 0}}, ValueError),
    ):
        with pytest.raises(kind):
            cohort.to_zarr(tmp_path / "new.zarr", **wrong)
    with pytest.raises(TypeError, match="rescale"):
        dx.open_cohort(place).to_zarr(tmp_path / "new.zarr", rescale=False)
    assert not (tmp_path / "new.zarr").exists()


def test_every_chunk_has_a_checksum_that_plain_zarr_reads(store):
    cohort, place = store
    for path in (place / next(iter(cohort))).glob("*/zarr.json"):
        assert "crc32c" in json.dumps(json.loads(path.read_text())["codecs"])
