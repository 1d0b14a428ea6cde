"""A cohort: the frame table of many series, and a table with one row for every array that they hold."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pandas as pd
import xarray as xr

from . import series
from .api import Source, open_stack
from .errors import SeriesError
from .scan import scan


class Cohort:
    """Many series under one roof: a table of frames, and a table with one row for every array.

    Attributes
    ----------
    frames
        The frame table of `scan`.

    Examples
    --------
    >>> import dcmxarray as dx
    >>> cohort = dx.open_cohort(dx.testing.example("cohort"))
    >>> cohort
    <dcmxarray.Cohort: 2 arrays of 1 patient, 52 frames in 52 files>
    >>> [cohort.open(key).dims for key in cohort.query("b > 0")]
    [('slice', 'b', 'row', 'col')]
    """

    def __init__(self, frames: pd.DataFrame) -> None:
        self.frames = frames

    @cached_property
    def _stacks(self) -> dict[str, series.Stack]:
        return {stack.key: stack for stack in series.split(self.frames)}

    @cached_property
    def series(self) -> pd.DataFrame:
        """One row for every array, by its key: patient, study, series, modality, description, frames, files, bytes."""
        return pd.DataFrame([_row(s) for s in self._stacks.values()], index=pd.Index(list(self._stacks), name="key"))

    @property
    def problems(self) -> pd.DataFrame:
        """Files that were not, or not wholly, read: path and message."""
        return self.frames.loc[self.frames["problem"].notna(), ["path", "problem"]].drop_duplicates()

    def query(self, expression: str) -> Cohort:
        """The arrays that hold a frame for which a pandas expression is true, whole.

        Parameters
        ----------
        expression
            In pandas' syntax over the columns of ``frames``: ``"Modality == 'MR' and b > 0"``.
        """
        hits = set(self.frames.query(expression).index)
        chosen = [stack.frames for stack in self._stacks.values() if not hits.isdisjoint(stack.frames.index)]
        return Cohort(pd.concat(chosen).sort_index() if chosen else self.frames.iloc[:0])

    def __getitem__(self, mask: Any) -> Cohort:
        """The arrays that a boolean mask over ``series``, or a list of keys, selects."""
        keys = self.series.loc[mask].index
        chosen = [self._stacks[key].frames for key in keys]
        return Cohort(pd.concat(chosen).sort_index() if chosen else self.frames.iloc[:0])

    def unique(self, keyword: str) -> list[Any]:
        """The distinct values of a column over all frames, sorted; missing ones left out."""
        return sorted(self.frames[keyword].dropna().unique().tolist())

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

    def tree(self) -> str:
        """Patients, studies and arrays as an indented text."""
        lines = []
        for patient, of_patient in self.series.groupby("PatientID", dropna=False):
            lines.append(f"patient {patient}")
            for study, of_study in of_patient.groupby("StudyInstanceUID", dropna=False):
                lines.append(f"  study {study}")
                lines += [
                    f"    {row.Modality} {row.SeriesDescription}: {row.frames} frames  {row.Index}"
                    for row in of_study.itertuples()
                ]
        return "\n".join(lines)

    def __len__(self) -> int:
        return len(self._stacks)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stacks)

    def __repr__(self) -> str:
        patients = self.frames["PatientID"].nunique()
        people = f"{patients} patient{'' if patients == 1 else 's'}"
        files = self.frames["path"].nunique()
        return f"<dcmxarray.Cohort: {len(self)} arrays of {people}, {len(self.frames)} frames in {files} files>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>{self.series.to_html(max_rows=20)}"


def _row(stack: series.Stack) -> dict[str, Any]:
    first = stack.frames.iloc[0]
    names = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription")
    files = stack.frames.drop_duplicates("path")
    counts = {"frames": len(stack.frames), "files": len(files), "bytes": int(files["file_size"].sum())}
    return {name: first[name] for name in names} | counts


def open_cohort(source: Source, *, index: str | os.PathLike[str] | None = None, tags: list[str] | None = None) -> Cohort:
    """Give what folders, files or a frame table hold as a `Cohort`.

    Parameters
    ----------
    source
        A folder, several, files, or a frame table.
    index
        A Parquet file that keeps the headers: only new and changed files are read, what is gone is dropped.  It is made
        where there is none, moves with its folder, and is left as it is where it may not be written to.  ``None`` keeps none.
    tags
        More keywords to read.

    Raises
    ------
    HeaderError
        No DICOM under the path, or an unknown keyword.

    Examples
    --------
    >>> import dcmxarray as dx, tempfile
    >>> index = tempfile.mkdtemp() + "/index.parquet"
    >>> cohort = dx.open_cohort(dx.testing.example("cohort"), index=index)
    >>> sorted(cohort.series["SeriesDescription"])
    ['dce', 'dwi']
    """
    if isinstance(source, pd.DataFrame):
        return Cohort(source)
    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    if index is None:
        return Cohort(scan(sources, tags=tags))
    from .index import update

    return Cohort(update(sources, index, tags or ()))
