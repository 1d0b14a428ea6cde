"""Lazy, chunked, labelled arrays for large DICOM cohorts.

`open_series` opens one series as a `xarray.DataArray`, `scan` reads the headers of a tree into a table, `open_cohort` opens
many; `DataArray.dicom` holds geometry, diffusion tables and headers.
"""

from typing import Any

from . import accessor as accessor  # registers DataArray.dicom
from .cohorts.cohort import Cohort
from .errors import DcmxarrayError, GridError, HeaderError, PixelError, SeriesError, StoreError
from .headers.scan import scan
from .open import open_cohort, open_series

__version__ = "0.1.0"

__all__ = [
    "Cohort",
    "DcmxarrayError",
    "GridError",
    "HeaderError",
    "PixelError",
    "SeriesError",
    "StoreError",
    "open_cohort",
    "open_series",
    "scan",
    "testing",
]


def __getattr__(name: str) -> Any:
    """``dcmxarray.testing`` is imported when it is asked for."""
    if name == "testing":
        import importlib

        return importlib.import_module(".testing", __name__)
    raise AttributeError(f"module 'dcmxarray' has no attribute {name!r}")
