"""The door to bytes: local paths by the operating system, anything with "://" by fsspec.

Every byte that dcmxarray reads of a DICOM file passes `names`, `read_some`, `read_into` or, for pydicom, `open_file`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Source = str | os.PathLike[str]

# A FIFO that took the place of a file must not be waited for.
_FLAGS = os.O_RDONLY | sum(getattr(os, f"O_{name}", 0) for name in ("BINARY", "CLOEXEC", "NONBLOCK", "NOCTTY"))
_LOCAL = "file://"
_MANY = 16  # sources in one folder, from which on the folder is listed rather than each asked for
_BLOCK = 4 << 20  # bytes read at a time for a checksum


def is_remote(path: str) -> bool:
    """Whether a path is a URL for fsspec (``s3://...``, ``memory://...``); a ``file://`` one is none."""
    return "://" in path and not path.startswith(_LOCAL)


def local(path: str) -> str:
    """A table's path as the operating system takes it: a ``file://`` URL stands for a name that is no text."""
    return os.fsdecode(unquote_to_bytes(path[len(_LOCAL) :])) if path.startswith(_LOCAL) else path


def _as_text(path: str) -> str:
    """A path as a table holds it: itself, or a ``file://`` URL where its bytes are no UTF-8."""
    if path.isascii():
        return path
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return _LOCAL + quote(os.fsencode(path))
    return path


def _remote(path: str) -> tuple[Any, str]:
    import fsspec

    filesystem, inside = fsspec.core.url_to_fs(path)
    return filesystem, inside


def walk(sources: Iterable[Source], unread: list[tuple[str, str]] | None = None) -> Iterator[str]:
    """The files under folders (and the files themselves), each once, in sorted order, as absolute paths.

    Links to folders are not followed, and links to nothing, FIFOs and devices below a folder are passed over.

    Parameters
    ----------
    sources
        Folders and files; a relative path is one of the working folder of now.
    unread
        Takes (path, why) of what could not be looked into: folders that may not be read, FIFOs and devices that were given.

    Raises
    ------
    FileNotFoundError
        A source does not exist.
    """
    seen: set[str] = set()
    for path, is_file in _given(sources):
        for found in [path] if is_file else _under(path, [] if unread is None else unread):
            text = _as_text(found)
            if text not in seen:
                seen.add(text)
                yield text


def _given(sources: Iterable[Source]) -> Iterator[tuple[str, bool]]:
    """Absolute paths, and which are known to be files: a folder that holds many of them is listed once."""
    paths = [source if type(source) is str else os.fsdecode(os.fspath(source)) for source in sources]
    pairs = [(path, *path.rpartition("/")[::2]) if "://" not in path else (path, "", "") for path in paths]
    counts = Counter([parent for _, parent, _ in pairs])
    absolute = {parent: _absolute(parent) for parent in counts if parent}
    listed = {parent: _listed(absolute[parent], 4 * n) for parent, n in counts.items() if parent and n >= _MANY}
    for path, parent, name in pairs:
        if parent and name not in ("", ".", ".."):
            yield f"{absolute[parent].rstrip(os.sep)}{os.sep}{name}", parent in listed and name in listed[parent]
        else:
            yield path if is_remote(path) else _absolute(local(path)), False


def _absolute(path: str) -> str:
    """An absolute path without ``..``: what lies before it is resolved first, as it may be a link."""
    if os.pardir in path:
        parts = path.split(os.sep)
        last = max((k for k, part in enumerate(parts) if part == os.pardir), default=-1)
        path = os.path.join(os.path.realpath(os.sep.join(parts[: last + 1])), *parts[last + 1 :]) if last >= 0 else path
    return os.path.abspath(path)


def _listed(folder: str, most: int) -> set[str]:
    """The names of plain files among the first entries of a folder."""
    try:
        with os.scandir(folder) as entries:
            return {e.name for e in islice(entries, most) if e.is_file(follow_symlinks=False)}
    except OSError:
        return set()


def _under(path: str, unread: list[tuple[str, str]]) -> Iterator[str]:
    if is_remote(path):
        filesystem, inside = _remote(path)
        yield from (filesystem.unstrip_protocol(name) for name in sorted(filesystem.find(inside)))
        return
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        yield from _tree(path, unread)
    elif stat.S_ISREG(mode):
        yield path
    else:
        unread.append((_as_text(path), "cannot be read: no plain file, but a FIFO, a socket or a device"))


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise FileNotFoundError(f"no file or folder {_as_text(path)!r}") from None
    except OSError:
        return stat.S_IFREG  # it is there; reading it will say what is wrong


def _tree(folder: str, unread: list[tuple[str, str]]) -> Iterator[str]:
    """Files below a folder, sorted, however deep."""
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
    """Name, path and whether it is a folder, of the files and folders in one; what it can't tell is taken for a file."""
    rows: list[tuple[str, str, bool]] = []
    try:
        with os.scandir(folder) as entries:
            rows.extend((e.name, e.path, kind) for e in entries if (kind := _is_folder(e)) is not None)
    except OSError as error:
        unread.append((_as_text(folder), f"the folder may not be read: {error.strerror or error}"))
    rows.sort()
    return rows


def _is_folder(entry: os.DirEntry[str]) -> bool | None:
    """``None`` where it is neither folder nor file."""
    try:
        return True if entry.is_dir(follow_symlinks=False) else False if entry.is_file() else None
    except OSError:
        return False


def names(paths: Sequence[str]) -> tuple[Bytes, Ints, int]:
    """Local files as the C library takes their names, for compiled code that opens them: names, where each begins, flags."""
    whole = "\0".join(paths)
    plain = whole.isascii() and _LOCAL not in whole
    encoded: Sequence[str | bytes] = paths if plain else [os.fsencode(local(p)) for p in paths]
    starts = np.zeros(len(paths) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(paths)) + 1, out=starts[1:])
    data = whole.encode() if plain else b"\0".join(encoded)  # type: ignore[arg-type]
    return np.frombuffer(data + b"\0", np.uint8), starts, _FLAGS


