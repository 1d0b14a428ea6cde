"""Many arrays by key: what is asked of them by those who write, convert or map all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import pandas as pd
import xarray as xr

Opener = Callable[..., xr.DataArray]  # of one array, with the options of `open_series`


class Origin(Protocol):
    """Arrays, and where they come from."""

    @property
    def keys(self) -> list[str]:
        """The keys, sorted."""

    @property
    def frames(self) -> pd.DataFrame:
        """The frame table."""

    @property
    def labels(self) -> pd.DataFrame:
        """A row an array, by key: `LABELS`, frames, files, bytes."""

    def opener(self, key: str) -> Opener:
        """A function that opens an array; it pickles."""

    def fingerprints(self, keys: Sequence[str]) -> list[str]:
        """For each key a text that changes when its source does."""

    def frames_of(self, key: str) -> pd.DataFrame:
        """The rows of the frame table of one array."""
