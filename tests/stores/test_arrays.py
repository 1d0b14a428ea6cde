"""One stored array: written anew over whatever lies there."""

import numpy as np
import xarray as xr

import dcmxarray as dx
from dcmxarray.testing import dce, write_series


def test_a_damaged_shard_at_the_edge_is_replaced_unread(tmp_path):
    array = dx.open_series(write_series(tmp_path / "source", dce(slices=3, times=1, size=8))[0].parent).compute()
    store = tmp_path / "one.zarr"
    array.dicom.to_zarr(store, chunks={"slice": 2})
    shards = [path for path in (store / "image/c").rglob("*") if path.is_file()]
    for shard in shards:
        shard.write_bytes(b"cut")
    (array + np.int16(1)).dicom.to_zarr(store, chunks={"slice": 2}, overwrite=True)
    np.testing.assert_array_equal(xr.open_zarr(store)["image"], array + 1)
