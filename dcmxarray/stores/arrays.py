"""One array in a Zarr store: written so that it is there whole or not at all, verified.

The group of an array holds ``image``, its coordinates, and its own ``zarr.json``, which is written last: it is the completion
mark.  It has the source's fingerprint and the checksum of every object.  Without it no reader finds the array; what a killed
writer left is overwritten by the next, byte for byte, so that two writers at once do no harm.
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
from zarr.abc.store import Store
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.storage import MemoryStore

from ..arrays.build import NAME, SOURCE
from ..errors import FATAL, StoreError, one_line
from . import claims, documents, identifiers, keys, objects, reading
from .documents import DOCUMENT, Mark
from .layout import layout, regions, shard_keys

_DTYPES = "biufc"  # what Zarr has a specification for, and what xarray leaves as it is


def compressors() -> tuple[BloscCodec, Crc32cCodec]:
    """Lossless: bits shuffled by significance, then lz4; as small as shuffled bytes by zstd, and quicker to read.  Checked."""
    return BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle"), Crc32cCodec()


def mark(store: Store, group: str) -> Mark | None:
    """What the document of an array says, ``None`` where there is none.

    Raises
    ------
    StoreError
        It is damaged, or none of ours.
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
    """Write an array whole, its mark last; returns how many bytes there are.

    Raises
    ------
    StoreError
        Something at the place is not ours, the array can't be kept as it is, or an object was changed meanwhile.
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
    """The types of coordinates that xarray would decode as others: times, texts of no value, texts as objects."""
    times = {str(n): str(c.dtype) for n, c in array.coords.items() if c.dtype.kind in "mMO" and c.dtype != "datetime64[us]"}
    return times | {str(n): "str" for n, c in array.coords.items() if c.dtype.kind in "UT" and c.size == 0}


def _names(array: xr.DataArray) -> dict[str, str]:
    """Coordinates that can't be called so in a store (a private creator may hold "/"), by what they are called there."""
    names = [n for n in array.coords if isinstance(n, str) and ("/" in n or not keys.is_within(n) or n in keys.RESERVED)]
    return {keys.name(n): n for n in names}


