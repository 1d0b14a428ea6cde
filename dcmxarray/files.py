"""The door to bytes: local paths by the operating system, anything with "://" by fsspec.

Every byte that dcmxarray reads of a DICOM file passes `names`, `read_some`, `read_into` or, for pydicom, `open_file`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Source = str | os.PathLike[str]

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def is_remote(path: str) -> bool:
    """Whether a path is a URL for fsspec (``s3://...``, ``memory://...``)."""
    return "://" in path


def _remote(path: str) -> tuple[Any, str]:
    import fsspec

    filesystem, inside = fsspec.core.url_to_fs(path)
    return filesystem, inside


def walk(sources: Iterable[Source]) -> Iterator[str]:
    """The files under folders (and the files themselves), each once, in sorted order; links to folders are not followed.

    Raises
    ------
    FileNotFoundError
        A source does not exist.
    """
    seen: set[str] = set()
    for source in sources:
        path = os.fspath(source)
        for found in _under(path):
            if found not in seen:
                seen.add(found)
                yield found


def _under(path: str) -> Iterator[str]:
    if is_remote(path):
        filesystem, inside = _remote(path)
        yield from (filesystem.unstrip_protocol(name) for name in sorted(filesystem.find(inside)))
    elif _is_folder(path):
        yield from _tree(path)
    else:
        yield path


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError):
        raise FileNotFoundError(f"no file or folder {path!r}") from None


def _tree(folder: str) -> Iterator[str]:
    """Files below a folder, sorted; a folder that may not be read is passed over."""
    try:
        with os.scandir(folder) as entries:
            rows = [(e.name, e.path, is_folder) for e in entries if (is_folder := e.is_dir(follow_symlinks=False)) or e.is_file()]
    except PermissionError:
        return
    rows.sort()
    for _, path, is_folder in rows:
        if is_folder:
            yield from _tree(path)
        else:
            yield path


def names(paths: Sequence[str]) -> tuple[Bytes, Ints, int]:
    """Local files as the C library takes their names, for compiled code that opens them: names, where each begins, flags."""
    encoded = [os.fsencode(p) for p in paths]
    starts = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(e) + 1 for e in encoded], out=starts[1:])
    return np.frombuffer(b"\0".join(encoded) + b"\0", np.uint8), starts, _FLAGS


def read_into(path: str, offset: int, out: memoryview) -> None:
    """Fill ``out`` with the bytes of a file from ``offset`` on.

    Raises
    ------
    EOFError
        The file ends before ``out`` is full.
    """
    if is_remote(path):
        _read_remote(path, offset, out)
        return
    handle = os.open(path, _FLAGS)
    try:
        if _fill(handle, offset, out) < len(out):
            raise EOFError(f"{path}: the file ends before byte {offset + len(out)}")
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
    handle = os.open(path, _FLAGS)
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
    """A binary file object, for pydicom's reading of odd files."""
    if is_remote(path):
        import fsspec

        return fsspec.open(path, "rb").open()
    return open(path, "rb")


def size_of(path: str) -> int:
    """The size of a file in bytes."""
    if is_remote(path):
        filesystem, inside = _remote(path)
        return int(filesystem.size(inside))
    return os.stat(path).st_size


def modified(path: str) -> int:
    """When a file was last changed, ns; 0 where the system does not say."""
    return 0 if is_remote(path) else os.stat(path).st_mtime_ns
