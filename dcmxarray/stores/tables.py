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
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import zarr
from zarr.abc.store import Store

from ..members import DETAILS, LABELS
from . import objects

TABLES = "tables"
FORMAT = 1
SERIES, FRAMES = "series", "frames"

COLUMNS = ["key", *LABELS, "frames", "files", "bytes", *DETAILS, "fingerprint", "whole", "written"]
_TYPES = dict.fromkeys(("frames", "files", "bytes"), "int64") | dict.fromkeys(("dtype", "problem"), "str")
_LISTS = ("dims", "shape", "spacing")


def begin(store: Store) -> None:
    """The root of a cohort's store, where there is none."""
    said = {"dcmxarray": {"format": FORMAT, "tables": TABLES}}
    for group, attributes in (("", said), *((f"{name}/", {}) for name in (TABLES, *map(_place, (SERIES, FRAMES))))):
        key = f"{group}zarr.json"
        if objects.read(store, key) is None:
            document = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
            objects.write_many(store, {key: json.dumps(document).encode()})


def _place(kind: str) -> str:
    return f"{TABLES}/{kind}"


def is_cohort(store: Store) -> bool:
    """Whether a store's root says that it holds a cohort."""
    data = objects.read(store, "zarr.json")
    return data is not None and "tables" in json.loads(data).get("attributes", {}).get("dcmxarray", {})


def add(store: Store, kind: str, rows: pd.DataFrame) -> str:
    """One more part of a table; returns its name.  ``rows`` has a column ``key``."""
    table = rows.assign(written=time.time_ns()) if "written" not in rows else rows
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), out, compression="zstd")
    data = out.getvalue()
    name = f"{_place(kind)}/{hashlib.sha256(data).hexdigest()[:24]}"
    objects.write_many(store, {f"{name}/{k}": v for k, v in sorted(_as_array(data).items())})
    return name


def _as_array(data: bytes) -> dict[str, bytes]:
    """Bytes as a Zarr array of one chunk; its ``c/0`` sorts before its ``zarr.json``, which is thus written last."""

    def write(store: Store) -> None:
        values = np.frombuffer(data, np.uint8)
        array = zarr.create_array(
            store, shape=values.shape, dtype="u1", chunks=values.shape, compressors=None, attributes={"format": "Parquet"}
        )
        array[:] = values

    return objects.in_memory(write)


def _parts(store: Store, kind: str) -> dict[str, pd.DataFrame]:
    """The parts of a table, by name; one that another writer just joined is passed over."""
    keys = objects.keys_under(store, f"{_place(kind)}/")
    names = [k.removesuffix("/zarr.json") for k in keys if k.endswith("/zarr.json") and k != f"{_place(kind)}/zarr.json"]
    found = zip(names, objects.read_many(store, [f"{name}/c/0" for name in names]), strict=True)
    return {name: pd.read_parquet(io.BytesIO(data)) for name, data in found if data is not None}


def read(store: Store, kind: str) -> pd.DataFrame:
    """A table: of every key the newest rows, whole ones alone; without the columns of this module's own."""
    return _shown(_newest(list(_parts(store, kind).values())))


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
    """Make one part of each table's parts; parts that others add meanwhile stay as they are."""
    if not store.supports_deletes:
        return
    for kind in (SERIES, FRAMES):
        parts = _parts(store, kind)
        if len(parts) < 2:
            continue
        name = add(store, kind, _newest(list(parts.values())).reset_index(drop=True))
        gone = [key for part in parts if part != name for key in _keys_of(store, part)]
        objects.delete_many(store, gone)


def _keys_of(store: Store, part: str) -> list[Any]:
    return objects.keys_under(store, f"{part}/")[::-1]  # zarr.json first: what is half gone is not there