def _described(array: xr.DataArray, chunks: tuple[int, ...], shards: tuple[int, ...], said: Mark) -> dict[str, bytes]:
    """The objects of an array's group as xarray writes them, all but the image's own chunks.

    Raises
    ------
    StoreError
        The array would not come back as it is.
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
    """Whether nothing of an array is such that it might come back as something else; any other is opened again to compare."""
    values = (array.dtype.kind in "iuf", *(_is_usual_type(c.dtype, c.size) for c in array.coords.values()))
    attributes = (item for a in (array, *array.coords.values()) for item in a.attrs.items())
    return all(values) and all(_is_usual_attribute(*item) for item in attributes)


def _is_usual_type(dtype: np.dtype[Any], size: int) -> bool:
    return dtype.isnative and (dtype.kind in "iufb" or dtype == "datetime64[us]" or (dtype.kind == "U" and size > 0))


def _is_usual_attribute(name: Any, value: Any) -> bool:
    """DICOM keywords, plain units and names; xarray takes others as instructions."""
    parts = value if type(value) is list else [value]
    instruction = not isinstance(name, str) or (name[:1].islower() and name not in _LOWER) or name.startswith("_")
    return not instruction and all(type(v) in (str, int, float, bool) for v in parts) and " since " not in str(value)


_LOWER = frozenset(("units", "long_name", "time_source", "slice_source"))


def _as_objects(array: xr.DataArray, chunks: tuple[int, ...], shards: tuple[int, ...]) -> tuple[dict[str, bytes], Store]:
    import dask.array

    empty = dask.array.empty(array.shape, dtype=array.dtype, chunks=array.shape)
    variables = {n: _plain(c.variable) for n, c in array.coords.items()}
    dataset = xr.Dataset({NAME: (array.dims, empty, array.attrs)}, variables)
    dataset = dataset.reset_coords([n for n in variables if " " in str(n)])  # xarray lists coordinates parted by spaces
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
    """A coordinate without encoding; texts of any length, for which Zarr has a specification."""
    values = variable.values.astype(object) if variable.dtype.kind in "UT" else variable.values
    return xr.Variable(variable.dims, values, variable.attrs)


def _check_same(array: xr.DataArray, back: xr.DataArray) -> None:
    """Raise StoreError if what will be read is not what is there."""
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
    one, two = (xr.Variable((), 0, {0: a.attrs[name]} if name in a.attrs else {}) for a in (array, back))
    return one.identical(two)


def _kind(array: xr.DataArray) -> Any:
    """The type of values, whatever their byte order and the length of texts."""
    return "text" if array.dtype.kind in "UT" else array.dtype.newbyteorder("=")


def _fill(store: Store, path: str, array: xr.DataArray, shards: tuple[int, ...]) -> None:
    """The pixels, shard by shard: a dask array by its scheduler, any other read here, one shard in memory at a time."""
    image = _Shards(store, path)
    if array.chunks is not None and array.size and array.ndim:
        import dask.array

        dask.array.store(array.data.rechunk(shards), image, lock=False)
        return
    for region in regions(array.shape, shards):
        image[region] = array.variable[region].to_numpy()


class _Shards:
    """Whole shards of a stored array, each made in memory and put as one object: what lies there already is never read."""

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self._path = path
        self._document = {f"{path}/{DOCUMENT}": objects.read(store, f"{path}/{DOCUMENT}") or b""}

    def __setitem__(self, region: tuple[slice, ...], values: Any) -> None:
        made = MemoryStore()
        objects.write_many(made, self._document)
        image = zarr.open_array(made, path=self._path, mode="r+").with_config({"write_empty_chunks": True})
        image[region] = values
        data = objects.everything(made)
        objects.write_many(self._store, {key: value for key, value in data.items() if key not in self._document})


def _checked(store: Store, group: str, data: Mapping[str, bytes], image: Sequence[str]) -> dict[str, tuple[int, int]]:
    """CRC-32 and size of what was written, read again."""
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
    """Name, CRC-32 (``None`` where there is no object) and size of objects: shards one by one, for they are large."""
    names = list(names)
    shards = [name for name in names if name.startswith(f"{NAME}/c")]
    others = [name for name in names if not name.startswith(f"{NAME}/c")]
    for part in (others, *([name] for name in shards)):
        for name, data in zip(part, objects.read_many(store, [_join(group, n) for n in part]), strict=True):
            yield (name, None, 0) if data is None else (name, zlib.crc32(data), len(data))


def verify(store: Store, group: str, found: Mark) -> str | None:
    """What is wrong with a stored array, ``None`` if every object is there with its checksum."""
    now = {name: crc for name, crc, _ in _checksums(store, group, found.checksums)}
    lost = [name for name, crc in now.items() if crc is None]
    changed = [name for name, crc in now.items() if crc is not None and crc != found.checksums[name]]
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
        Something is there that is not ours, or is ours and ``overwrite`` is false; or the place overlaps the array's source.
    """
    clean = identifiers.without(array, drop)
    check_chunks(chunks, map(str, array.dims))
    claims.check_group(group)
    claims.check_target(location, sources(array), group)
    with objects.opened(location, write=True) as store:
        if group:
            claims.root(store, None)
            claims.check_above(store, group)
        if not overwrite and documents.listed(objects.read(store, _join(group, DOCUMENT))) is not None:
            raise StoreError(f"group {group!r} is there already; pass overwrite=True, or another group=")
        write(store, group, clean, "", chunks)


def check_chunks(chunks: Mapping[str, int] | None, dims: Iterable[str]) -> None:
    """Raise ValueError for sizes of chunks that are none, or of dims that are not there."""
    known = set(dims)
    for dim, size in (chunks or {}).items():
        if dim not in known:
            raise ValueError(f"chunks: there is no dim {dim!r}; there are {sorted(known)}")
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or (size < 1 and size != -1):
            raise ValueError(f"chunks: {dim}={size!r} is no number of values; give 1 or more, or -1 for the whole")


def sources(array: xr.DataArray) -> list[str]:
    """Where an array is read from: the folders of its files, the place in a store; also of one that was computed by dask."""
    found = [*array.encoding.get(SOURCE, {}).values()]
    places = [array.encoding[reading.PLACE]] if reading.PLACE in array.encoding else []
    for part in _parts(array):
        found += getattr(getattr(part, "sources", None), "paths", ())
        places += [part.token[0]] if isinstance(part, reading.Stored) else []
    return [*folders(found), *filter(None, places)]


def _parts(array: xr.DataArray) -> Iterator[Any]:
    """What the tasks of a dask array read from."""
    if array.chunks is None:
        return
    for layer in array.data.dask.layers.values():
        for key, task in dict(layer).items() if len(layer) < 2 else ():
            part = getattr(task, "value", task)
            while part is not None and key is not None and not isinstance(part, np.ndarray):
                yield part
                part = getattr(part, "array", None)


def folders(paths: Iterable[str]) -> list[str]:
    """The folders of files, each once."""
    parents = {path.rpartition("/")[0] or "/" for path in paths}
    return sorted(objects.local(path) or path for path in parents)
