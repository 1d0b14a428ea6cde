"""The door to a Zarr store: opening it by path or URL, and its objects as bytes."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zarr
from zarr.abc.store import Store
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import FsspecStore, LocalStore, ZipStore

from .. import files

Location = Any  # str | os.PathLike[str] | Store

UNFINISHED = ".partial"  # how a local store names what it is about to put in place


@contextmanager
def opened(location: Location, *, write: bool = False) -> Iterator[Store]:
    """A store for a folder, a URL of fsspec, a file that ends in ".zip", or a `zarr.abc.store.Store`.

    A zip file is written beside its place and put there whole: killed before, the old one stays.
    """
    if isinstance(location, Store):
        yield location
    elif is_zip(location):
        with _zip(os.fspath(location), write) as store:
            yield store
    elif files.is_remote(os.fspath(location)):
        yield FsspecStore.from_url(os.fspath(location), read_only=not write)
    else:
        yield LocalStore(os.path.abspath(os.fspath(location)), read_only=not write)


def is_zip(location: Location) -> bool:
    """Whether a store is one zip file."""
    return isinstance(location, ZipStore) or (not isinstance(location, Store) and os.fspath(location).lower().endswith(".zip"))


def is_of_this_process(location: Location) -> bool:
    """Whether other processes can't write to the store: a zip file, memory, a store of the caller's own."""
    return isinstance(location, Store) or is_zip(location) or os.fspath(location).startswith("memory://")


@contextmanager
def _zip(path: str, write: bool) -> Iterator[Store]:
    if not write:
        yield sync(ZipStore.open(path, mode="r"))  # stays open: arrays read from it later
        return
    place = f"{path}.{uuid.uuid4().hex}{UNFINISHED}"
    if os.path.exists(path):
        shutil.copyfile(path, place)
    try:
        store = sync(ZipStore.open(place, mode="a"))
        yield store
        store.close()
        os.replace(place, path)
    finally:
        Path(place).unlink(missing_ok=True)


def read(store: Store, key: str) -> bytes | None:
    """An object, ``None`` where there is none."""
    return read_many(store, [key])[0]


def read_many(store: Store, keys: Sequence[str]) -> list[bytes | None]:
    """Several objects, one after the other."""

    async def all_of_them() -> list[bytes | None]:
        found = [await store.get(key, default_buffer_prototype()) for key in keys]
        return [None if one is None else one.to_bytes() for one in found]

    return list(sync(all_of_them()))


def write_many(store: Store, data: Mapping[str, bytes]) -> None:
    """Put objects, one after the other, in their order."""
    buffer = default_buffer_prototype().buffer

    async def all_of_them() -> None:
        for key, value in data.items():
            await store.set(key, buffer.from_bytes(value))

    sync(all_of_them())


def delete_many(store: Store, keys: Sequence[str]) -> None:
    """Delete objects; what is gone already is passed over."""

    async def all_of_them() -> None:
        for key in keys:
            await store.delete(key)

    if store.supports_deletes:
        sync(all_of_them())


def keys_under(store: Store, prefix: str) -> list[str]:
    """The keys of all objects under a prefix (``"a/"``), sorted, without what a writer left unfinished."""

    async def all_of_them() -> list[str]:
        return [key async for key in store.list_prefix(prefix)]

    return sorted(key for key in sync(all_of_them()) if not key.endswith(UNFINISHED))


def in_memory(write: Any) -> dict[str, bytes]:
    """The objects that ``write(store)`` makes, by key."""
    store = zarr.storage.MemoryStore()
    write(store)
    return {key: (read(store, key) or b"") for key in keys_under(store, "")}
