"""The class `Cohort`: the frame table of many series, and a table with one row per array."""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from functools import cached_property, partial
from typing import Any, overload

import numpy.typing as npt
import pandas as pd
import xarray as xr

from .. import parallel
from ..arrays import build
from ..arrays import options as known_options
from ..arrays.more import needed
from ..arrays.origin import Opener
from ..attributes import column_of
from ..errors import HeaderError, SeriesError, problem_of
from ..headers.elements import wanted
from . import queries, tasks, trees
from .members import Members

_SHOWN = 20  # rows of the HTML repr
Mask = list[str] | list[bool] | npt.NDArray[Any] | pd.Series | pd.Index


class Cohort:
    """Many series: a table of their frames, and a table with one row per array.

    Make one with `open_cohort`, from DICOM files or from a Zarr store.  That reads headers only; `open` then opens one array by
    its key.

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
        """The frame table, as `scan` returns it; from a store, it lacks paths and identifying elements."""
        return self._members.frames

    @cached_property
    def series(self) -> pd.DataFrame:
        """One row per array, by its key.

        Columns: PatientID, StudyInstanceUID, SeriesInstanceUID, Modality, SeriesNumber, SeriesDescription; frames, files and
        bytes (of the files); dims, shape, dtype, spacing (slice, row, col in mm; ``None`` without a patient coordinate system);
        problem, the reason why an array can't be opened.  The first access arranges all arrays, which takes a few ms each.
        """
        return self._table(self._members.keys)

    def _table(self, keys: list[str]) -> pd.DataFrame:
        """The rows of `series` for some keys."""
        return self._members.labels.loc[keys].join(self._members.details(keys))

    @property
    def problems(self) -> pd.DataFrame:
        """Files that could not be read, or only in part: path and problem."""
        if "problem" not in self.frames:
            return pd.DataFrame(columns=["path", "problem"])
        return self.frames.loc[self.frames["problem"].notna(), ["path", "problem"]].drop_duplicates("path")

    def query(self, expression: str) -> Cohort:
        """Select the arrays that hold a frame for which an expression is true, or for which it is true themselves.

        Parameters
        ----------
        expression
            In pandas' query syntax, over the columns of ``frames`` (``"Modality == 'MR' and b > 0"``) or of ``series``
            (``"files > 100 and dtype == 'int16'"``).

        Returns
        -------
        Cohort
            Of whole arrays: one frame that matches selects all frames of its array.

        Raises
        ------
        ValueError
            pandas can't evaluate the expression; the message says why.
        """
        try:
            hits = self.frames.query(expression)
        except pd.errors.UndefinedVariableError:
            return self[queries.rows(self.series, expression)]
        except Exception as error:
            raise queries.wrong(expression, error) from error
        return Cohort(self._members.only(self._members.holding(hits.index)))

    @overload
    def __getitem__(self, which: str) -> xr.DataArray: ...

    @overload
    def __getitem__(self, which: Mask) -> Cohort: ...

    def __getitem__(self, which: str | Mask) -> xr.DataArray | Cohort:
        """Open one array by its key, as `open` does; or select arrays by a list of keys or a boolean mask over ``series``.

        Returns
        -------
        xarray.DataArray or Cohort
            The array, lazy; or the cohort of the selected arrays.

        Raises
        ------
        SeriesError
            The argument is neither a key, a list of keys nor a mask, or a key is unknown.

        Examples
        --------
        >>> import dcmxarray as dx
        >>> cohort = dx.open_cohort(dx.testing.example("cohort"))
        >>> [da.dims for key, da in cohort.items()]
        [('slice', 'b', 'row', 'col'), ('slice', 'time', 'row', 'col')]
        >>> len(cohort[cohort.series["frames"] > 24])
        1
        """
        if isinstance(which, str):
            return self.open(which)
        known = self._members.keys
        try:
            keys = pd.Series(known, index=pd.Index(known, dtype="str"), dtype="str").loc[which].tolist()
        except Exception as error:
            raise SeriesError(f"no list of keys, and no mask over the {len(known)} arrays: {problem_of(error)}") from error
        return Cohort(self._members.only(list(dict.fromkeys(keys))))

    def keys(self) -> KeysView[str]:
        """The keys, sorted; as those of a dict."""
        return KeysView(self)

    def values(self) -> ValuesView[xr.DataArray]:
        """The arrays, each opened when it is its turn."""
        return ValuesView(self)

    def items(self) -> ItemsView[str, xr.DataArray]:
        """The pairs (key, array), each array opened when it is its turn."""
        return ItemsView(self)

    def unique(self, keyword: str) -> list[Any]:
        """The distinct values of a column of ``frames``, sorted, without missing ones.

        Parameters
        ----------
        keyword
            A DICOM keyword or another name of a column.

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
        except TypeError:  # values of several types: sorted by type first
            return sorted(values, key=lambda value: (type(value).__name__, str(value)))

    def open(self, key: str, **options: Any) -> xr.DataArray:
        """Open one array by its key.

        Parameters
        ----------
        key
            Of ``series.index``.
        options
            As for `open_series`; for arrays from a store, ``chunks`` only.

        Returns
        -------
        xarray.DataArray
            Lazy, as `open_series` returns it.

        Raises
        ------
        SeriesError
            The key is unknown, or its series can't be split.
        TypeError, ValueError
            An option is unknown, or its value is not allowed.
        """
        opener = self._opener(key)
        self._check(options, "open")
        return opener(**options)

    def _check(self, options: Mapping[str, Any], call: str, own: Sequence[str] = ()) -> None:
        """Raise TypeError or ValueError for a wrong option before any work; ``own`` are options that the call sets itself."""
        keys = self._members.keys
        opener = inspect.signature(self._members.opener(keys[0]) if keys else build.open_stack)
        takes = {p.name for p in opener.parameters.values() if p.kind is p.KEYWORD_ONLY}
        settled = "" if "rescale" in takes else " of arrays from a store, where all else was settled when they were written,"
        named = inspect.signature(getattr(self, call)).parameters.values()
        also = {p.name for p in named if p.kind is p.KEYWORD_ONLY}
        known_options.check_names(options, takes - set(own) | also, call + settled)
        known_options.check(**options)
        wanted(needed(options.get("dims"), options.get("tags")))  # an unknown keyword raises here, not in every row

    def _opener(self, key: str) -> Opener:
        """The opener of an array; SeriesError if the key is unknown."""
        if key not in self._keys:
            raise SeriesError(f"no array {key!r} among {len(self)}; cohort.series.index has the keys")
        return self._members.opener(key)

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(self._members.keys)

    def map(self, function: Callable[[xr.DataArray], Any], *, scheduler: Any = None, **options: Any) -> pd.DataFrame:
        """Call a function with every array, and collect the results in a table.

        Parameters
        ----------
        function
            Takes a lazy array without dask, which reads only the frames that are used.  Returns a scalar, a dict of scalars, or
            a DataArray.
        scheduler
            ``"threads"``, ``"processes"``, ``"synchronous"``, ``"distributed"`` or a client of `distributed`; ``None`` takes the
            one that dask is configured for (such as a client in force), else threads.
        options
            As for `open_series`.

        Returns
        -------
        pandas.DataFrame
            One row per array, by key.  Columns are the names of the returned dict, else ``result``; and ``error``, the exception
            that the function or the opening raised, missing if there was none.

        Raises
        ------
        TypeError, ValueError
            The scheduler or an option is unknown, or the value of an option is not allowed.

        Examples
        --------
        >>> import dcmxarray as dx
        >>> cohort = dx.open_cohort(dx.testing.example("cohort"))
        >>> cohort.map(lambda da: {"max": int(da.max()), "volumes": da.sizes.get("time", 1)})["max"].tolist()
        [1000, 359]
        """
        self._check(options, "map", ["chunks"])
        known_options.check(scheduler=scheduler)
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
        scheduler: Any = None,
        **options: Any,
    ) -> pd.DataFrame:
        """Write every array to a Zarr (v3) store: one group per array, sharded, with lossless compression.

        An array that is in the store already is kept if its source files are the same, by SOPInstanceUID, size and modification
        time.  An array whose files changed is written again.  If a writer is killed, readers do not see the incomplete array,
        and the next call continues where the writer stopped.

        Parameters
        ----------
        store
            A folder, a URL of fsspec, a file that ends in ".zip", or a `zarr.abc.store.Store`.
        chunks
            Sizes of Zarr's chunks by dim, -1 for the whole dim.  ``None`` chooses chunks of whole frames, about 2 MiB each, in
            shards of whole volumes up to 64 MiB.
        identifiers
            ``"drop"`` leaves out private elements and those that PS3.15 Annex E removes, empties or replaces, but keeps
            PatientID, UIDs, dates, descriptions, patient characteristics and devices.  ``"keep"`` leaves out nothing.  Neither
            is de-identification: UIDs, dates and text burnt into pixels remain.
        overwrite
            Whether to write arrays again that are complete and unchanged.
        scheduler
            As for `map`.
        options
            As for `open_series`: ``tags``, ``missing``, ``rescale``, ...

        Returns
        -------
        pandas.DataFrame
            One row per array, by key: status (``"written"``, ``"kept"``, ``"failed"``), bytes, seconds, message.

        Raises
        ------
        StoreError
            The target holds something that dcmxarray did not write, overlaps a source, or can't be written to by several
            processes.
        TypeError, ValueError
            An option is unknown, or its value is not allowed.

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
        known_options.check(overwrite=overwrite, scheduler=scheduler)
        return cohorts.write(self._members, store, chunks, identifiers, overwrite, scheduler, options)  # type: ignore[arg-type]

    def verify(self, store: Any, *, scheduler: Any = None) -> pd.DataFrame:
        """Read all objects of a store, check their checksums, and check whether the sources have changed.

        Parameters
        ----------
        store, scheduler
            As for `to_zarr`.

        Returns
        -------
        pandas.DataFrame
            One row per array, by key: status (``"whole"``, ``"missing"``, ``"damaged"``, ``"outdated"``) and message; and a
            row ``"tables"`` per problem of the store's tables.
        """
        from ..stores import cohorts

        known_options.check(scheduler=scheduler)
        return cohorts.verify(self._members, store, scheduler)

    def tree(self) -> str:
        """Patients, studies and arrays as indented text, one per line."""
        return trees.text(self._members.labels)

    def to_datatree(self, **options: Any) -> xr.DataTree:
        """Patients, studies and arrays as a lazy `xarray.DataTree`: ``/PatientID/StudyInstanceUID/key/image``.

        Characters with a meaning in paths are encoded as in URLs: "a/b" becomes ``a%2Fb``.  A missing value becomes
        ``%missing``.

        Parameters
        ----------
        options
            As for `open_series`.

        Returns
        -------
        xarray.DataTree
            ``attrs["problems"]`` of the root has the arrays that can't be opened: key -> message.

        Raises
        ------
        TypeError, ValueError
            An option is unknown, or its value is not allowed.
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
