"""The tables of a cohort's store, of its series and of its frames: opening a cohort reads two objects instead of thousands.

Each writer adds its own parts below ``tables`` (Parquet, as the bytes of a Zarr array) and never changes another writer's.  A
later row of a key replaces an earlier one.  A row with ``whole`` false says that the series is about to be written again.  When a
writer is done it joins all parts into one.
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
from ..headers.asked import alike_tables
from . import claims, documents, keys, objects

TABLES = "tables"
SERIES, FRAMES = "series", "frames"

COLUMNS = ["key", *LABELS, "frames", "files", "bytes", *DETAILS, "fingerprint", "whole", "written"]
_TYPES = dict.fromkeys(("frames", "files", "bytes"), "int64") | dict.fromkeys(("dtype", "problem"), "str")
_LISTS = ("dims", "shape", "spacing")


def begin(store: Store) -> None:
    """Make the root of a cohort's store and the groups of its tables, where they are missing.

    Raises
    ------
    StoreError
        The store holds something else; nothing was written.
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
    """Whether a store has the tables of a cohort, even if its root is damaged."""
    return objects.read(store, f"{_place(SERIES)}/{documents.DOCUMENT}") == _GROUP


def add(store: Store, which: str, rows: pd.DataFrame) -> str:
    """Add a part to a table.

    Parameters
    ----------
    store
        The cohort's store.
    which
        `SERIES` or `FRAMES`.
    rows
        With the columns ``key`` and ``whole``; ``written``, ns since 1970, is added if missing.

    Returns
    -------
    str
        The name of the part.
    """
    table = rows.assign(written=time.time_ns()) if "written" not in rows else rows
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(_as_text(table), preserve_index=False), out, compression="zstd")
    data = out.getvalue()
    name = f"{_place(which)}/{_name(data)}"
    objects.write_many(store, {f"{name}/{k}": v for k, v in sorted(_as_array(data).items())})
    return name


def _name(data: bytes) -> str:
    """The name of a part: a hash of its content, by which damage is found."""
    return hashlib.sha256(data).hexdigest()[:24]


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table with lone surrogates, as in file names that are not UTF-8, escaped, because Parquet can't hold them."""
    mixed = [n for n in table if table[n].dtype == object and table[n].map(lambda v: isinstance(v, str)).any()]
    return table.assign(**{str(n): table[n].map(_whole_text) for n in mixed}) if mixed else table


def _whole_text(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _as_array(data: bytes) -> dict[str, bytes]:
    """Bytes as the objects of a Zarr array of one chunk; ``c/0`` sorts before ``zarr.json``, which is therefore written last."""

    def write(store: Store) -> None:
        values = np.frombuffer(data, np.uint8)
        array = zarr.create_array(
            store, shape=values.shape, dtype="u1", chunks=values.shape, compressors=None, attributes={"format": "Parquet"}
        )
        array[:] = values

    return objects.in_memory(write)


def _describes(document: bytes | None, data: bytes) -> bool:
    """Whether the metadata of a part are those of its bytes: Zarr's readers need them."""
    try:
        return document is not None and json.loads(document)["shape"] == [len(data)]
    except (ValueError, TypeError, KeyError):
        return False


def _parts(store: Store, which: str) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The parts of a table by name, and the names of damaged parts; parts that another writer just joined are ignored."""
    found = objects.keys_under(store, f"{_place(which)}/")
    names = [k.removesuffix("/zarr.json") for k in found if k.endswith("/zarr.json") and k != f"{_place(which)}/zarr.json"]
    parts, damaged = {}, []
    for name, data in zip(names, objects.read_many(store, [f"{name}/c/0" for name in names]), strict=True):
        if (
            data is not None
            and _name(data) == name.rpartition("/")[2]
            and _describes(objects.read(store, f"{name}/zarr.json"), data)
        ):
            parts[name] = pd.read_parquet(io.BytesIO(data))
        elif data is not None or objects.read(store, f"{name}/zarr.json") is not None:
            damaged.append(name)
    return parts, damaged


def read(store: Store, which: str) -> pd.DataFrame:
    """Read a table: for every key the newest rows, if they are of a complete array; warns of damaged parts.

    Parameters
    ----------
    store
        The cohort's store.
    which
        `SERIES` or `FRAMES`.

    Returns
    -------
    pandas.DataFrame
        Without ``whole`` and ``written``.

    Raises
    ------
    StoreError
        All parts are damaged.
    """
    parts, damaged = _parts(store, which)
    if damaged and not parts:
        raise StoreError(f"{_said(damaged)}, and nothing else lists the arrays; {_WAY_OUT}")
    if damaged:
        warnings.warn(f"{_said(damaged)}: arrays that only it lists are not shown; {_WAY_OUT}", stacklevel=2)
    return _shown(_newest(list(parts.values())))


def known(store: Store, which: str) -> pd.DataFrame:
    """As `read`, but ignores damaged parts: for a writer, which lists all arrays that it writes or keeps again."""
    return _shown(_newest(list(_parts(store, which)[0].values())))


_WAY_OUT = "run to_zarr of the same cohort again, which keeps the arrays that are whole"


def _said(damaged: list[str]) -> str:
    return f"{len(damaged)} parts of a table are damaged or gone, first {damaged[0]!r}"


def problems(store: Store) -> list[str]:
    """What is wrong with the tables and their groups; empty if nothing is."""
    said = [f"{key} is damaged" for key, data in _DOCUMENTS.items() if objects.read(store, key) != data]
    said += [f"{name} is damaged or gone" for which in (SERIES, FRAMES) for name in _parts(store, which)[1]]
    return said


def listed(store: Store) -> set[str]:
    """The keys that both the table of series and the table of frames list as complete."""
    return set(known(store, SERIES)["key"]) & set(known(store, FRAMES)["key"])


def _newest(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of each key that were written last."""
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    every = pd.concat(alike_tables(parts), ignore_index=True)
    return every[every["written"] == every.groupby("key")["written"].transform("max")]


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of complete arrays, with the dtypes of the schema and without this module's own columns."""
    kept = table[table["whole"].astype(bool)].drop(columns=["whole", "written"])
    for name in (n for n in _LISTS if n in kept):
        kept[name] = pd.Series([tuple(v) if isinstance(v, np.ndarray) else None for v in kept[name]], index=kept.index)
    kept = kept.astype({n: t for n, t in _TYPES.items() if n in kept})
    return kept.drop_duplicates("key" if "frame" not in kept else ["key", "SOPInstanceUID", "frame"]).reset_index(drop=True)


def join(store: Store) -> None:
    """Join the parts of each table into one, if the store can delete; parts that other writers add meanwhile stay.

    A damaged part is deleted if all arrays of the store are listed without it.
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
    """Whether every group of the store belongs to a known key."""
    groups = {key.split("/")[0] for key in objects.keys_under(store, "")} - {TABLES, documents.DOCUMENT}
    return groups <= set(map(keys.name, known))


def _keys_of(store: Store, part: str) -> list[Any]:
    return objects.keys_under(store, f"{part}/")[::-1]  # zarr.json first, so that a part that is half deleted is not found
