"""What a writer may touch: its own, and nothing else.

An array's objects are ours if its document lists them, or a note (``begun.<hash>``) that a writer lays before its first object
and takes away after its document.  Whatever else lies at a target, and a target that is, holds or lies inside a source, is an
error before the first byte is written, with ``overwrite`` too.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from zarr.abc.store import Store
from zarr.storage import LocalStore

from ..errors import StoreError
from . import documents, objects
from .documents import DOCUMENT
from .keys import is_within

BEGUN = "begun."


def check_target(location: objects.Location, sources: Iterable[str], group: str = "") -> None:
    """Raise StoreError for a place that holds something else than a store, or that overlaps a source.

    Parameters
    ----------
    location, group
        Where is to be written.
    sources
        Absolute folders or files, and URLs, that are read.
    """
    path = objects.local(location)
    if path is not None and (isinstance(location, LocalStore) or not isinstance(location, Store)):
        _check_file(path)
    found = overlapping(objects.place(location, group), sources)
    if found is not None:
        raise StoreError(
            f"{objects.place(location, group)} is, holds or lies inside {found}, which is read: "
            "nothing was written; give a place apart from it"
        )


def _check_file(path: str) -> None:
    """A folder, or nothing, or a zip file where the name says so."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if os.path.islink(path):
            raise StoreError(f"{path} is a link to nothing; nothing was written, give another place") from None
        return
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; nothing was written, give another place") from error
    fits = zipfile.is_zipfile(path) if objects.is_zip(path) and stat.S_ISREG(mode) else stat.S_ISDIR(mode)
    if not fits or (objects.is_zip(path) and stat.S_ISDIR(mode)):
        raise StoreError(f"{path} is there and no store of dcmxarray; nothing was written, give another place")


def overlapping(target: str, sources: Iterable[str]) -> str | None:
    """The first source that is, holds or lies inside a target; links, bind mounts and capitals do not deceive it."""
    same = _same_place(target)
    return next((source for source in dict.fromkeys(sources) if same(source)), None)


def _same_place(target: str) -> Callable[[str], bool]:
    if "://" in target:
        here = _normal(target)
        return lambda source: "://" in source and _holds(here, _normal(source))
    real = os.path.realpath(target)
    identity, above = _identity(real), frozenset(filter(None, map(_identity, _upwards(real))))

    def same(source: str) -> bool:
        if "://" in source:
            return False
        other = os.path.realpath(source)
        chain = map(_identity, _upwards(other))
        return _holds(real, other) or _identity(other) in above or (identity is not None and identity in chain)

    _identity.cache_clear()  # what lies at a path may change between calls
    return same


def _holds(one: str, two: str) -> bool:
    return one == two or one.startswith(two.rstrip("/") + "/") or two.startswith(one.rstrip("/") + "/")


def _normal(url: str) -> str:
    protocol, _, path = url.partition("://")
    return f"{protocol}://{posixpath.normpath(path.strip('/'))}"


def _upwards(path: str) -> Iterator[str]:
    yield path
    while (above := os.path.dirname(path)) != path:
        yield (path := above)


@lru_cache(maxsize=1 << 16)
def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


@dataclass(frozen=True)
class Claim:
    """What lies at a group and is ours, and the note that was laid there."""

    there: frozenset[str]
    note: str | None


def begin(store: Store, group: str, names: Iterable[str]) -> Claim:
    """Lay a note of the objects that will be written to a group, and take its document away: nothing there is whole now.

    Raises
    ------
    StoreError
        Something there is not ours; nothing was written.
    """
    there, known = _at(store, group)
    notes = {name for name in there if name.startswith(BEGUN)}
    note, data = _note({*names, *known, DOCUMENT} - notes)
    if store.supports_deletes:
        objects.write_many(store, {_join(group, note): data})
    if DOCUMENT in there:
        objects.delete_many(store, [_join(group, DOCUMENT)])
    return Claim(there - {note, DOCUMENT}, note)


def _at(store: Store, group: str) -> tuple[frozenset[str], set[str]]:
    """What lies at a group, and what of it is known as ours."""
    link = objects.first_link(store, group)
    if link is not None:
        raise StoreError(f"{link} is a link, not of dcmxarray; nothing was written there, give another place")
    foreign: list[str] = []
    for _ in range(3):  # another writer may put its document in the place of its note between two looks
        there = frozenset(objects.names_under(store, group))
        known = _known(store, group, there)
        foreign = sorted(there - known)
        if not foreign:
            return there, known & there
    raise StoreError(
        f"{group or 'the store'}: {len(foreign)} objects there were not written by dcmxarray, or nothing whole says so, first "
        f"{foreign[0]!r}; nothing was written. Give another place, or move them away yourself"
    )


