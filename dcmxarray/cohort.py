"""A cohort: the frame table of many series, and a table with one row for every array that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pandas as pd
import xarray as xr

from . import series
from .api import Source, open_stack, read
from .errors import SeriesError


class Cohort:
    """Many series under one roof.

    Attributes
    ----------
    frames
        The frame table of `scan`.
    """

    def __init__(self, frames: pd.DataFrame) -> None:
        self.frames = frames

    @cached_property
    def _stacks(self) -> dict[str, series.Stack]:
        return {stack.key: stack for stack in series.split(self.frames)}

    @cached_property
    def series(self) -> pd.DataFrame:
        """One row for every array, by its key."""
        return pd.DataFrame([_row(s) for s in self._stacks.values()], index=pd.Index(list(self._stacks), name="key"))

    @property
    def problems(self) -> pd.DataFrame:
        """Files that were not, or not wholly, read: path and message."""
        return self.frames.loc[self.frames["problem"].notna(), ["path", "problem"]]

    def open(self, key: str, **options: Any) -> xr.DataArray:
        """Open one array by its key; options are those of `open_series`.

        Raises
        ------
        SeriesError
            There is no such key.
        """
        if key not in self._stacks:
            raise SeriesError(f"no array {key!r} among {len(self)}; cohort.series.index has the keys")
        return open_stack(self._stacks[key], **options)

    def __len__(self) -> int:
        return len(self._stacks)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stacks)


def _row(stack: series.Stack) -> dict[str, Any]:
    first = stack.frames.iloc[0]
    names = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription")
    return {name: first[name] for name in names} | {
        "frames": len(stack.frames),
        "files": stack.frames["path"].nunique(),
    }


def open_cohort(source: Source) -> Cohort:
    """Scan folders, files or a frame table, and give what they hold as a `Cohort`.

    Examples
    --------
    >>> import dcmxarray as dx
    >>> cohort = dx.open_cohort(dx.testing.example("cohort"))
    >>> sorted(cohort.series["SeriesDescription"])
    ['dce', 'dwi']
    """
    return Cohort(read(source, []))
