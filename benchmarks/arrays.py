"""Opening, selecting and loading series, beside the floors and pydicom."""

import os
import subprocess
import sys

import cloudpickle
import dask
import numpy as np
import pydicom

import dcmxarray as dx
from dcmxarray.stacks.arrange import arrange

from .common import CODECS, dynamic, encoded

FEW = 300


class Series:
    """30 slices x 10 or 100 times of 128 x 128, native."""

    timeout = 300
    params = (300, 3000)
    param_names = ("files",)

    def setup(self, count):
        self.folder = dynamic(30, count // 30, 128)
        self.frames = dx.scan(self.folder)
        self.lazy = dx.open_series(self.frames, chunks=None)
        self.chunked = dx.open_series(self.frames)
        self.loaded = self.lazy.copy(data=self.lazy.to_numpy())
        self.paths = self.frames["path"].tolist()
        self.offsets = self.frames["pixel_offset"].tolist()

    def time_scan(self, count):
        dx.scan(self.folder)

    def time_arrange(self, count):
        arrange(self.frames)

    def time_open_from_table(self, count):
        dx.open_series(self.frames)

    def time_one_frame(self, count):
        self.lazy.sel(time=15, slice=50).to_numpy()

    def time_one_frame_dask(self, count):
        self.chunked.sel(time=15, slice=50).compute()

    def time_load_all(self, count):
        self.lazy.isel(time=slice(None)).to_numpy()

    def peakmem_load_all(self, count):
        self.lazy.isel(time=slice(None)).to_numpy()

    def time_load_all_dask(self, count):
        self.chunked.compute()

    def time_mean_over_time_dask(self, count):
        self.chunked.mean("time").compute()

    def time_mean_over_time_numpy(self, count):
        self.loaded.mean("time")

    def time_floor_preadv_all(self, count):
        out = np.empty((len(self.paths), 128, 128), np.uint16)
        for k, (path, offset) in enumerate(zip(self.paths, self.offsets, strict=True)):
            handle = os.open(path, os.O_RDONLY)
            os.preadv(handle, [out[k]], offset)
            os.close(handle)

    def time_pydicom_some(self, count):
        for path in self.paths[:FEW]:
            _ = pydicom.dcmread(path).pixel_array

    def track_tasks(self, count):
        return len(dict(self.chunked.data.dask))

    def track_graph_bytes_a_frame(self, count):
        return len(cloudpickle.dumps(self.chunked.data.dask)) / count


class Compressed:
    """48 slices of 512 x 512, 12 bits, compressed without loss."""

    timeout = 300
    params = (CODECS, (1, 2))
    param_names = ("codec", "threads")

    def setup(self, codec, threads):
        self.chunked = dx.open_series(encoded(codec))

    def time_load_all_dask(self, codec, threads):
        with dask.config.set(num_workers=threads):
            self.chunked.compute()


class Import:
    """A new process."""

    def time_dcmxarray(self):
        subprocess.run([sys.executable, "-c", "import dcmxarray"], check=True)

    def time_xarray_dask_pydicom(self):
        subprocess.run([sys.executable, "-c", "import xarray, dask.array, pydicom"], check=True)