def read_into(path: str, offset: int, out: memoryview) -> tuple[int, int]:
    """Fill ``out`` with the bytes of a file from ``offset`` on.

    Returns
    -------
    The open file's size (bytes) and time of the last change (ns) behind the reading; 0 both where it is remote.

    Raises
    ------
    EOFError
        The file ends before ``out`` is full.
    """
    if is_remote(path):
        _read_remote(path, offset, out)
        return 0, 0
    handle = os.open(local(path), _FLAGS)
    try:
        if _fill(handle, offset, out) < len(out):
            raise EOFError(f"{path}: the file ends before byte {offset + len(out)}")
        now = os.fstat(handle)
        return now.st_size, now.st_mtime_ns
    finally:
        os.close(handle)


def _read_remote(path: str, offset: int, out: memoryview) -> None:
    filesystem, inside = _remote(path)
    data = filesystem.cat_file(inside, start=offset, end=offset + len(out))
    if len(data) < len(out):
        raise EOFError(f"{path}: the file ends before byte {offset + len(out)}")
    out[:] = data


def read_some(path: str, offset: int, out: Bytes) -> int:
    """Read what there is from ``offset`` on into ``out``; returns how many bytes there were."""
    if is_remote(path):
        filesystem, inside = _remote(path)
        data = filesystem.cat_file(inside, start=offset, end=offset + out.size)
        out[: len(data)] = np.frombuffer(data, np.uint8)
        return len(data)
    handle = os.open(local(path), _FLAGS)
    try:
        return _fill(handle, offset, memoryview(out))  # type: ignore[arg-type]
    finally:
        os.close(handle)


def _fill(handle: int, offset: int, out: memoryview) -> int:
    done = 0
    while done < len(out):
        n = _preadv(handle, out[done:] if done else out, offset + done)
        if n == 0:
            break
        done += n
    return done


def _preadv(handle: int, out: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(handle, [out], offset)
    os.lseek(handle, offset, os.SEEK_SET)  # Windows
    data = os.read(handle, len(out))
    out[: len(data)] = data
    return len(data)


def open_file(path: str) -> Any:
    """A binary file object, for what pydicom reads."""
    if is_remote(path):
        import fsspec

        return fsspec.open(path, "rb").open()
    return open(local(path), "rb", opener=lambda name, _: os.open(name, _FLAGS))


def size_of(path: str) -> int:
    """The size of a file in bytes."""
    return status(path)[0]


def modified(path: str) -> int:
    """When a file was last changed, ns; 0 where the system does not say."""
    return 0 if is_remote(path) else status(path)[1]


def status(path: str) -> tuple[int, int]:
    """Size in bytes, and time of the last change, ns (0 where the system does not say).

    Raises
    ------
    OSError
        It can't be looked at, or is no plain file.
    """
    if is_remote(path):
        filesystem, inside = _remote(path)
        return int(filesystem.size(inside)), 0
    found = os.stat(local(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError("no plain file")
    return found.st_size, found.st_mtime_ns if abs(found.st_mtime) < 9e9 else 0  # what int64 holds


def digest(path: str, offset: int, length: int) -> bytes:
    """A checksum (SHA-256) of a part of a file, read in blocks; length -1 is to the end."""
    found, block = hashlib.sha256(), np.empty(_BLOCK, np.uint8)
    while length:
        count = read_some(path, offset, block if length < 0 else block[:length])
        if count == 0:
            break
        found.update(block[:count].tobytes())
        offset, length = offset + count, length - count if length > 0 else length
    return found.digest()
