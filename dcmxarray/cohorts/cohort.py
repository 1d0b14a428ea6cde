"""A cohort: the frame table of many series, and a table with one row for every array that they hold."""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import pandas as pd
import xarray as xr

from .. import parallel
from ..arrays import build
from ..arrays import options as known_options
from ..arrays.origin import Opener
from ..attributes import column_of
from ..errors import HeaderError, SeriesError, problem_of
from . import tasks, trees
from .members import Members

_SHOWN = 20  # rows of the HTML repr


class Cohort:
    """Many series under one roof: a table of frames, and a table with one row for every array.

    `open_cohort` makes it, from DICOM files or from a Zarr store.  Only headers were read; an array is opened by its key.

    Examples
    --------
    >>> import dcmxarray as dx
    >>> cohort = dx.open_cohort(dx.testing.example("cohort"))
    >>> cohort
    <dcmxarray.Cohort: 2 arrays of 1 patient, 52 frames in 52 files>
    >>> [cohort.open(key).dims for key in cohort.query("b > 0")]
    [('slice', 'b', 'row', 'col')]
    """

    def __init__(self, members: Members) -> None:
        self._members = members

    @property
    def frames(self) -> pd.DataFrame:
        """The frame table of `scan`; from a store without paths and what identifies."""
        return self._members.frames

    @cached_property
    def series(self) -> pd.DataFrame:
        """One row for every array, by its key.

        PatientID, StudyInstanceUID, SeriesInstanceUID, Modality, SeriesNumber, SeriesDescription; frames, files and bytes
        (of the files); dims, shape, dtype, spacing (slice, row, col in mm; ``None`` without a patient frame); problem, why it
        can't be opened.  Arrays are arranged for it, a few ms each, once.
        """
        return self._table(self._members.keys)

    def _table(self, keys: list[str]) -> pd.DataFrame:
        return self._members.labels.loc[keys].join(self._members.details(keys))

    @property
    def problems(self) -> pd.DataFrame:
        """Files that were not, or not wholly, read: path and message."""
        if "problem" not in self.frames:
            return pd.DataFrame(columns=["path", "problem"])
        return self.frames.loc[self.frames["problem"].notna(), ["path", "problem"]].drop_duplicates("path")

    def query(self, expression: str) -> Cohort:
        """The arrays for which a pandas expression is true, or that hold a frame for which it is, whole.

        Parameters
        ----------
        expression
            In pandas' syntax over the columns of ``frames``, ``"Modality == 'MR' and b > 0"``, or of ``series``,
            ``"files > 100 and dtype == 'int16'"``.

        Raises
        ------
        ValueError
            It is no such expression; the message has pandas' own words.
        """
        try:
            hits = self.frames.query(expression)
        except pd.errors.UndefinedVariableError:
            return self[_rows(self.series, expression)]
        except Exception as error:
            raise _no_query(expression, error) from error
        return Cohort(self._members.only(self._members.holding(hits.index)))

    def __getitem__(self, mask: Any) -> Cohort:
        """The arrays that a boolean mask over ``series``, or a list of keys, selects.

        Raises
        ------
        SeriesError
            It is neither, or holds a key that there is not.
        """
        if isinstance(mask, str):
            raise SeriesError(f"a cohort is indexed by a list of keys or a mask: cohort[[{mask!r}]], or cohort.open({mask!r})")
        known = self._members.keys
        try:
            keys = pd.Series(known, index=pd.Index(known, dtype="str"), dtype="str").loc[mask].tolist()
        except Exception as error:
            raise SeriesError(f"no list of keys, and no mask over the {len(known)} arrays: {problem_of(error)}") from error
        return Cohort(self._members.only(list(dict.fromkeys(keys))))

    def unique(self, keyword: str) -> list[Any]:
        """The distinct values of a column over all frames, sorted; missing ones left out.

        Raises
        ------
        HeaderError
            There is no such column.
        """
        column = column_of(keyword)
        if column not in self.frames:
            raise HeaderError(f"no column {keyword!r} in cohort.frames; elements besides the default ones are read by tags=")
        values = self.frames[column].dropna().unique().tolist()
        try:
            return sorted(values)
        except TypeError:  # of several kinds: each kind by itself
            return sorted(values, key=lambda value: (type(value).__name__, str(value)))

    def open(self, key: str, **options: Any) -> xr.DataArray:
        """Open one array by its key; options are those of `open_series`, from a store ``chunks`` alone.

        Raises
        ------
        SeriesError
            There is no such key, or its series can't be split.
        TypeError, ValueError
            There is no such option, or it is none of its choices.
        """
        opener = self._opener(key)
        self._check(options, "open")
        return opener(**options)

    def _check(self, options: Mapping[str, Any], call: str, own: Sequence[str] = ()) -> None:
        """Check options for arrays, but those that the call gives itself, before any work."""
        keys = self._members.keys
        opener = inspect.signature(self._members.opener(keys[0]) if keys else build.open_stack)
        takes = {p.name for p in opener.parameters.values() if p.kind is p.KEYWORD_ONLY}
        settled = "" if "rescale" in takes else " of arrays from a store, where all else was settled when they were written,"
        known_options.check_names(options, takes - set(own), call + settled)
        known_options.check(**options)

    def _opener(self, key: str) -> Opener:
        if key not in self._keys:
            raise SeriesError(f"no array {key!r} among {len(self)}; cohort.series.index has the keys")
        return self._members.opener(key)

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(self._members.keys)

    def map(self, function: Callable[[xr.DataArray], Any], *, scheduler: Any = None, **options: Any) -> pd.DataFrame:
        """Call a function with every array; one row of results each.

        Parameters
        ----------
        function
            Of a lazy array without dask: it reads what it uses.  It returns a scalar, a dict of scalars, or a DataArray.
        scheduler
            ``"threads"``, ``"processes"``, ``"synchronous"``, or a client of `distributed`; ``None`` takes what dask is
            configured for (the client in force), else threads.
        options
            Of `open_series`.

        Returns
        -------
        pandas.DataFrame
            By key, as ``series``: a column for each name of a dict, else ``result``; and ``error``, what the function or the
            opening raised, missing where all went well.

        Raises
        ------
        TypeError, ValueError
            There is no such option or scheduler, or an option is none of its choices.

        Examples
        --------
        >>> import dcmxarray as dx
        >>> cohort = dx.open_cohort(dx.testing.example("cohort"))
        >>> cohort.map(lambda da: {"max": int(da.max()), "volumes": da.sizes.get("time", 1)})["max"].tolist()
        [1000, 359]
        """
        self._check(options, "map", ["chunks"])
        parallel.check(scheduler)
        keys = self._members.keys
        items = ((self._members.opener(key), options) for key in keys)
        found = dict(parallel.results(partial(tasks.apply, function), items, len(keys), scheduler, "map"))
        rows = [found[k] for k in range(len(keys))]
        table = pd.DataFrame(rows, index=pd.Index(keys, name="key", dtype="str"))
        return table[[*(c for c in table if c != "error"), "error"]] if len(table) else table

    def to_zarr(
        self,
        store: Any,
        *,
        chunks: Mapping[str, int] | None = None,
        identifiers: str = "drop",
        overwrite: bool = False,
        client: Any = None,
        **options: Any,
    ) -> pd.DataFrame:
        """Keep every array in a Zarr (v3) store, a group each, sharded and compressed without loss.

        What is there already and comes of the same files (by SOPInstanceUID, size and time of change) stays; what changed is
        written anew; a writer that was killed leaves nothing that reads as whole, and the next goes on where it stopped.

        Parameters
        ----------
        store
            A folder, a URL of fsspec, a file that ends in ".zip", or a Zarr store.
        chunks
            Sizes of Zarr's chunks by dim, -1 for the whole; ``None`` makes them of whole frames, about two MiB each, in shards
            of whole volumes up to 64 MiB.
        identifiers
            ``"drop"`` leaves out the elements that PS3.15 Annex E removes, emptied or replaced, and private ones, but for
            PatientID, UIDs, dates, descriptions, patient characteristics and devices; ``"keep"`` leaves out nothing.  Neither
            is de-identification: UIDs, dates and what is burnt into pixels stay.
        overwrite
            Whether to write anew what is there and whole.
        client
            A client of `distributed`, or the name of a dask scheduler; ``None`` takes the one in force, else threads.
        options
            Of `open_series`: ``tags``, ``missing``, ``rescale``, ...

        Returns
        -------
        pandas.DataFrame
            By key: status (``"written"``, ``"kept"``, ``"failed"``), bytes, seconds, message.

        Raises
        ------
        StoreError
            The store can't be written to by several processes.

        Examples
        --------
        >>> import dcmxarray as dx, tempfile
        >>> cohort = dx.open_cohort(dx.testing.example("cohort"))
        >>> folder = tempfile.mkdtemp() + "/cohort.zarr"
        >>> cohort.to_zarr(folder)["status"].tolist()
        ['written', 'written']
        >>> dx.open_cohort(folder)
        <dcmxarray.Cohort: 2 arrays of 1 patient, 52 frames in 52 files>
        """
        from ..stores import cohorts

        self._check(options, "to_zarr", ["chunks"])
        return cohorts.write(self._members, store, chunks, identifiers, overwrite, client, options)  # type: ignore[arg-type]

    def verify(self, store: Any) -> pd.DataFrame:
        """Read a store's objects again and compare: their checksums, and whether the sources have changed since.

        Returns
        -------
        pandas.DataFrame
            By key: status (``"whole"``, ``"missing"``, ``"damaged"``, ``"outdated"``) and message.
        """
        from ..stores import cohorts

        return cohorts.verify(self._members, store)

    def tree(self) -> str:
        """Patients, studies and arrays as an indented text."""
        return trees.text(self._members.labels)

    def to_datatree(self, **options: Any) -> xr.DataTree:
        """Patients, studies and arrays as a lazy `xarray.DataTree`: ``/PatientID/StudyInstanceUID/key/image``.

        What has a meaning in paths is encoded as in URLs: "a/b" is ``a%2Fb``; what is missing is ``%missing``.

        Parameters
        ----------
        options
            Of `open_series`.

        Returns
        -------
        xarray.DataTree
            What can't be opened is in ``attrs["problems"]`` of the root, key -> message.
        """
        self._check(options, "to_datatree")
        return trees.arrays(self._members, options)

    def __len__(self) -> int:
        return len(self._members.keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members.keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __repr__(self) -> str:
        labels = self._members.labels
        patients, frames, counted = labels["PatientID"].nunique(), int(labels["frames"].sum()), int(labels["files"].sum())
        people = f"{patients} patient{'' if patients == 1 else 's'}"
        return f"<dcmxarray.Cohort: {len(self)} arrays of {people}, {frames} frames in {counted} files>"

    def _repr_html_(self) -> str:
        keys = self._members.keys[:_SHOWN]
        more = f"<p>... and {len(self) - len(keys)} more</p>" if len(self) > len(keys) else ""
        table = self._table(keys).assign(bytes=lambda t: (t["bytes"] / 2**20).round(1)).rename(columns={"bytes": "MiB"})
        return f"<p>{html.escape(repr(self))}</p>{table.to_html(na_rep='')}{more}"


def _rows(table: pd.DataFrame, expression: str) -> list[str]:
    """The keys of the rows for which an expression is true."""
    try:
        return table.query(expression).index.tolist()
    except Exception as error:
        raise _no_query(expression, error) from error


def _no_query(expression: str, error: Exception) -> ValueError:
    return ValueError(f"query({expression!r}), over columns of cohort.frames or of cohort.series: {problem_of(error)}")
