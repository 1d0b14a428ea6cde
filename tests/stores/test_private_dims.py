"""A dim of a private element in a store: what only counts is kept, values are dropped unless the user keeps identifiers."""

import xarray as xr

import dcmxarray as dx

from ..making import frame, opened
from ..stacks.test_cycles import NAMES, cells, enhanced

NAME = "(2005,A Vendor 001,45)"


def test_a_dim_that_only_counts_is_kept(tmp_path):
    (tmp_path / "e").mkdir()
    enhanced(tmp_path / "e" / "e.dcm", NAMES, cells())
    da = dx.open_series(tmp_path / "e").load()
    da.dicom.to_zarr(str(tmp_path / "one.zarr"))
    assert xr.open_zarr(tmp_path / "one.zarr")["image"][NAME].values.tolist() == [1, 2, 3]
    dx.open_cohort(tmp_path / "e").to_zarr(str(tmp_path / "all.zarr"))
    cohort = dx.open_cohort(str(tmp_path / "all.zarr"))
    assert cohort.open(next(iter(cohort))).equals(da)


def test_private_values_are_kept_only_if_asked(tmp_path):
    tag = (0x2005, "A Vendor 001", 0x45)
    frames = [frame(5 * s, value=v) | {(*tag, "LO"): f"state {v}", "InstanceNumber": 1} for s in range(2) for v in range(2)]
    da = opened(tmp_path / "d", frames, dims=[tag])
    da.dicom.to_zarr(str(tmp_path / "drop.zarr"))
    assert NAME not in xr.open_zarr(tmp_path / "drop.zarr")["image"].coords
    da.dicom.to_zarr(str(tmp_path / "keep.zarr"), identifiers="keep")
    assert xr.open_zarr(tmp_path / "keep.zarr")[NAME].values.tolist() == ["state 0", "state 1"]
