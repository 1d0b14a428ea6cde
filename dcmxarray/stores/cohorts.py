"""Whole cohorts into a Zarr store: each array is a task; what is there and unchanged stays, what fails is a row of the report."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd

from .. import parallel
from ..errors import StoreError, one_line
from ..members import DETAILS, Members, details_of
from . import arrays, identifiers, objects, tables

FLUSH = 10.0  # seconds after which what was written is listed in the store's tables


def write(
    members: Members,
    location: objects.Location,
    chunks: Mapping[str, int] | None,
    drop: identifiers.Identifiers,
    overwrite: bool,
    client: Any,
    options: dict[str, Any],
) -> pd.DataFrame:
    """Write all arrays; one row each: status, bytes, seconds, message."""
    identifiers.check(drop)
    how = _digest(repr((arrays.FORMAT, chunks and sorted(chunks.items()), drop, sorted(options.items()))))
    keys = members.keys
    prints = [f"{one}:{how}" for one in members.fingerprints(keys)] if keys else []
    shared = objects.is_of_this_process(location)
    if shared and client not in (None, "threads", "synchronous"):
        raise StoreError("a zip file, or a store that is held in memory, takes one process: leave out client=")
    with objects.opened(location, write=True) as store:
        tables.begin(store)
        _announce(store, dict(zip(keys, prints, strict=True)), overwrite)
        target = store if shared else location
        task = partial(_write_one, target, chunks, drop, overwrite, options)
        items = ((key, members.opener(key), one) for key, one in zip(keys, prints, strict=True))
        scheduler = "threads" if shared and client is None else client
        done = parallel.results(task, items, len(keys), scheduler, "to Zarr")
        rows = _listed(store, members, keys, prints, drop, done)
        tables.join(store)
    report = pd.DataFrame([rows[key] for key in keys], index=pd.Index(keys, name="key", dtype="str"))
    return report.reindex(columns=["status", "bytes", "seconds", "message"])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _announce(store: Any, prints: dict[str, str], overwrite: bool) -> None:
    """Take from the tables what is to be written anew: killed in between, they never list what is not whole."""
    there = tables.read(store, tables.SERIES)
    there = there[there["key"].isin(list(prints))]
    changed = there if overwrite else there[there["fingerprint"] != there["key"].map(prints)]
    if len(changed):
        tables.add(store, tables.SERIES, pd.DataFrame({"key": changed["key"].to_numpy(), "whole": False}))


def _write_one(
    location: objects.Location,
    chunks: Mapping[str, int] | None,
    drop: identifiers.Identifiers,
    overwrite: bool,
    options: dict[str, Any],
    item: tuple[str, Any, str],
) -> dict[str, Any]:
    """Write one array unless it is there; never raises: what went wrong is the row's message."""
    key, opener, fingerprint = item
    begin = time.perf_counter()
    row: dict[str, Any] = {"status": "failed", "bytes": 0, "message": None}
    try:
        with objects.opened(location, write=True) as store:
            found = None if overwrite else arrays.mark(store, key)
            if found is not None and found.fingerprint == fingerprint:
                row |= {"status": "kept", **found.about}
            else:
                array = identifiers.without(opener(chunks=None, **options), drop)
                about = details_of(array)
                row["bytes"] = arrays.write(store, key, array, fingerprint, chunks, about)
                row |= {"status": "written"} | about
    except Exception as error:  # noqa: BLE001  one bad series never stops the others
        row |= {"status": "failed", "message": f"{type(error).__name__}: {one_line(error)}"}
    return row | {"seconds": round(time.perf_counter() - begin, 6)}


def _listed(
    store: Any, members: Members, keys: list[str], prints: list[str], drop: identifiers.Identifiers, done: Iterator[Any]
) -> dict[str, dict[str, Any]]:
    """Collect the tasks' rows by key, and list what is whole in the store's tables now and then, and at the end."""
    rows: dict[str, dict[str, Any]] = {}
    fresh: list[str] = []
    last = time.monotonic()
    labels, fingerprints = members.labels, dict(zip(keys, prints, strict=True))
    try:
        for place, row in done:
            rows[keys[place]] = row
            if row["status"] != "failed":
                fresh.append(keys[place])
            if time.monotonic() - last > FLUSH:
                _list(store, members, labels, fresh, rows, fingerprints, drop)
                fresh, last = [], time.monotonic()
    finally:
        _list(store, members, labels, fresh, rows, fingerprints, drop)
    return rows


def _list(
    store: Any,
    members: Members,
    labels: pd.DataFrame,
    fresh: list[str],
    rows: dict[str, dict[str, Any]],
    fingerprints: dict[str, str],
    drop: identifiers.Identifiers,
) -> None:
    if not fresh:
        return
    details = pd.DataFrame([{n: rows[key].get(n) for n in DETAILS} for key in fresh])
    table = labels.loc[fresh].reset_index(names="key").assign(**{n: details[n] for n in DETAILS})
    table = table.assign(fingerprint=[fingerprints[key] for key in fresh], whole=True)
    frames = pd.concat([members.frames_of(key).assign(key=key) for key in fresh], ignore_index=True)
    if drop == "drop":
        frames = frames.drop(columns=[n for n in frames if n in ("path", "problem") or identifiers.is_identifying(str(n))])
    tables.add(store, tables.FRAMES, frames.assign(whole=True))
    tables.add(store, tables.SERIES, table)


def verify(members: Members, location: objects.Location) -> pd.DataFrame:
    """Read every object of every array again; one row an array: status, message."""
    keys = members.keys
    items = list(zip(keys, members.fingerprints(keys) if keys else [], strict=True))
    scheduler = "threads" if objects.is_of_this_process(location) else None
    found = dict(parallel.results(partial(_verify_one, location), items, len(keys), scheduler, "verifying"))
    rows = [found[k] for k in range(len(keys))]
    return pd.DataFrame(rows, columns=["status", "message"], index=pd.Index(keys, name="key", dtype="str"))


def _verify_one(location: objects.Location, item: tuple[str, str]) -> tuple[str, str | None]:
    key, source = item
    with objects.opened(location) as store:
        found = arrays.mark(store, key)
        if found is None:
            return "missing", "it is not there, or not whole"
        message = arrays.verify(store, key, found)
    if message is not None:
        return "damaged", message
    same = found.fingerprint.split(":")[0] == source
    return ("whole", None) if same else ("outdated", "its source has changed since it was written")
