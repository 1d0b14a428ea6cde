"""Writes whole cohorts to a Zarr store.

Each array is a task.  Arrays that are in the store and whose source is unchanged are kept.  An array that fails becomes a row of
the report and does not stop the others.
"""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from .. import parallel
from ..arrays.describe import DETAILS, details_of
from ..arrays.origin import Opener, Origin
from ..attributes import BY_NAME, DIM_ORDER
from ..errors import FATAL, StoreError, one_line
from . import arrays, claims, documents, identifiers, objects, origins, tables
from .keys import name

FLUSH = 10.0  # seconds between two updates of the store's tables


def write(
    members: Origin,
    location: objects.Location,
    chunks: Mapping[str, int] | None,
    drop: identifiers.Identifiers,
    overwrite: bool,
    scheduler: Any,
    options: dict[str, Any],
) -> pd.DataFrame:
    """Write all arrays.

    Parameters
    ----------
    members
        The arrays.
    location
        The store.
    chunks
        As for `layout.layout`.
    drop
        Whether to leave out identifying elements.
    overwrite
        Whether to write arrays again that are in the store and unchanged.
    scheduler
        As for `parallel.results`.
    options
        Passed to each array's opener.

    Returns
    -------
    pandas.DataFrame
        One row per array, by key: status, bytes, seconds, message.

    Raises
    ------
    StoreError
        The target may not be written to, or not by several processes.
    TypeError, ValueError
        An option is not valid.
    """
    identifiers.check(drop)
    arrays.check_chunks(chunks, (*DIM_ORDER, *BY_NAME, *(options.get("dims") or ())))
    keys = members.keys
    openers = [_opener(members, key) for key in keys]
    _check_options(openers, options)
    claims.check_target(location, _sources(members))
    how = _digest(repr((documents.FORMAT, chunks and sorted(chunks.items()), drop, sorted(options.items()))))
    prints = [one and f"{one}:{how}" for one in _fingerprints(members, keys)]
    shared = objects.is_of_this_process(location)
    if shared and scheduler is not None and not parallel.in_one_process(scheduler):
        raise StoreError("a zip file, or a store that is held in memory, takes one process: leave out scheduler=")
    with objects.opened(location, write=True) as store:
        tables.begin(store)
        there = _announce(store, dict(zip(keys, prints, strict=True)), overwrite)
        target = store if shared else location
        task = partial(_write_one, target, chunks, drop, overwrite, options)
        items = ((key, opener, one, key in there) for key, opener, one in zip(keys, openers, prints, strict=True))
        done = parallel.results(task, items, len(keys), "threads" if shared and scheduler is None else scheduler, "to Zarr")
        rows = _listed(store, members, keys, prints, drop, done)
        tables.join(store)
    report = pd.DataFrame([rows[key] for key in keys], index=pd.Index(keys, name="key", dtype="str"))
    return report.reindex(columns=["status", "bytes", "seconds", "message"])


def _opener(members: Origin, key: str) -> Opener:
    """An array's opener; if there is none, a function that raises the reason when called."""
    try:
        return members.opener(key)
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001  one bad array never stops the others
        return partial(_failing, f"{type(error).__name__}: {one_line(error)}")


def _failing(message: str, **_: Any) -> Any:
    raise StoreError(message)


def _check_options(openers: Sequence[Opener], options: Mapping[str, Any]) -> None:
    """Raise TypeError for an option that openers do not take, once and before anything is written."""
    for opener in openers[:1]:
        known = {n for n, p in inspect.signature(opener).parameters.items() if p.kind is p.KEYWORD_ONLY} - {"chunks"}
        takes_all = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(opener).parameters.values())
        wrong = [] if takes_all else sorted(set(options) - known)
        if wrong:
            raise TypeError(f"to_zarr has no option {wrong[0]!r}; arrays are opened with {sorted(known) or 'none'}")


