"""The protocol for the arrays of a `Cohort`, from DICOM files or from a Zarr store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from ..arrays.origin import Origin


class Members(Origin, Protocol):
    """Arrays by key, from DICOM files or from a Zarr store."""

    def details(self, keys: Sequence[str]) -> pd.DataFrame:
        """One row per key: `DETAILS`."""

    def holding(self, rows: pd.Index) -> list[str]:
        """The keys of the arrays that hold at least one of the given rows of the frame table."""

    def only(self, keys: Sequence[str]) -> Members:
        """A selection of the arrays."""
