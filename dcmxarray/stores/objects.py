"""Access to a Zarr store: opens it by path or URL, and reads, writes, lists and deletes its objects as bytes."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import zarr
from zarr.abc.store import Store
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import FsspecStore, LocalStore, StorePath, WrapperStore, ZipStore

from ..errors import StoreError
from .keys import is_within

Location = Any  # str | os.PathLike[str] | Store

UNFINISHED = ".partial"
_FILE = re.compile(r"(file|local):(//localhost(?=/)|//|(?=/))", re.IGNORECASE)  # begins the URL of a local file (RFC 8089)
_UNFINISHED = re.compile(r"\.[0-9a-f]{32}\.partial$")  # zarr's temporary name for an object that it is writing


@contextmanager
def opened(location: Location, *, write: bool = False) -> Iterator[Store]:
    """Open the store at a folder, a URL of fsspec, or a file that ends in ".zip"; or take a `zarr.abc.store.Store` as it is.

    A zip file is written under a temporary name beside its place and then replaced in one step: if the writer is killed, the
    old file stays.

    Raises
    ------
    StoreError
        A zip file is damaged, or the system refuses to write.
    """
    try:
        with _opened(location, write) as store:
            yield store
    except OSError as error:
        if not write or not _is_at(error.filename, location):
            raise
        raise StoreError(
            f"{place(location)}: can't be written ({error.strerror or error}); an array that was not finished does not read as "
            "complete. Make room or give another place, and write it again"
        ) from error


def _is_at(name: Any, location: Location) -> bool:
    """Whether an error of the system that names a file, or none, concerns a store."""
    root = local(location)
    if name is None or root is None:
        return True
    folder = os.path.dirname(os.path.realpath(root)) if is_zip(location) else root
    return f"{os.path.abspath(os.fsdecode(name))}/".startswith(folder) or f"{root}/".startswith(f"{os.fsdecode(name)}/")


@contextmanager
def _opened(location: Location, write: bool) -> Iterator[Store]:
    """`opened`, with errors of the system as they are."""
    if type(location) is LocalStore:
        yield LocalStore(os.path.abspath(location.root), read_only=location.read_only)  # zarr would make the folders before ".."
    elif isinstance(location, Store):
        yield location
    elif (path := local(location)) is None:
        yield FsspecStore.from_url(os.fspath(location), read_only=not write)
    elif is_zip(path):
        with _zip(os.path.realpath(path), write) as store:
            yield store
    else:
        yield LocalStore(path, read_only=not write)


def local(location: Location) -> str | None:
    """The absolute path of a local store, ``None`` for any other."""
    location = _unwrapped(location)
    if isinstance(location, FsspecStore):
        location = location.fs.unstrip_protocol(location.path)
        return local(location) if _FILE.match(location) else None
    if isinstance(location, Store):
        place = getattr(location, "root", None) if isinstance(location, LocalStore) else getattr(location, "path", None)
        return os.path.abspath(place) if isinstance(location, (LocalStore, ZipStore)) and place else None
    path = os.path.expanduser(os.fspath(location))
    if found := _FILE.match(path):
        return os.path.abspath(os.fsdecode(unquote_to_bytes(path[found.end() :])))
    return None if "://" in path else os.path.abspath(path)


def place(location: Location, group: str = "") -> str:
    """The place of a group as one text: an absolute path, a URL, or the id of a store in this process."""
    root, location = local(location), _unwrapped(location)
    if root is None and isinstance(location, str) and "::" in location:  # "simplecache::file:///..."
        root = local(location.rpartition("::")[2])
    if root is None and isinstance(location, FsspecStore):
        root = location.fs.unstrip_protocol(location.path)
    elif root is None and isinstance(location, Store):
        root = f"store://{id(getattr(location, '_store_dict', location))}"  # read-only copies of a store in memory share it
    return "/".join(part for part in (root or os.fspath(location), group) if part)


def _unwrapped(location: Location) -> Location:
    """The store that other stores wrap."""
    while isinstance(location, WrapperStore):
        location = location._store
    return location


def is_zip(location: Location) -> bool:
    """Whether a store is one zip file."""
    return isinstance(location, ZipStore) or (not isinstance(location, Store) and os.fspath(location).lower().endswith(".zip"))


def is_of_this_process(location: Location) -> bool:
    """Whether only this process can write to the store: a zip file, memory, or a store object of the caller."""
    return isinstance(location, Store) or is_zip(location) or os.fspath(location).startswith("memory://")


@contextmanager
def _zip(path: str, write: bool) -> Iterator[Store]:
    """Open a zip file to read; to write, unpack it to a folder beside it and pack that again at the end."""
    if not write:
        try:
            store = sync(ZipStore.open(path, mode="r"))  # never closed: lazy arrays read from it later
        except zipfile.BadZipFile as error:
            raise StoreError(f"{path} is no zip file, or a damaged one") from error
        yield store
        return
    with tempfile.TemporaryDirectory(UNFINISHED, f"{os.path.basename(path)}.", os.path.dirname(path)) as folder:
        comment = _unpack(path, folder) if os.path.exists(path) else b""
        yield LocalStore(folder)
        _pack(folder, f"{folder}.zip", comment)
        if os.path.exists(path):
            shutil.copymode(path, f"{folder}.zip")
        os.replace(f"{folder}.zip", path)


def _unpack(path: str, folder: str) -> bytes:
    """Unpack a zip to files, so that its objects can be deleted and replaced; returns its comment.

    Raises
    ------
    StoreError
        The zip is damaged, or holds what files can't keep: encrypted entries, names that repeat or leave the zip.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            names = [entry.filename.removesuffix("/") for entry in packed.infolist()]
            if not all(map(is_within, names)) or len({name.casefold() for name in names}) < len(names):
                raise StoreError(f"{path} has names that repeat or leave it; nothing was written, give another place")
            packed.extractall(folder)
            return packed.comment
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise StoreError(f"{path} is no zip file that can be read ({error}); nothing was written, give another place") from error


