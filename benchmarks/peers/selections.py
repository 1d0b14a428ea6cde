"""One frame of a large series, opened before; and a cohort that was read before: is anything new?"""

import os
import tempfile
from pathlib import Path

import numpy as np

import dcmxarray as dx


def frames(folder):
    """Name -> function of a folder that gives the frame of the 51st time and 11th slice."""
    import pydicom

    lazy, graph = dx.open_series(folder, chunks=None), dx.open_series(folder)
    label = {"slice": float(lazy["slice"][10]), "time": float(lazy["time"][50])}
    path = lazy.dicom.header(slice=10, time=50).filename
    return {
        "dcmxarray sel (chunks=None)": lambda _: lazy.sel(label).to_numpy(),
        "dcmxarray sel (dask)": lambda _: graph.sel(label).to_numpy(),
        "pydicom dcmread of the file, its name known": lambda _: pydicom.dcmread(path).pixel_array,
    }


def rescans(folder):
    """Name -> function of a folder that says how many files it holds, by what was kept from an earlier pass."""
    index = Path(tempfile.mkdtemp(prefix="dcmxarray-bench-")) / "index.parquet"

    def walk_stat(folder):
        return sum(bool(os.stat(os.path.join(at, name))) for at, _, names in os.walk(folder) for name in names)

    return {
        "dcmxarray open_cohort(index=)": lambda _: len(np.unique(dx.open_cohort(folder, index=index).frames["path"])),
        "dcmxarray scan (no index)": lambda _: len(np.unique(dx.scan(folder)["path"])),
        "floor: os.walk + os.stat": walk_stat,
    }
