"""What a writer may touch: only what dcmxarray wrote.

An object is ours if the array's document lists it, or if a note (``begun.<hash>``) lists it.  A writer adds its note before its
first object and deletes it after its document.  A target that holds anything else is an error, and so is one that is, holds or
lies inside a source.  The error comes before the first byte is written, with ``overwrite`` too.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import stat
import unicodedata
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
from .keys import LONGEST, is_within

BEGUN = "begun."
_LONGEST_GROUP = 1000  # bytes; object stores take keys of 1024


def check_target(location: objects.Location, sources: Iterable[str], group: str = "") -> None:
    """Raise StoreError if a target holds something other than a store, or overlaps a source.

    Parameters
    ----------
    location, group
        Where to write.
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
    """Raise StoreError unless the path is free, a folder, or, if so named, a zip file."""
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
    """The first source that is, holds or lies inside a target; also through links, bind mounts and names in other case."""
    same = _same_place(target)
    return next((source for source in dict.fromkeys(sources) if same(source)), None)


def _same_place(target: str) -> Callable[[str], bool]:
    """A function that says whether a source overlaps the target."""
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
    """Whether two paths are the same, or one is above the other."""
    return one == two or one.startswith(two.rstrip("/") + "/") or two.startswith(one.rstrip("/") + "/")


def _normal(url: str) -> str:
    protocol, _, path = url.partition("://")
    return f"{protocol}://{posixpath.normpath(path.strip('/'))}"


def _upwards(path: str) -> Iterator[str]:
    """A path and all folders above it."""
    yield path
    while (above := os.path.dirname(path)) != path:
        yield (path := above)


@lru_cache(maxsize=1 << 16)
def _identity(path: str) -> tuple[int, int] | None:
    """Device and inode of what is at a path, ``None`` if nothing is."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


@dataclass(frozen=True)
class Claim:
    """The objects of a group that dcmxarray wrote before, and the note that was added to it."""

    there: frozenset[str]
    note: str | None


def begin(store: Store, group: str, names: Iterable[str]) -> Claim:
    """Begin to write a group: add a note of the objects to be written, then delete the document, which marks it incomplete.

    Raises
    ------
    StoreError
        The group holds an object that is not ours; nothing was written.
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
    """The objects of a group, and those of them that are ours; StoreError if any is not."""
    link = objects.first_link(store, group)
    if link is not None:
        raise StoreError(f"{link} is a link, not of dcmxarray; nothing was written there, give another place")
    foreign: list[str] = []
    for _ in range(3):  # another writer may replace its note by its document between listing and reading
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
    """The objects that a group's notes and document list."""
    known: set[str] = set()
    for name in (name for name in there if name.startswith(BEGUN)):
        known |= _noted(name, objects.read(store, _join(group, name))) | {name}
    document = objects.read(store, _join(group, DOCUMENT)) if there else None
    return known | (documents.listed(document) or set())


def _note(names: set[str]) -> tuple[str, bytes]:
    """A note's name and content; writers of the same objects make the same note."""
    data = json.dumps({documents.MARK: {"format": documents.FORMAT, "begun": sorted(names)}}).encode()
    return f"{BEGUN}{hashlib.sha256(data).hexdigest()[:32]}", data


def _noted(name: str, data: bytes | None) -> set[str]:
    """The objects that a note lists, none if it is gone; StoreError if its content does not match its name."""
    if data is None:
        return set()
    if name != f"{BEGUN}{hashlib.sha256(data).hexdigest()[:32]}":
        raise StoreError(f"{name} is damaged, or not of dcmxarray; nothing was written")
    said: Any = json.loads(data)
    return {one for one in said[documents.MARK]["begun"] if is_within(one)}


def end(store: Store, group: str, claim: Claim) -> None:
    """Delete the notes, once the document is written."""
    notes = [claim.note, *(name for name in claim.there if name.startswith(BEGUN))]
    objects.delete_many(store, [_join(group, name) for name in dict.fromkeys(notes) if name])


def tidy(store: Store, group: str) -> None:
    """Delete the notes of writers that were killed after they wrote the document."""
    notes = [name for name in objects.names_under(store, group) if name.startswith(BEGUN)]
    objects.delete_many(store, [_join(group, name) for name in notes])


def check_group(group: str) -> None:
    """Raise StoreError for a path that could leave the store, that the store reserves in any case, or that is too long."""
    if not isinstance(group, str):
        raise TypeError(f"group={group!r} is no text; give a path within the store, or leave it out for the root")
    if group and (not is_within(group) or any(part.startswith((".", "__", BEGUN)) for part in group.split("/"))):
        raise StoreError(f"group={group!r} is no path within a store; give names that '/' divides, without '..' or leading dots")
    parts = [_caseless(part) for part in group.split("/")]
    if DOCUMENT in parts or parts[0] == "tables":
        raise StoreError(f"group={group!r}: a store keeps that name for itself; give another")
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in group.split("/")]
    if max(sizes) > LONGEST or sum(sizes) > _LONGEST_GROUP or not group.isprintable():
        raise StoreError(
            f"group={group[:40]!r}... is too long, or no text that can be a name; a name may have {LONGEST} bytes, all together "
            f"{_LONGEST_GROUP}"
        )


def _caseless(name: str) -> str:
    """The name that file systems may take a name for: some ignore case, or dots and spaces at the end."""
    return unicodedata.normalize("NFKC", name).casefold().rstrip(". ")


def root(store: Store, tables: str | None) -> None:
    """Make the root of a store for several groups; keep a root that is ours.

    Parameters
    ----------
    store
        The store.
    tables
        The group of a cohort's tables; ``None`` for a store of single arrays.

    Raises
    ------
    StoreError
        The store holds something else, or an array in its root; nothing was written.
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
    """Check the root of a cohort's store; returns what is wrong, ``None`` if nothing is."""
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
