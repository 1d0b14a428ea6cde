"""One array in a Zarr store: writes it so that readers find all of it or nothing, and verifies it.

The group of an array holds ``image``, its coordinates, and its own ``zarr.json``.  That document is written last and marks the
array as complete: it holds the source's fingerprint and the checksum of every object.  Without it no reader finds the array.
The next writer overwrites what a killed writer left.  Two writers of one array write the same bytes, so they do no harm.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import ByteRequest, Store
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import MemoryStore, WrapperStore

from ..arrays.build import NAME
from ..errors import FATAL, StoreError, one_line
from . import claims, documents, identifiers, keys, objects, origins, reading
from .documents import DOCUMENT, Mark
from .layout import layout, regions, shard_keys

_DTYPES = "biufc"  # kinds of dtype that Zarr specifies and xarray does not convert


def compressors() -> tuple[BloscCodec, Crc32cCodec]:
    """The lossless codecs of images: bitshuffle and lz4, as small as byte shuffle and zstd but faster to read, and a CRC-32C."""
    return BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle"), Crc32cCodec()


def mark(store: Store, group: str) -> Mark | None:
    """Read the mark of a stored array; ``None`` if the group has no document.

    Raises
    ------
    StoreError
        The document is damaged, or dcmxarray did not write it.
    """
    return documents.read(objects.read(store, _join(group, DOCUMENT)), group)


def write(
    store: Store,
    group: str,
    array: xr.DataArray,
    fingerprint: str,
    chunks: Mapping[str, int] | None = None,
    about: Mapping[str, Any] | None = None,
) -> int:
    """Write an array, its mark last.

    Parameters
    ----------
    store, group
        Where to write; "" is the root.
    array
        Any array, lazy or not.
    fingerprint
        A text that changes when the source does.
    chunks
        As for `layout.layout`.
    about
        What else to keep in the document, as JSON values.

    Returns
    -------
    int
        Bytes of all objects but the document.

    Raises
    ------
    StoreError
        The group holds objects that dcmxarray did not write, Zarr can't hold the array unchanged, or another writer changed an
        object meanwhile.
    """
    sizes = {str(d): n for d, n in array.sizes.items()}
    shards = layout(sizes, array.dtype.itemsize, chunks)
    said = Mark(fingerprint, {}, about or {}, (), _dtypes(array), _names(array))
    data = _described(array, *shards, said)
    document = json.loads(data.pop(DOCUMENT))
    image = [f"{NAME}/{key}" for key in shard_keys(array.shape, shards[1])]
    claim = claims.begin(store, group, [*data, *image])
    strangers = sorted(n for n in claim.there.difference(data, image) if not n.startswith(claims.BEGUN))
    objects.delete_with_folders(store, [_join(group, name) for name in strangers])
    objects.write_many(store, {_join(group, name): value for name, value in data.items()})
    _fill(store, _join(group, NAME), array, shards[1])
    written = _checked(store, group, data, image)
    left = () if store.supports_deletes else strangers
    done = replace(said, checksums={n: crc for n, (crc, _) in written.items()}, left=left)
    objects.write_many(store, {_join(group, DOCUMENT): documents.of_array(document, done)})
    claims.end(store, group, claim)
    return sum(size for _, size in written.values())


def _join(group: str, name: str) -> str:
    return f"{group}/{name}" if group else name


def _dtypes(array: xr.DataArray) -> dict[str, str]:
    """The dtypes of coordinates that xarray would decode to another dtype: times, empty texts, texts as objects."""
    times = {str(n): str(c.dtype) for n, c in array.coords.items() if c.dtype.kind in "mMO" and c.dtype != "datetime64[us]"}
    return times | {str(n): "str" for n, c in array.coords.items() if c.dtype.kind in "UT" and c.size == 0}


def _names(array: xr.DataArray) -> dict[str, str]:
    """Coordinates whose names a store can't hold (a private creator may contain "/"): name in the store -> own name."""
    names = [n for n in array.coords if isinstance(n, str) and ("/" in n or not keys.is_within(n) or n in keys.RESERVED)]
    return {keys.name(n): n for n in names}


def _described(array: xr.DataArray, chunks: tuple[int, ...], shards: tuple[int, ...], said: Mark) -> dict[str, bytes]:
    """The objects of an array's group as xarray writes them, without the image's chunks.

    Raises
    ------
    StoreError
        Reading the objects back would give another array.
    """
    if array.dtype.kind not in _DTYPES:
        raise StoreError(f"values of type {array.dtype} can't be kept; convert them to numbers: da.astype(...)")
    try:
        data, store = _as_objects(array.rename({old: new for new, old in said.names.items()}), chunks, shards)
        back = None if _is_usual(array) and not said.names else reading.described(store, "", ("",), said)
    except FATAL:
        raise
    except Exception as error:
        raise StoreError(f"the array can't be kept in Zarr: {type(error).__name__}: {one_line(error)}") from error
    if back is not None:
        _check_same(array, back)
    return data


