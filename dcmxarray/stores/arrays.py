"""One array in a Zarr store: written so that it is there whole or not at all, opened, verified.

The group of an array holds ``image``, its coordinates, and its own ``zarr.json``, which is written last: it is the completion
mark.  It has the source's fingerprint and the checksum of every object.  Without it no reader finds the array; what a killed
writer left is overwritten by the next, byte for byte, so that two writers at once do no harm.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import Store
from zarr.codecs import BloscCodec
from zarr.storage import StorePath

from .. import to_xarray
from ..errors import StoreError
from ..to_xarray import NAME
from . import identifiers, objects
from .layout import layout, regions, shard_keys

MARK = "dcmxarray"
FORMAT = 1


@dataclass(frozen=True)
class Mark:
    """What the completion mark says: the source's fingerprint, object -> CRC-32, and what else the writer wants to know."""

    fingerprint: str
    checksums: Mapping[str, int]
    about: Mapping[str, Any]


def compressor() -> BloscCodec:
    """Lossless: bits shuffled by significance, then lz4; as small as shuffled bytes by zstd, and quicker to read."""
    return BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle")


def mark(store: Store, group: str) -> Mark | None:
    """The completion mark of an array, ``None`` where there is none."""
    data = objects.read(store, _join(group, "zarr.json"))
    found = json.loads(data).get("attributes", {}).get(MARK) if data else None
    return Mark(found["fingerprint"], found["checksums"], found["about"]) if found and found.get("format") == FORMAT else None


def write(
    store: Store,
    group: str,
    array: xr.DataArray,
    fingerprint: str,
    chunks: Mapping[str, int] | None = None,
    about: Mapping[str, Any] | None = None,
) -> int:
    """Write an array whole, its mark last; returns how many bytes there are.

    Raises
    ------
    StoreError
        An object is gone or was changed while the array was written.
    """
    shape, shards = array.shape, layout({str(d): n for d, n in array.sizes.items()}, array.dtype.itemsize, chunks)
    before = objects.keys_under(store, _join(group, ""))
    data = _described(array, *shards)
    document = json.loads(data.pop("zarr.json"))
    if _join(group, "zarr.json") in before:
        objects.delete_many(store, [_join(group, "zarr.json")])
    objects.write_many(store, {_join(group, name): value for name, value in data.items()})
    _fill(store, _join(group, NAME), array, shards[1])
    image = [f"{NAME}/{key}" for key in shard_keys(shape, shards[1])]
    strangers = set(before) - {_join(group, name) for name in (*data, *image, "zarr.json")}
    objects.delete_many(store, sorted(strangers))
    sums = {name: zlib.crc32(value) for name, value in data.items()}
    written = _checksums(store, group, [*data, *image])
    lost = [name for name, (crc, _) in written.items() if crc is None or sums.get(name, crc) != crc]
    if lost:
        raise StoreError(f"{group}: {len(lost)} objects were changed by another writer, first {lost[0]!r}; write it again")
    document["attributes"][MARK] = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "about": dict(about or {}),
        "checksums": {n: crc for n, (crc, _) in written.items()},
    }
    objects.write_many(store, {_join(group, "zarr.json"): json.dumps(document).encode()})
    return sum(size for _, size in written.values())


def _join(group: str, name: str) -> str:
    return f"{group}/{name}" if group else name


def _described(array: xr.DataArray, chunks: tuple[int, ...], shards: tuple[int, ...]) -> dict[str, bytes]:
    """The objects of an array's group as xarray writes them, all but the image's own chunks."""
    import dask.array

    empty = dask.array.empty(array.shape, dtype=array.dtype, chunks=array.shape)
    variables = {n: _plain(c.variable) for n, c in array.coords.items()}
    dataset = xr.Dataset({NAME: (array.dims, empty, array.attrs)}, variables)
    dataset = dataset.reset_coords([n for n in variables if " " in str(n)])  # xarray lists coordinates parted by spaces
    encoding = {NAME: {"chunks": chunks, "shards": shards, "compressors": compressor()}}
    data = objects.in_memory(
        lambda store: dataset.to_zarr(store, compute=False, consolidated=False, zarr_format=3, encoding=encoding)
    )
    members = {n.removesuffix("/zarr.json"): json.loads(v) for n, v in data.items() if n.endswith("/zarr.json")}
    group = json.loads(data["zarr.json"])
    group["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": members}  # one read opens it
    return data | {"zarr.json": json.dumps(group).encode()}


