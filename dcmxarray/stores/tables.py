"""The root of a cohort's store: compact tables of its series and frames, so that opening reads two objects, not thousands.

Each writer adds parts of its own below ``tables`` (Parquet, as the bytes of a Zarr array) and never changes another's; a
later row of a key replaces the earlier.  A row with ``whole`` false says that the series is about to be written anew.  When
a writer is done it joins what parts there are into one.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import zarr
from zarr.abc.store import Store

from ..arrays.describe import DETAILS
from ..attributes import LABELS
from ..errors import StoreError
from . import claims, documents, keys, objects

TABLES = "tables"
SERIES, FRAMES = "series", "frames"

COLUMNS = ["key", *LABELS, "frames", "files", "bytes", *DETAILS, "fingerprint", "whole", "written"]
_TYPES = dict.fromkeys(("frames", "files", "bytes"), "int64") | dict.fromkeys(("dtype", "problem"), "str")
_LISTS = ("dims", "shape", "spacing")


def begin(store: Store) -> None:
    """The root of a cohort's store, where there is none.

    Raises
    ------
    StoreError
        Something else is there; nothing was written.
    """
    claims.root(store, TABLES)
    for key, data in _DOCUMENTS.items():
        if objects.read(store, key) != data:
            objects.write_many(store, {key: data})


def _place(which: str) -> str:
    return f"{TABLES}/{which}"


_GROUP = json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}}).encode()
_DOCUMENTS = {f"{name}/{documents.DOCUMENT}": _GROUP for name in (TABLES, *map(_place, (SERIES, FRAMES)))}


def is_there(store: Store) -> bool:
    """Whether a store has the tables of a cohort, whatever its root says."""
    return objects.read(store, f"{_place(SERIES)}/{documents.DOCUMENT}") == _GROUP


def add(store: Store, which: str, rows: pd.DataFrame) -> str:
    """One more part of a table; returns its name.  ``rows`` has a column ``key``."""
    table = rows.assign(written=time.time_ns()) if "written" not in rows else rows
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(_as_text(table), preserve_index=False), out, compression="zstd")
    data = out.getvalue()
    name = f"{_place(which)}/{_name(data)}"
    objects.write_many(store, {f"{name}/{k}": v for k, v in sorted(_as_array(data).items())})
    return name


def _name(data: bytes) -> str:
    """A part is named by what it holds, so that damage shows."""
    return hashlib.sha256(data).hexdigest()[:24]


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table without halves of characters (a file's name that is no UTF-8), which Parquet can't hold."""
    mixed = [n for n in table if table[n].dtype == object and table[n].map(lambda v: isinstance(v, str)).any()]
    return table.assign(**{str(n): table[n].map(_whole_text) for n in mixed}) if mixed else table


def _whole_text(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _as_array(data: bytes) -> dict[str, bytes]:
    """Bytes as a Zarr array of one chunk; its ``c/0`` sorts before its ``zarr.json``, which is thus written last."""

    def write(store: Store) -> None:
        values = np.frombuffer(data, np.uint8)
        array = zarr.create_array(
            store, shape=values.shape, dtype="u1", chunks=values.shape, compressors=None, attributes={"format": "Parquet"}
        )
        array[:] = values

    return objects.in_memory(write)


def _parts(store: Store, which: str) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The parts of a table, by name, and the names of damaged ones; one that another writer just joined is passed over."""
    found = objects.keys_under(store, f"{_place(which)}/")
    names = [k.removesuffix("/zarr.json") for k in found if k.endswith("/zarr.json") and k != f"{_place(which)}/zarr.json"]
    parts, damaged = {}, []
    for name, data in zip(names, objects.read_many(store, [f"{name}/c/0" for name in names]), strict=True):
        if data is not None and _name(data) == name.rpartition("/")[2]:
            parts[name] = pd.read_parquet(io.BytesIO(data))
        elif data is not None or objects.read(store, f"{name}/zarr.json") is not None:
            damaged.append(name)
    return parts, damaged


def read(store: Store, which: str) -> pd.DataFrame:
    """A table: of every key the newest rows, whole ones alone; without the columns of this module's own.

    Raises
    ------
    StoreError
        Nothing of it can be read.
    """
    parts, damaged = _parts(store, which)
    if damaged and not parts:
        raise StoreError(f"{_said(damaged)}, and nothing else lists the arrays; {_WAY_OUT}")
    if damaged:
        warnings.warn(f"{_said(damaged)}: arrays that only it lists are not shown; {_WAY_OUT}", stacklevel=2)
    return _shown(_newest(list(parts.values())))


def known(store: Store, which: str) -> pd.DataFrame:
    """As `read`, of what parts can be read, in silence: for a writer, which lists all that it writes or keeps."""
    return _shown(_newest(list(_parts(store, which)[0].values())))


_WAY_OUT = "run to_zarr of the same cohort again, which keeps the arrays that are whole"


def _said(damaged: list[str]) -> str:
    return f"{len(damaged)} parts of a table are damaged or gone, first {damaged[0]!r}"


def problems(store: Store) -> list[str]:
    """What is wrong with the tables and with what holds them."""
    said = [f"{key} is damaged" for key, data in _DOCUMENTS.items() if objects.read(store, key) != data]
    said += [f"{name} is damaged or gone" for which in (SERIES, FRAMES) for name in _parts(store, which)[1]]
    return said


def listed(store: Store) -> set[str]:
    """The keys that the table of series and that of frames list as whole."""
    return set(known(store, SERIES)["key"]) & set(known(store, FRAMES)["key"])


def _newest(parts: list[pd.DataFrame]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    every = pd.concat(parts, ignore_index=True)
    return every[every["written"] == every.groupby("key")["written"].transform("max")]


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    kept = table[table["whole"].astype(bool)].drop(columns=["whole", "written"])
    for name in (n for n in _LISTS if n in kept):
        kept[name] = pd.Series([tuple(v) if isinstance(v, np.ndarray) else None for v in kept[name]], index=kept.index)
    kept = kept.astype({n: t for n, t in _TYPES.items() if n in kept})
    return kept.drop_duplicates("key" if "frame" not in kept else ["key", "SOPInstanceUID", "frame"]).reset_index(drop=True)


def join(store: Store) -> None:
    """Make one part of each table's parts; parts that others add meanwhile stay as they are.

    A damaged part goes when every array of the store is listed without it.
    """
    if not store.supports_deletes:
        return
    for which in (SERIES, FRAMES):
        parts, damaged = _parts(store, which)
        newest = _newest(list(parts.values())).reset_index(drop=True)
        gone = damaged if damaged and _lists_all(store, newest["key"]) else []
        if len(parts) > 1:
            name = add(store, which, newest)
            gone = [*gone, *(part for part in parts if part != name)]
        objects.delete_many(store, [key for part in gone for key in _keys_of(store, part)])


def _lists_all(store: Store, known: Iterable[str]) -> bool:
    groups = {key.split("/")[0] for key in objects.keys_under(store, "")} - {TABLES, documents.DOCUMENT}
    return groups <= set(map(keys.name, known))


def _keys_of(store: Store, part: str) -> list[Any]:
    return objects.keys_under(store, f"{part}/")[::-1]  # zarr.json first: what is half gone is not there
