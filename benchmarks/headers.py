"""The header pass beside its floor and pydicom, on real files; run warm, one process."""

import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pydicom

import dcmxarray as dx
from dcmxarray.attributes import VOCABULARY
from dcmxarray.headers.batch import read_batch
from dcmxarray.headers.scan import frame_table, read_files

from .common import classic_files, originals, templates

KEYWORDS = [a.keyword for a in VOCABULARY]
FEW = 500


class HeaderPass:
    """Real classic files, more and more of them; `time_pydicom` reads the first 500."""

    timeout = 300
    params = (1000, 6000, 24000)
    param_names = ("files",)

    def setup(self, count):
        self.files = classic_files(count)
        frame_table([read_batch(self.files[:64])])

    def time_floor_open_read_close(self, count):
        for path in self.files:
            handle = os.open(path, os.O_RDONLY)
            os.pread(handle, 16384, 0)
            os.close(handle)

    def time_to_table(self, count):
        frame_table(read_files(self.files, ()))

    def time_to_table_one_thread(self, count):
        frame_table(read_files(self.files, (), "synchronous"))

    def peakmem_to_table(self, count):
        frame_table(read_files(self.files, ()))

    def time_pydicom(self, count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for path in self.files[:FEW]:
                header = pydicom.dcmread(path, stop_before_pixels=True)
                [header.get(keyword) for keyword in KEYWORDS]


class LongPrivateHeaders:
    """Real files whose pixels begin behind more than 32 KiB of header."""

    def setup(self):
        table = dx.scan(originals())
        self.files = table.loc[table["pixel_offset"] > 32768, "path"].tolist()
        if not self.files:
            raise NotImplementedError("no such file in the data")
        self.files = (self.files * (2000 // len(self.files) + 1))[:2000]

    def time_to_table(self):
        frame_table(read_files(self.files, ()))


class Enhanced:
    """One enhanced file with many frames."""

    timeout = 300
    params = (1000, 8000)
    param_names = ("frames",)

    def setup(self, count):
        self.path = Path(tempfile.gettempdir()) / f"dcmxarray-bench-enhanced-{count}.dcm"
        if not self.path.exists():
            slices = 40
            image = np.zeros((8, 8), np.uint16)
            places = [{"ImagePositionPatient": [0, 0, 2.0 * (k % slices)]} for k in range(count)]
            frames = [place | {"TemporalPositionIndex": k // slices + 1, "pixels": image} for k, place in enumerate(places)]
            dx.testing.write_enhanced(self.path, frames)

    def time_scan(self, count):
        dx.scan(self.path)


class Cohorts:
    """Many series of 25 files with the headers of real ones."""

    timeout = 600
    params = (40, 400)
    param_names = ("series",)

    def setup(self, count):
        self.folder = Path(tempfile.gettempdir()) / f"dcmxarray-bench-cohort-{count}"
        self.index = f"{self.folder}.parquet"
        if not self.folder.exists():
            dx.testing.write_cohort(self.folder, templates(), series=count, slices=5, times=5)
        self.frames = dx.open_cohort(self.folder, index=self.index).frames

    def time_scan(self, count):
        dx.scan(self.folder)

    def time_rescan_with_index(self, count):
        dx.open_cohort(self.folder, index=self.index)

    def time_floor_walk_stat(self, count):
        for folder, _, names in os.walk(self.folder):
            for name in names:
                os.stat(os.path.join(folder, name))

    def time_split(self, count):
        len(dx.open_cohort(self.frames))

    def time_table_of_series(self, count):
        _ = dx.open_cohort(self.frames).series

    def track_bytes_a_file_in_the_index(self, count):
        return os.path.getsize(self.index) / len(np.unique(self.frames["path"]))