def _known(store: Store, group: str, there: frozenset[str]) -> set[str]:
    known: set[str] = set()
    for name in (name for name in there if name.startswith(BEGUN)):
        known |= _noted(name, objects.read(store, _join(group, name))) | {name}
    document = objects.read(store, _join(group, DOCUMENT)) if there else None
    return known | (documents.listed(document) or set())


def _note(names: set[str]) -> tuple[str, bytes]:
    """A note's name and content; writers of the same objects lay the same one."""
    data = json.dumps({documents.MARK: {"format": documents.FORMAT, "begun": sorted(names)}}).encode()
    return f"{BEGUN}{hashlib.sha256(data).hexdigest()[:32]}", data


def _noted(name: str, data: bytes | None) -> set[str]:
    """What a note lists; nothing where it is not what its name says."""
    if data is None:
        return set()
    if name != f"{BEGUN}{hashlib.sha256(data).hexdigest()[:32]}":
        raise StoreError(f"{name} is damaged, or not of dcmxarray; nothing was written")
    said: Any = json.loads(data)
    return {one for one in said[documents.MARK]["begun"] if is_within(one)}


def end(store: Store, group: str, claim: Claim) -> None:
    """Take the notes away, after the document was written."""
    notes = [claim.note, *(name for name in claim.there if name.startswith(BEGUN))]
    objects.delete_many(store, [_join(group, name) for name in dict.fromkeys(notes) if name])


def tidy(store: Store, group: str) -> None:
    """Take away the notes of writers that were killed after their document was written."""
    notes = [name for name in objects.names_under(store, group) if name.startswith(BEGUN)]
    objects.delete_many(store, [_join(group, name) for name in notes])


def check_group(group: str) -> None:
    """Raise StoreError for a path that could leave the store, or meet what the store holds for itself."""
    if group and (not is_within(group) or any(part.startswith((".", "__", BEGUN)) for part in group.split("/"))):
        raise StoreError(f"group={group!r} is no path within a store; give names that '/' divides, without '..' or leading dots")
    if DOCUMENT in group.split("/") or group.split("/")[0] == "tables":
        raise StoreError(f"group={group!r}: a store keeps that name for itself; give another")


def root(store: Store, tables: str | None) -> None:
    """The root of a store for several groups: made where nothing is, left where it is ours.

    Raises
    ------
    StoreError
        Something else is there, or one array; nothing was written.
    """
    data, first = objects.read(store, DOCUMENT), None
    if data is None:
        first = next(iter(objects.names_under(store, "")), None)
        data = objects.read(store, DOCUMENT) if first else None  # another writer begins with it
    said = documents.ours(data)
    if data is None and first is None:
        objects.write_many(store, {DOCUMENT: documents.of_root(tables)})
    elif said is None:
        raise StoreError(
            f"the store is not empty and its root is not of dcmxarray, or damaged (it holds {first or DOCUMENT!r}); "
            "nothing was written: arrays go to an empty place or to a store that dcmxarray made"
        )
    elif said.get("format") != documents.FORMAT:
        raise StoreError("the store was written by another version of dcmxarray; nothing was written, give another place")
    elif "checksums" in said:
        raise StoreError("the store holds one array in its root; nothing was written, give another place")
    elif tables and said.get("tables") != tables:
        objects.write_many(store, {DOCUMENT: documents.of_root(tables)})


def problem_of_root(store: Store, tables: str) -> str | None:
    """What is wrong with the root of a cohort's store, ``None`` if nothing is."""
    said = documents.ours(objects.read(store, DOCUMENT)) or {}
    whole = said.get("format") == documents.FORMAT and said.get("tables") == tables
    return None if whole else f"the root of the store, {DOCUMENT}, is gone, damaged or of another version"


def check_above(store: Store, group: str) -> None:
    """Raise StoreError if a group would lie inside an array, or inside a group that is not ours."""
    parts = group.split("/")
    for k in range(1, len(parts)):
        above = "/".join(parts[:k])
        if objects.read(store, _join(above, DOCUMENT)) is not None:
            raise StoreError(
                f"group {group!r} would lie inside {above!r}, which is there; nothing was written, give another group"
            )


def _join(group: str, name: str) -> str:
    return f"{group}/{name}" if group else name
