"""Zarr: writing, opening and reading a cached series, beside DICOM and beside zarr alone."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import zarr

import dcmxarray as dx
from dcmxarray.stores.arrays import compressors
from dcmxarray.stores.layout import layout

from .common import dynamic, templates


class Store:
    """30 slices x 10 or 100 times of 128 x 128."""

    timeout = 300
    params = (300, 3000)
    param_names = ("files",)

    def setup(self, count):
        self.folder = dynamic(30, count // 30, 128)
        self.place = Path(tempfile.mkdtemp(prefix="dcmxarray-bench-"))
        self.lazy = dx.open_series(self.folder, chunks=None)
        self.values = self.lazy.to_numpy()
        self.loaded = self.lazy.copy(data=self.values)
        self.loaded.dicom.to_zarr(self.place / "kept.zarr")
        self.cohort = dx.open_cohort(self.folder)
        self.cohort.to_zarr(self.place / "cohort.zarr")
        self.key = next(iter(self.cohort))

    def teardown(self, count):
        shutil.rmtree(self.place)

    def time_write(self, count):
        self.loaded.dicom.to_zarr(self.place / "again.zarr", overwrite=True)

    def time_open_dicom_and_write(self, count):
        dx.open_series(self.folder, chunks=None).dicom.to_zarr(self.place / "again.zarr", overwrite=True)

    def time_write_zarr_alone(self, count):
        chunks, shards = layout({str(d): n for d, n in self.lazy.sizes.items()}, self.values.itemsize)
        array = zarr.create_array(
            self.place / "alone.zarr",
            shape=self.values.shape,
            dtype=self.values.dtype,
            chunks=chunks,
            shards=shards,
            compressors=compressors(),
            overwrite=True,
        )
        array[...] = self.values

    def time_open_and_read(self, count):
        dx.open_cohort(self.place / "cohort.zarr").open(self.key, chunks=None).to_numpy()

    def time_open_and_read_dicom(self, count):
        dx.open_series(self.folder, chunks=None).to_numpy()

    def time_verify(self, count):
        self.cohort.verify(self.place / "cohort.zarr")

    def track_bytes_a_value(self, count):
        size = sum(p.stat().st_size for p in (self.place / "kept.zarr").rglob("*") if p.is_file())
        return size / np.prod(self.values.shape)


class CohortStore:
    """Opening a cohort's store, and one array of it."""

    timeout = 600
    params = (20, 200)
    param_names = ("series",)

    def setup(self, count):
        self.place = Path(tempfile.gettempdir()) / f"dcmxarray-bench-cohort-{count}.zarr"
        if not self.place.exists():
            folder = Path(tempfile.mkdtemp(prefix="dcmxarray-bench-"))
            dx.testing.write_cohort(folder, templates(), series=count, slices=2, times=2)
            dx.open_cohort(folder).to_zarr(self.place)
            shutil.rmtree(folder)
        self.cohort = dx.open_cohort(self.place)
        self.key = next(iter(self.cohort))

    def time_open(self, count):
        _ = dx.open_cohort(self.place).series

    def time_open_one(self, count):
        self.cohort.open(self.key)