def _plain(variable: xr.Variable) -> xr.Variable:
    """A coordinate without encoding; texts of any length, for which Zarr has a specification."""
    values = variable.values.astype(object) if variable.dtype.kind == "U" else variable.values
    return xr.Variable(variable.dims, values, variable.attrs)


def _fill(store: Store, path: str, array: xr.DataArray, shards: tuple[int, ...]) -> None:
    """The pixels, shard by shard: a dask array by its scheduler, any other read here, one shard in memory at a time."""
    image = zarr.open_array(store, path=path, mode="r+", config={"write_empty_chunks": True})
    if array.chunks is not None:
        import dask.array

        dask.array.store(array.data.rechunk(shards), image, lock=False)
        return
    for region in regions(array.shape, shards):
        image[region] = array.variable[region].to_numpy()


def _checksums(store: Store, group: str, names: list[str]) -> dict[str, tuple[int | None, int]]:
    """CRC-32 (``None`` where there is no object) and size of objects."""
    shards = [name for name in names if name.startswith(f"{NAME}/c/")]
    others = [name for name in names if name not in set(shards)]
    out: dict[str, tuple[int | None, int]] = {}
    for part in (others, *([name] for name in shards)):  # coordinates at once, shards one by one: they are large
        for name, data in zip(part, objects.read_many(store, [_join(group, n) for n in part]), strict=True):
            out[name] = (None, 0) if data is None else (zlib.crc32(data), len(data))
    return out


def verify(store: Store, group: str, found: Mark) -> str | None:
    """What is wrong with a stored array, ``None`` if every object is there with its checksum."""
    now = _checksums(store, group, list(found.checksums))
    lost = [name for name, (crc, _) in now.items() if crc is None]
    changed = [name for name, (crc, _) in now.items() if crc is not None and crc != found.checksums[name]]
    said = [f"{len(names)} objects {what}, first {names[0]!r}" for what, names in (("gone", lost), ("changed", changed)) if names]
    return "; ".join(said) or None


def keep(
    location: objects.Location,
    group: str,
    array: xr.DataArray,
    chunks: Mapping[str, int] | None,
    drop: identifiers.Identifiers,
    overwrite: bool,
) -> None:
    """Write one array to a place of the user's.

    Raises
    ------
    StoreError
        Something is there, and ``overwrite`` is false.
    """
    array = identifiers.without(array, drop)
    with objects.opened(location, write=True) as store:
        if not overwrite and objects.read(store, _join(group, "zarr.json")) is not None:
            raise StoreError(f"group {group!r} is there already; pass overwrite=True, or another group=")
        if group and objects.read(store, "zarr.json") is None:
            objects.write_many(store, {"zarr.json": b'{"zarr_format": 3, "node_type": "group", "attributes": {}}'})
        write(store, group, array, "", chunks)


def open_array(store: Store, group: str, chunks: to_xarray.Chunks = "auto") -> xr.DataArray:
    """A stored array, lazily; chunks as for `open_series`.

    Raises
    ------
    StoreError
        There is no whole array.
    """
    decoder = xr.coders.CFDatetimeCoder(time_unit="us")
    try:
        dataset = xr.open_zarr(StorePath(store, group), chunks=None, decode_times=decoder, zarr_format=3, consolidated=True)
    except FileNotFoundError as error:
        raise StoreError(f"no whole array {group!r} in the store; write it again by cohort.to_zarr") from error
    array = dataset.set_coords([name for name in dataset.data_vars if name != NAME])[NAME]
    texts = {n: (c.dims, np.array(c.values.tolist(), str), c.attrs) for n, c in array.coords.items() if c.dtype.kind in "OT"}
    array = array.assign_coords(texts)
    if chunks is None:
        return array
    wanted: Any = to_xarray.auto_chunks({str(d): n for d, n in array.sizes.items()}, array.dtype.itemsize)
    return array.chunk(_whole(wanted, array.encoding["chunks"], array.dims) if chunks == "auto" else chunks)


def _whole(wanted: Mapping[str, int], stored: tuple[int, ...], dims: tuple[Any, ...]) -> dict[Any, int]:
    """Chunks for dask that hold whole stored ones."""
    return {d: int(np.ceil(wanted[d] / s)) * s for d, s in zip(dims, stored, strict=True)}