def _pack(folder: str, path: str, comment: bytes) -> None:
    """Pack a folder into a zip, uncompressed, with empty folders; leaves no file if it fails."""
    try:
        with zipfile.ZipFile(path, "w") as packed:
            packed.comment = comment
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file() or not any(file.iterdir()):
                    packed.write(file, file.relative_to(folder))
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


def inside(store: Store, group: str) -> StorePath:
    """A group in a store, in the form that zarr and xarray take."""
    return StorePath(store, group)


def read(store: Store, key: str) -> bytes | None:
    """Read an object; ``None`` if there is none."""
    return read_many(store, [key])[0]


def read_many(store: Store, keys: Sequence[str]) -> list[bytes | None]:
    """Read several objects one after the other; ``None`` for each that is missing."""

    async def all_of_them() -> list[bytes | None]:
        found = [await store.get(key, default_buffer_prototype()) for key in keys]
        return [None if one is None else one.to_bytes() for one in found]

    return list(sync(all_of_them()))


def write_many(store: Store, data: Mapping[str, bytes]) -> None:
    """Write objects one after the other, in their order."""
    buffer = default_buffer_prototype().buffer

    async def all_of_them() -> None:
        for key, value in data.items():
            await store.set(key, buffer.from_bytes(value))

    sync(all_of_them())


def delete_many(store: Store, keys: Sequence[str]) -> None:
    """Delete objects, if the store can; missing ones are ignored."""

    async def all_of_them() -> None:
        for key in keys:
            await store.delete(key)

    if store.supports_deletes:
        sync(all_of_them())


def delete_with_folders(store: Store, keys: Sequence[str]) -> None:
    """Delete objects and, in a local store, folders left empty, so that an object may get the name of such a folder."""
    delete_many(store, keys)
    if isinstance(store, LocalStore):
        above = {parent for key in keys for parent in Path(store.root, key).parents if parent.is_relative_to(store.root)}
        for folder in sorted(above, key=lambda path: len(path.parts), reverse=True):
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def keys_under(store: Store, prefix: str) -> list[str]:
    """The keys of all objects under a prefix (``"a/"``), sorted, without unfinished objects of killed writers."""

    async def all_of_them() -> list[str]:
        return [key async for key in store.list_prefix(prefix)]

    return sorted(key for key in sync(all_of_them()) if not _UNFINISHED.search(key))


def names_under(store: Store, group: str) -> Iterator[str]:
    """The names, relative to a group, of all objects in it; in a local store of every other file and link too."""
    if isinstance(store, LocalStore):
        found: Iterator[str] = _names(os.path.join(store.root, group), "")
    else:
        prefix = f"{group}/" if group else ""
        found = (key.removeprefix(prefix) for key in keys_under(store, prefix))
    return (name for name in found if not _UNFINISHED.search(name))


def _names(folder: str, above: str) -> Iterator[str]:
    """All files and links below a folder, named from ``above``; links are not followed."""
    try:
        with os.scandir(folder) as entries:
            rows = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except FileNotFoundError:
        return
    for name, is_folder in rows:
        if is_folder:
            yield from _names(os.path.join(folder, name), f"{above}{name}/")
        else:
            yield above + name


def first_link(store: Store, group: str) -> str | None:
    """The first folder on the path to a group that is a link, through which a writer would write elsewhere; else ``None``."""
    if not isinstance(store, LocalStore):
        return None
    parts = group.split("/")
    ways = ["/".join(parts[: k + 1]) for k in range(len(parts))] if group else []
    return next((way for way in ways if os.path.islink(os.path.join(store.root, way))), None)


def everything(store: Store) -> dict[str, bytes]:
    """Read all objects of a store: key -> bytes."""
    return {key: (read(store, key) or b"") for key in keys_under(store, "")}


def in_memory(write: Any) -> dict[str, bytes]:
    """The objects that ``write(store)`` makes, by key."""
    store = zarr.storage.MemoryStore()
    write(store)
    return everything(store)
