"""The protocol of a collection of arrays by key, for code that writes, converts or maps all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import pandas as pd
import xarray as xr

Opener = Callable[..., xr.DataArray]  # opens one array; takes the options of `open_series`


class Origin(Protocol):
    """Arrays by key, and the frames that they are made of."""

    @property
    def keys(self) -> list[str]:
        """The keys, sorted."""

    @property
    def frames(self) -> pd.DataFrame:
        """The frame table."""

    @property
    def labels(self) -> pd.DataFrame:
        """One row for each array, indexed by key: `LABELS`, number of frames and files, bytes of the files."""

    def opener(self, key: str) -> Opener:
        """A function that opens the array; it can be pickled."""

    def fingerprints(self, keys: Sequence[str]) -> list[str]:
        """For each key a text that changes when a source file does."""

    def frames_of(self, key: str) -> pd.DataFrame:
        """The rows of the frame table that belong to one array."""
