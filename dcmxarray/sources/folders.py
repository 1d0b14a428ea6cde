"""Paths of files: folders walked, local ones by the operating system and remote ones by fsspec.

It lists names and never opens a file.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from glob import iglob
from itertools import islice

from .files import Source, as_text, expanded, is_remote, local, remote

_PATTERN = re.compile(r"[*?[]")
_MANY = 16  # with so many sources in one folder, it is faster to list the folder than to ask for each


def walk(sources: Iterable[Source], unread: list[tuple[str, str]] | None = None) -> Iterator[str]:
    """Find the files below folders.

    Links to folders are not followed.  Broken links, FIFOs and devices below a folder are skipped.

    Parameters
    ----------
    sources
        Folders and files.  Relative paths are resolved against the current working directory when the walk starts; ``~`` is the
        home folder; ``*``, ``**``, ``?`` and ``[...]`` match names, unless a file of that very name exists.
    unread
        A list that receives (path, reason) for folders that can't be read, and for sources that are FIFOs or devices.

    Yields
    ------
    Absolute paths: the sources in the order given, the files of a folder sorted, each file once.

    Raises
    ------
    FileNotFoundError
        A source does not exist, or nothing matches it.
    """
    seen: set[str] = set()
    for path, is_file in _given(sources):
        for found in [path] if is_file else _under(path, [] if unread is None else unread):
            text = as_text(found)
            if text not in seen:
                seen.add(text)
                yield text


def _given(sources: Iterable[Source]) -> Iterator[tuple[str, bool]]:
    """Absolute paths of the sources, and whether each is known to be a file.

    A folder that holds many of the sources is listed once.
    """
    paths = [path for source in sources for path in _matching(expanded(source))]
    pairs = [(path, *path.rpartition("/")[::2]) if "://" not in path else (path, "", "") for path in paths]
    counts = Counter([parent for _, parent, _ in pairs])
    absolute = {parent: _absolute(parent) for parent in counts if parent}
    listed = {parent: _listed(absolute[parent], 4 * n) for parent, n in counts.items() if parent and n >= _MANY}
    for path, parent, name in pairs:
        if parent and name not in ("", ".", ".."):
            yield f"{absolute[parent].rstrip(os.sep)}{os.sep}{name}", parent in listed and name in listed[parent]
        else:
            yield path if is_remote(path) else _absolute(local(path)), False


def _matching(path: str) -> Iterable[str]:
    """The paths that a pattern matches, sorted; the path itself if it is no pattern."""
    if not _PATTERN.search(path) or (is_remote(path) and "*" not in path):
        return (path,)
    if is_remote(path):
        filesystem, inside = remote(path)
        found = sorted(filesystem.unstrip_protocol(name) for name in filesystem.glob(inside))
    elif "://" in path or os.path.lexists(path):
        return (path,)
    else:
        found = sorted(iglob(path, recursive=True))
    if not found:
        raise FileNotFoundError(f"no file or folder matches {as_text(path)!r}")
    return found


def _absolute(path: str) -> str:
    """An absolute path without ``..``.  The part before ``..`` is resolved first because it may be a link."""
    if os.pardir in path:
        parts = path.split(os.sep)
        last = max((k for k, part in enumerate(parts) if part == os.pardir), default=-1)
        path = os.path.join(os.path.realpath(os.sep.join(parts[: last + 1])), *parts[last + 1 :]) if last >= 0 else path
    return os.path.abspath(path)


def _listed(folder: str, most: int) -> set[str]:
    """The names of regular files among the first ``most`` entries of a folder; links don't count."""
    try:
        with os.scandir(folder) as entries:
            return {e.name for e in islice(entries, most) if e.is_file(follow_symlinks=False)}
    except OSError:
        return set()


def _under(path: str, unread: list[tuple[str, str]]) -> Iterator[str]:
    """The files below one source, or the source itself if it is a file."""
    if is_remote(path):
        filesystem, inside = remote(path)
        yield from (filesystem.unstrip_protocol(name) for name in sorted(filesystem.find(inside)))
        return
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        yield from _tree(path, unread)
    elif stat.S_ISREG(mode):
        yield path
    else:
        unread.append((as_text(path), "cannot be read: no plain file, but a FIFO, a socket or a device"))


def _mode(path: str) -> int:
    """``st_mode`` of a source that exists; that of a regular file if the system refuses to say."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise FileNotFoundError(f"no file or folder {as_text(path)!r}") from None
    except OSError:
        return stat.S_IFREG  # it exists; reading it will report the error


def _tree(folder: str, unread: list[tuple[str, str]]) -> Iterator[str]:
    """Files below a folder, sorted, without recursion: folders may be nested deeper than Python's stack."""
    levels = [iter(_entries(folder, unread))]
    while levels:
        for _, path, is_folder in levels[-1]:
            if is_folder:
                levels.append(iter(_entries(path, unread)))
                break
            yield path
        else:
            levels.pop()


def _entries(folder: str, unread: list[tuple[str, str]]) -> list[tuple[str, str, bool]]:
    """Sorted (name, path, is a folder) of the files and folders in a folder."""
    rows: list[tuple[str, str, bool]] = []
    try:
        with os.scandir(folder) as entries:
            rows.extend((e.name, e.path, kind) for e in entries if (kind := _is_folder(e)) is not None)
    except OSError as error:
        unread.append((as_text(folder), f"the folder may not be read: {error.strerror or error}"))
    rows.sort()
    return rows


def _is_folder(entry: os.DirEntry[str]) -> bool | None:
    """Whether an entry is a folder; ``None`` if it is neither folder nor file.  One that can't be examined counts as a file."""
    try:
        return True if entry.is_dir(follow_symlinks=False) else False if entry.is_file() else None
    except OSError:
        return False