def _sources(members: Origin) -> list[str]:
    """Where the arrays are read from: folders and URLs of files, or a store."""
    store = getattr(members, "location", None)
    if store is not None:
        return [objects.place(store)]
    return origins.folders(members.frames["path"].dropna().unique()) if "path" in members.frames else []


def _fingerprints(members: Origin, keys: list[str]) -> list[str]:
    """For each key a text that changes when its source does; "" if it can't be made (a file is gone)."""
    try:
        return members.fingerprints(keys) if keys else []
    except FATAL:
        raise
    except BaseException:  # noqa: BLE001  one bad array never stops the others
        return [_fingerprint(members, key) for key in keys]


def _fingerprint(members: Origin, key: str) -> str:
    try:
        return members.fingerprints([key])[0]
    except FATAL:
        raise
    except BaseException:  # noqa: BLE001
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _announce(store: Any, prints: dict[str, str], overwrite: bool) -> set[str]:
    """Delist the arrays that will be written again, so that the tables never list an incomplete array if the writer is killed.

    Returns the keys that stay listed.
    """
    there = tables.known(store, tables.SERIES)
    there = there[there["key"].isin(list(prints))]
    changed = there if overwrite else there[there["fingerprint"] != there["key"].map(prints)]
    if len(changed):
        tables.add(store, tables.SERIES, pd.DataFrame({"key": changed["key"].to_numpy(), "whole": False}))
    return set(there["key"]) - set(changed["key"])


def _write_one(
    location: objects.Location,
    chunks: Mapping[str, int] | None,
    drop: identifiers.Identifiers,
    overwrite: bool,
    options: dict[str, Any],
    item: tuple[str, Any, str, bool],
) -> dict[str, Any]:
    """Write one array unless it is in the store already; never raises, an error becomes the row's message."""
    key, opener, fingerprint, listed = item
    begin = time.perf_counter()
    row: dict[str, Any] = {"status": "failed", "bytes": 0, "message": None}
    try:
        with objects.opened(location, write=True) as store:
            found = None if overwrite or not fingerprint else _mark(store, name(key))
            if found is not None and found.fingerprint == fingerprint and arrays.is_listed_whole(store, name(key), found):
                row |= {"status": "kept", **found.about}
                if not listed:
                    claims.tidy(store, name(key))
            else:
                array = identifiers.without(opener(chunks=None, **options), drop)
                about = details_of(array)
                row["bytes"] = arrays.write(store, name(key), array, fingerprint, chunks, about)
                row |= {"status": "written"} | about
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001  one bad series never stops the others
        row |= {"status": "failed", "message": f"{type(error).__name__}: {one_line(error)}"}
    return row | {"seconds": round(time.perf_counter() - begin, 6)}


def _mark(store: Any, group: str) -> documents.Mark | None:
    """The mark of a stored array; ``None`` if it is damaged, so that the array is written again."""
    try:
        return arrays.mark(store, group)
    except StoreError:
        return None


def _listed(
    store: Any, members: Origin, keys: list[str], prints: list[str], drop: identifiers.Identifiers, done: Iterator[Any]
) -> dict[str, dict[str, Any]]:
    """Collect the tasks' rows by key; list complete arrays in the store's tables every `FLUSH` seconds and at the end."""
    rows: dict[str, dict[str, Any]] = {}
    fresh: list[str] = []
    last = time.monotonic()
    labels, fingerprints = members.labels, dict(zip(keys, prints, strict=True))
    listed = _already_listed(store, fingerprints)
    try:
        for place, row in done:
            rows[keys[place]] = row
            if row["status"] != "failed" and not (row["status"] == "kept" and keys[place] in listed):
                fresh.append(keys[place])
            if time.monotonic() - last > FLUSH:
                _list(store, members, labels, fresh, rows, fingerprints, drop)
                fresh, last = [], time.monotonic()
    finally:
        _list(store, members, labels, fresh, rows, fingerprints, drop)
    return rows


def _already_listed(store: Any, fingerprints: dict[str, str]) -> set[str]:
    """The keys that the store's tables have: the newest row is of these very sources, and their frames are there."""
    there, frames = (tables.known(store, which) for which in (tables.SERIES, tables.FRAMES))
    return set(there.loc[there["fingerprint"] == there["key"].map(fingerprints), "key"]) & set(frames["key"])