def _is_usual(array: xr.DataArray) -> bool:
    """Whether all parts of an array are known to survive a round trip; if not, the array is read back and compared."""
    values = (array.dtype.kind in "iuf", *(_is_usual_type(c.dtype, c.size) for c in array.coords.values()))
    attributes = (item for a in (array, *array.coords.values()) for item in a.attrs.items())
    return all(values) and all(_is_usual_attribute(*item) for item in attributes)


def _is_usual_type(dtype: np.dtype[Any], size: int) -> bool:
    """Whether coordinates of this dtype are known to survive a round trip."""
    return dtype.isnative and (dtype.kind in "iufb" or dtype == "datetime64[us]" or (dtype.kind == "U" and size > 0))


def _is_usual_attribute(name: Any, value: Any) -> bool:
    """Whether an attribute is known to survive: DICOM keywords and `_LOWER`; xarray reads other names as instructions."""
    parts = value if type(value) is list else [value]
    instruction = not isinstance(name, str) or (name[:1].islower() and name not in _LOWER) or name.startswith("_")
    return not instruction and all(type(v) in (str, int, float, bool) for v in parts) and " since " not in str(value)


_LOWER = frozenset(("units", "long_name", "time_source", "slice_source", "value_source", "flag_values", "flag_meanings"))


def _as_objects(array: xr.DataArray, chunks: tuple[int, ...], shards: tuple[int, ...]) -> tuple[dict[str, bytes], Store]:
    """The group's objects without the image's chunks, and the store in memory that holds them."""
    import dask.array

    empty = dask.array.empty(array.shape, dtype=array.dtype, chunks=array.shape)
    variables = {n: _plain(c.variable) for n, c in array.coords.items()}
    dataset = xr.Dataset({NAME: (array.dims, empty, array.attrs)}, variables)
    spaced = [n for n in variables if " " in str(n) and n not in array.dims]
    dataset = dataset.reset_coords(spaced)  # xarray separates names of coordinates by spaces
    encoding: dict[Any, dict[str, Any]] = {n: {"compressors": (ZstdCodec(), Crc32cCodec())} for n in variables}
    encoding[NAME] = {"chunks": chunks, "shards": shards or None, "compressors": compressors()}
    store = MemoryStore()
    dataset.to_zarr(store, compute=False, consolidated=False, zarr_format=3, encoding=encoding)
    data = objects.everything(store)
    members = {n.removesuffix("/zarr.json"): json.loads(v) for n, v in data.items() if n.endswith("/zarr.json")}
    group = json.loads(data[DOCUMENT])
    group["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": members}  # one read opens it
    data[DOCUMENT] = json.dumps(group).encode()
    objects.write_many(store, {DOCUMENT: data[DOCUMENT]})
    return data, store


def _plain(variable: xr.Variable) -> xr.Variable:
    """A coordinate without encoding; texts have variable length, since Zarr has no specification for fixed length."""
    values = variable.values.astype(object) if variable.dtype.kind in "UT" else variable.values
    return xr.Variable(variable.dims, values, variable.attrs)


def _check_same(array: xr.DataArray, back: xr.DataArray) -> None:
    """Raise StoreError if the array that was read back differs from the one to be written."""
    if (back.dims, back.shape, _kind(back), set(back.coords)) != (array.dims, array.shape, _kind(array), set(array.coords)):
        raise StoreError(f"the array can't be kept: it would come back as {back.dtype} with {list(back.coords)}")
    changed = [n for n, c in array.coords.items() if not c.variable.identical(back[n].variable) or _kind(c) != _kind(back[n])]
    if changed:
        one = changed[0]
        raise StoreError(
            f"coordinate {one!r} ({array[one].dtype}) can't be kept as it is, it would come back as {back[one].dtype}; "
            f"convert it, or leave it out: da.drop_vars({one!r})"
        )
    lost = [name for name in array.attrs.keys() | back.attrs.keys() if not _same_attribute(array, back, name)]
    if lost:
        raise StoreError(f"attribute {lost[0]!r} can't be kept: Zarr has no such values, or xarray reads it as an instruction")


def _same_attribute(array: xr.DataArray, back: xr.DataArray, name: Any) -> bool:
    """Whether an attribute is the same in both arrays, by xarray's own comparison."""
    one, two = (xr.Variable((), 0, {0: a.attrs[name]} if name in a.attrs else {}) for a in (array, back))
    return one.identical(two)


def _kind(array: xr.DataArray) -> Any:
    """The dtype without byte order, "text" for texts of any length."""
    return "text" if array.dtype.kind in "UT" else array.dtype.newbyteorder("=")


