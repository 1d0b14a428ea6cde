"""Where an array is read from, whoever opened it, and however the target is spelled."""

import os

import dask.array
import numpy as np
import pytest
import xarray as xr
import zarr
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from fsspec.implementations.local import LocalFileSystem
from zarr.storage import FsspecStore, LocalStore, MemoryStore, WrapperStore

import dcmxarray as dx
from dcmxarray.stores import layout
from dcmxarray.testing import dce, write_series

OPENED = {
    "xarray": lambda store, array: xr.open_zarr(store, group="a", consolidated=False)["image"],
    "xarray without dask": lambda store, array: xr.open_zarr(store, group="a", chunks=None, consolidated=False)["image"],
    "dask": lambda store, array: array.copy(data=dask.array.from_zarr(zarr.open_group(store)["a/image"])).drop_encoding(),
}


@pytest.fixture
def source(tmp_path):
    write_series(tmp_path / "source", dce(slices=2, times=4, size=8))
    return tmp_path / "source"


@pytest.mark.parametrize("opened", OPENED)
@pytest.mark.parametrize("where", ["folder", "memory"])
def test_a_store_that_others_opened_is_not_written_while_it_is_read(source, tmp_path, monkeypatch, opened, where):
    """Else shards are read after others were written over them: the values would be wrong, and the old ones lost."""
    monkeypatch.setattr(layout, "SHARD_BYTES", 200)
    array = dx.open_series(source).load()
    store = MemoryStore() if where == "memory" else tmp_path / "s.zarr"
    array.dicom.to_zarr(store, group="a", chunks={"time": 1, "slice": 1})
    lazy = OPENED[opened](store, array).isel(time=[3, 2, 1, 0])  # xarray 2025.12 itself loses a lazy array by a step of -1
    with pytest.raises(dx.StoreError, match="which is read"):
        lazy.dicom.to_zarr(store, group="a", overwrite=True)
    np.testing.assert_array_equal(xr.open_zarr(store, group="a", consolidated=False)["image"], array)
    lazy.dicom.to_zarr(store, group="b")
    np.testing.assert_array_equal(xr.open_zarr(store, group="b", consolidated=False)["image"], array[:, ::-1])


SPELLED = [
    "file://{}",
    "FILE://{}",
    "file://localhost{}",
    "file:{}",
    "local://{}",
    "simplecache::file://{}",
    lambda path: WrapperStore(LocalStore(path)),
    lambda path: FsspecStore(AsyncFileSystemWrapper(LocalFileSystem(auto_mkdir=True), asynchronous=True), path=path),
]


@pytest.mark.skipif(os.name == "nt", reason="URLs of paths with drives")
@pytest.mark.parametrize("spelled", SPELLED)
def test_a_place_in_the_source_however_it_is_spelled(source, tmp_path, spelled, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = str(source / "new.zarr")
    place = spelled.format(path) if isinstance(spelled, str) else spelled(path)
    before = sorted(tmp_path.rglob("*"))
    for write in (dx.open_series(source).dicom.to_zarr, dx.open_cohort(source).to_zarr):
        with pytest.raises(dx.StoreError, match="lies inside"):
            write(place)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_index_on_a_full_disk_is_said(source, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(dx.StoreError, match=r"i.parquet: the index can't be written \(No space left"):
        dx.open_cohort(source, index=tmp_path / "i.parquet")
    assert [p.name for p in tmp_path.iterdir()] == ["source"]
