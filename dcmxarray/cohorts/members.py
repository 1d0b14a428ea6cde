"""What a `Cohort` asks of its arrays, be they of DICOM files or of a Zarr store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from ..arrays.origin import Origin


class Members(Origin, Protocol):
    """Arrays by key: of DICOM files, or of a Zarr store."""

    def details(self, keys: Sequence[str]) -> pd.DataFrame:
        """Rows for some arrays, by key: `DETAILS`."""

    def holding(self, rows: pd.Index) -> list[str]:
        """The keys of the arrays that hold any of some rows of the frame table."""

    def only(self, keys: Sequence[str]) -> Members:
        """Some of the arrays."""