def _list(
    store: Any,
    members: Origin,
    labels: pd.DataFrame,
    fresh: list[str],
    rows: dict[str, dict[str, Any]],
    fingerprints: dict[str, str],
    drop: identifiers.Identifiers,
) -> None:
    """List arrays in the store's tables; if that fails, one by one, so that only those that can't be listed fail."""
    if not fresh:
        return
    try:
        _add(store, members, labels, fresh, rows, fingerprints, drop)
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001  one bad series never stops the others
        if len(fresh) > 1:
            for key in fresh:
                _list(store, members, labels, [key], rows, fingerprints, drop)
        else:
            message = f"written, but not listed in the store's tables: {type(error).__name__}: {one_line(error)}"
            rows[fresh[0]] |= {"status": "failed", "message": message}


def _add(
    store: Any,
    members: Origin,
    labels: pd.DataFrame,
    fresh: list[str],
    rows: dict[str, dict[str, Any]],
    fingerprints: dict[str, str],
    drop: identifiers.Identifiers,
) -> None:
    """Add rows of complete arrays, and of their frames, to the store's tables."""
    details = pd.DataFrame([{n: rows[key].get(n) for n in DETAILS} for key in fresh])
    table = labels.loc[fresh].reset_index(names="key").assign(**{n: details[n] for n in DETAILS})
    table = table.assign(fingerprint=[fingerprints[key] for key in fresh], whole=True)
    frames = pd.concat([members.frames_of(key).assign(key=key) for key in fresh], ignore_index=True)
    if drop == "drop":
        frames = frames.drop(columns=[n for n in frames if identifiers.is_identifying(str(n))])
    tables.add(store, tables.FRAMES, frames.assign(whole=True))
    tables.add(store, tables.SERIES, table)


def verify(members: Origin, location: objects.Location, scheduler: Any = None) -> pd.DataFrame:
    """Read every object of every array again, and the tables.

    Returns
    -------
    pandas.DataFrame
        One row per array, by key, and one per problem of the tables: status (``"whole"``, ``"missing"``, ``"damaged"``,
        ``"outdated"``) and message.
    """
    keys = members.keys
    items = list(zip(keys, _fingerprints(members, keys), strict=True))
    scheduler = "threads" if objects.is_of_this_process(location) and scheduler is None else scheduler
    listed, problems = _tables(location)
    found = dict(parallel.results(partial(_verify_one, location, listed), items, len(keys), scheduler, "verifying"))
    rows = [found[k] for k in range(len(keys))] + [("damaged", problem) for problem in problems]
    index = pd.Index([*keys, *(tables.TABLES for _ in problems)], name="key", dtype="str")
    return pd.DataFrame(rows, columns=["status", "message"], index=index)


def _tables(location: objects.Location) -> tuple[set[str], list[str]]:
    """The keys that a store's tables list, and what is wrong with root and tables."""
    with objects.opened(location) as store:
        root = claims.problem_of_root(store, tables.TABLES)
        return tables.listed(store), [*([root] if root else []), *tables.problems(store)]


def _verify_one(location: objects.Location, listed: set[str], item: tuple[str, str]) -> tuple[str, str | None]:
    """Status and message of one array; never raises."""
    key, source = item
    try:
        with objects.opened(location) as store:
            found = arrays.mark(store, name(key))
            if found is None:
                return "missing", "it is not there, or not whole"
            message = arrays.verify(store, name(key), found)
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001  one bad series never stops the others
        message = f"{type(error).__name__}: {one_line(error)}"
        return "damaged", message
    if message is not None:
        return "damaged", message
    if found.fingerprint.split(":")[0] != source:
        return "outdated", "its source has changed since it was written"
    unlisted = "it is whole, but the store's tables do not list it; run to_zarr again"
    return ("whole", None) if key in listed else ("missing", unlisted)