def _fill(store: Store, path: str, array: xr.DataArray, shards: tuple[int, ...]) -> None:
    """Write the pixels shard by shard: a dask array by its scheduler, any other here, with one shard in memory at a time."""
    image = zarr.open_array(_Unread(store), path=path, mode="r+").with_config({"write_empty_chunks": True})
    if array.chunks is not None and array.size and array.ndim:
        import dask.array

        dask.array.store(array.data.rechunk(shards), image, lock=False)
        return
    for region in regions(array.shape, shards):
        image[region] = array.variable[region].to_numpy()


class _Unread(WrapperStore[Store]):  # type: ignore[misc]  # mypy does not look into zarr
    """A store in which zarr sees documents but no shards.

    zarr reads a shard at the edge of an array before it writes it, and fails if that shard is damaged.  Here each shard is
    written whole, so whatever lies there already is replaced unread.
    """

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """A document's bytes; ``None`` for any other object."""
        return await self._store.get(key, prototype, byte_range) if key.endswith(DOCUMENT) else None


def _checked(store: Store, group: str, data: Mapping[str, bytes], image: Sequence[str]) -> dict[str, tuple[int, int]]:
    """CRC-32 and size of every object, read back; StoreError if one differs from what was written."""
    sums = {name: zlib.crc32(value) for name, value in data.items()}
    written, lost = {}, []
    for name, crc, size in _checksums(store, group, [*data, *image]):
        if crc is None or sums.get(name, crc) != crc:
            lost.append(name)
        else:
            written[name] = (crc, size)
    if lost:
        raise StoreError(f"{group}: {len(lost)} objects were changed by another writer, first {lost[0]!r}; write it again")
    return written


def _checksums(store: Store, group: str, names: Iterable[str]) -> Iterator[tuple[str, int | None, int]]:
    """Name, CRC-32 (``None`` if the object is missing) and size of objects; shards, which are large, are read one by one."""
    names = list(names)
    shards = [name for name in names if name.startswith(f"{NAME}/c")]
    others = [name for name in names if not name.startswith(f"{NAME}/c")]
    for part in (others, *([name] for name in shards)):
        for name, data in zip(part, objects.read_many(store, [_join(group, n) for n in part]), strict=True):
            yield (name, None, 0) if data is None else (name, zlib.crc32(data), len(data))


def verify(store: Store, group: str, found: Mark) -> str | None:
    """Compare all objects of a stored array with their checksums; returns what is wrong, ``None`` if nothing is."""
    now = {name: crc for name, crc, _ in _checksums(store, group, found.checksums)}
    lost = [name for name, crc in now.items() if crc is None]
    changed = [name for name, crc in now.items() if crc is not None and crc != found.checksums[name]]
    said = [f"{len(names)} objects {what}, first {names[0]!r}" for what, names in (("gone", lost), ("changed", changed)) if names]
    return "; ".join(said) or None


def is_listed_whole(store: Store, group: str, found: Mark) -> bool:
    """Whether a listing of the group has every object of a stored array: cheap, and blind for damage within objects."""
    return set(found.checksums) <= set(objects.names_under(store, group))


def keep(
    location: objects.Location,
    group: str,
    array: xr.DataArray,
    chunks: Mapping[str, int] | None,
    drop: identifiers.Identifiers,
    overwrite: bool,
) -> None:
    """Write one array where a user asks for it.

    Parameters
    ----------
    location, group
        The store, and the group in it; "" is the root.
    array
        The array to write.
    chunks
        As for `layout.layout`.
    drop
        Whether to leave out identifying elements.
    overwrite
        Whether to replace an array that dcmxarray wrote to the same group.

    Raises
    ------
    StoreError
        The group holds something that dcmxarray did not write, or an array and ``overwrite`` is false, or it overlaps the
        array's source.
    ValueError
        An option is not valid.
    """
    clean = identifiers.without(array, drop)
    check_chunks(chunks, map(str, array.dims))
    claims.check_group(group)
    claims.check_target(location, origins.sources(array), group)
    with objects.opened(location, write=True) as store:
        if group:
            claims.root(store, None)
            claims.check_above(store, group)
        if not overwrite and documents.listed(objects.read(store, _join(group, DOCUMENT))) is not None:
            raise StoreError(f"group {group!r} is there already; pass overwrite=True, or another group=")
        write(store, group, clean, "", chunks)


def check_chunks(chunks: Mapping[str, int] | None, dims: Iterable[str]) -> None:
    """Raise ValueError for chunk sizes that are not valid, or that are given for unknown dims."""
    if chunks is not None and not isinstance(chunks, Mapping):
        raise TypeError(f"chunks={chunks!r} is no mapping; give sizes by dim, as in {{'time': 1}}")
    known = set(dims)
    for dim, size in (chunks or {}).items():
        if dim not in known:
            raise ValueError(f"chunks: there is no dim {dim!r}; there are {sorted(known)}")
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or (size < 1 and size != -1):
            raise ValueError(f"chunks: {dim}={size!r} is no number of values; give 1 or more, or -1 for the whole")
