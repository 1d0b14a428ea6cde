"""Opening, selecting and loading a native series of 3,000 files, beside the floors and pydicom."""

import os

import numpy as np
import pydicom

import dcmxarray as dx

from .common import dynamic

FEW = 300


class Series:
    """30 slices x 100 times of 128 x 128."""

    timeout = 300

    def setup(self):
        self.folder = dynamic(30, 100, 128)
        self.frames = dx.scan(self.folder)
        self.lazy = dx.open_series(self.frames, chunks=None)
        self.chunked = dx.open_series(self.frames)
        self.paths = self.frames["path"].tolist()
        self.offsets = self.frames["pixel_offset"].tolist()

    def time_scan(self):
        dx.scan(self.folder)

    def time_open_from_table(self):
        dx.open_series(self.frames)

    def time_one_frame(self):
        self.lazy.isel(time=3, slice=10).to_numpy()

    def time_one_frame_dask(self):
        self.chunked.isel(time=3, slice=10).compute()

    def time_load_all(self):
        self.lazy.to_numpy()

    def time_load_all_dask(self):
        self.chunked.compute()

    def time_mean_over_time_dask(self):
        self.chunked.mean("time").compute()

    def time_floor_preadv_all(self):
        out = np.empty((len(self.paths), 128, 128), np.uint16)
        for k, (path, offset) in enumerate(zip(self.paths, self.offsets, strict=True)):
            handle = os.open(path, os.O_RDONLY)
            os.preadv(handle, [out[k]], offset)
            os.close(handle)

    def time_pydicom_some(self):
        for path in self.paths[:FEW]:
            _ = pydicom.dcmread(path).pixel_array
