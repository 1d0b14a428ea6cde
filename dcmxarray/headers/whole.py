"""The whole header of one file, by pydicom: for what the frame table does not hold."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pydicom

from .. import files

if TYPE_CHECKING:
    from pydicom import FileDataset


def header(path: str) -> FileDataset:
    """The header of a file, local or remote, without its pixels."""
    with warnings.catch_warnings(), files.open_file(path) as handle:
        warnings.simplefilter("ignore")
        return pydicom.dcmread(handle, stop_before_pixels=True, force=True)
