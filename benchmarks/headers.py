"""The header pass beside its floor and pydicom, on real files; run warm, one process."""

import os
import warnings

import pydicom

from dcmxarray.attributes import VOCABULARY
from dcmxarray.headers import read_batch
from dcmxarray.scan import frame_table, read_files

from .common import classic_files

KEYWORDS = [a.keyword for a in VOCABULARY]
FEW = 500


class HeaderPass:
    """6,000 real classic files; `time_pydicom` reads the first 500 of them."""

    timeout = 300

    def setup(self):
        self.files = classic_files()
        frame_table([read_batch(self.files[:64])])

    def time_floor_open_read_close(self):
        for path in self.files:
            handle = os.open(path, os.O_RDONLY)
            os.pread(handle, 16384, 0)
            os.close(handle)

    def time_to_table(self):
        frame_table(read_files(self.files, ()))

    def time_to_table_one_thread(self):
        frame_table(read_files(self.files, (), "synchronous"))

    def time_pydicom(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for path in self.files[:FEW]:
                header = pydicom.dcmread(path, stop_before_pixels=True)
                [header.get(keyword) for keyword in KEYWORDS]
