"""A demonstration on synthetic data: ``dcmxarray demo``."""

from __future__ import annotations

import time
from collections.abc import Callable

import xarray as xr

from . import testing
from .headers.scan import scan
from .open import open_series


def run(png: str) -> None:
    """Write a small cohort, open it lazily, select by label, and print which files were read; save a picture as ``png``."""
    folder = testing.example("cohort")
    print(f">>> frames = dx.scan({folder!r})")
    start = time.perf_counter()
    frames = scan(folder)
    print(f"{len(frames)} headers in {time.perf_counter() - start:.2f} s (the first call compiles)\n")
    dce = open_series(frames, series="dce")
    print(f">>> dce = dx.open_series(frames, series='dce')\n{dce}\n")
    _show("dce.sel(time=slice(0, 10)).max('time')", lambda: dce.sel(time=slice(0, 10)).max("time"), dce)
    _show("dce.sel(time=15, slice=10)", lambda: dce.sel(time=15, slice=10), dce)
    dwi = open_series(frames, series="dwi")
    print(f">>> dwi = dx.open_series(frames, series='dwi')\n>>> dwi.dicom.bvals\n{dwi.dicom.bvals}\n")
    _show("dwi.sel(b=1000).mean('b')", lambda: dwi.sel(b=1000).mean("b"), dwi)
    print(f">>> dce.dicom.affine\n{dce.dicom.affine}\n")
    _picture(dce, dwi, png)


def _show(code: str, work: Callable[[], xr.DataArray], array: xr.DataArray) -> None:
    """Run a selection and print how many files it opened."""
    with testing.count_reads() as opened:
        result = work().load()
    print(f">>> {code}\n{dict(result.sizes)}, {len(set(opened))} of {array.dicom.uids.size} files opened\n")


def _picture(dce: xr.DataArray, dwi: xr.DataArray, png: str) -> None:
    """Save three plots of the series, if matplotlib is installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("no picture: matplotlib is not installed; pip install 'dcmxarray[view]'")
        return
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    dce.isel(slice=1, time=-1).plot.imshow(ax=axes[0], yincrease=False, cmap="gray")
    dce.isel(slice=1, row=16, col=16).plot.line(ax=axes[1], marker="o")
    dwi.isel(slice=1, b=1).plot.imshow(ax=axes[2], yincrease=False, cmap="gray")
    for axis, title in zip(axes, ("dce, time = 25 s", "dce, one pixel", "dwi, b = 1000 s/mm2"), strict=True):
        axis.set_title(title)
    figure.savefig(png, dpi=110)
    print(f"picture saved: {png}")
