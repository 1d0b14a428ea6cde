"""Bytes of files: the operating system reads local paths, fsspec reads anything with "://".

Every byte of a DICOM file that dcmxarray reads goes through `names`, `read_some`, `read_into` or, for pydicom, `open_file`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Source = str | os.PathLike[str]

# NONBLOCK: opening must not wait if a FIFO has replaced the file.
_FLAGS = os.O_RDONLY | sum(getattr(os, f"O_{name}", 0) for name in ("BINARY", "CLOEXEC", "NONBLOCK", "NOCTTY"))
_LOCAL = "file://"
_BLOCK = 4 << 20  # bytes read at once for a checksum


def is_remote(path: str) -> bool:
    """Whether a path is a URL for fsspec (``s3://...``, ``memory://...``); ``file://`` URLs are local."""
    return "://" in path and not path.startswith(_LOCAL)


def local(path: str) -> str:
    """The operating system's form of a path from a table; a ``file://`` URL stands for a name that is not valid UTF-8."""
    return os.fsdecode(unquote_to_bytes(path[len(_LOCAL) :])) if path.startswith(_LOCAL) else path


def expanded(source: Source) -> str:
    """A path as text, with the home folder for a leading ``~``."""
    path = source if type(source) is str else os.fsdecode(os.fspath(source))
    return os.path.expanduser(path) if path.startswith("~") else path


def as_text(path: str) -> str:
    """The form of a local path that a table holds: unchanged, or a ``file://`` URL if its bytes are not valid UTF-8."""
    if path.isascii():
        return path
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return _LOCAL + quote(os.fsencode(path))
    return path


def remote(path: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path within it."""
    import fsspec

    filesystem, inside = fsspec.core.url_to_fs(path)
    return filesystem, inside


def names(paths: Sequence[str]) -> tuple[Bytes, Ints, int]:
    """Local file names in the form that the C library takes, for compiled code that opens the files.

    Returns
    -------
    The names as bytes, each ended by a zero byte; the offset of each name (one more than names); the flags for ``open``.
    """
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
    The size (bytes) and modification time (ns) of the open file, taken after reading; (0, 0) if the file is remote.

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
    filesystem, inside = remote(path)
    data = filesystem.cat_file(inside, start=offset, end=offset + len(out))
    if len(data) < len(out):
        raise EOFError(f"{path}: the file ends before byte {offset + len(out)}")
    out[:] = data


def read_some(path: str, offset: int, out: Bytes) -> int:
    """Read up to ``out.size`` bytes from ``offset`` on into ``out``, fewer if the file ends before.

    Returns
    -------
    The number of bytes read.
    """
    if is_remote(path):
        filesystem, inside = remote(path)
        data = filesystem.cat_file(inside, start=offset, end=offset + out.size)
        out[: len(data)] = np.frombuffer(data, np.uint8)
        return len(data)
    handle = os.open(local(path), _FLAGS)
    try:
        return _fill(handle, offset, memoryview(out))  # type: ignore[arg-type]
    finally:
        os.close(handle)


def _fill(handle: int, offset: int, out: memoryview) -> int:
    """Read until ``out`` is full or the file ends; returns the number of bytes read."""
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
    """Open a file for pydicom; returns a binary file object."""
    if is_remote(path):
        import fsspec

        return fsspec.open(path, "rb").open()
    return open(local(path), "rb", opener=lambda name, _: os.open(name, _FLAGS))


def size_of(path: str) -> int:
    """The size of a file in bytes."""
    return status(path)[0]


def modified(path: str) -> int:
    """The modification time of a file in ns; 0 if it is unknown or the file is remote."""
    return 0 if is_remote(path) else status(path)[1]


def status(path: str) -> tuple[int, int]:
    """Look at a file without opening it.

    Returns
    -------
    Its size in bytes and its modification time in ns (0 if it is unknown or the file is remote).

    Raises
    ------
    OSError
        The file does not exist, can't be accessed, or is not a regular file.
    """
    if is_remote(path):
        filesystem, inside = remote(path)
        return int(filesystem.size(inside)), 0
    found = os.stat(local(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError("no plain file")
    return found.st_size, found.st_mtime_ns if abs(found.st_mtime) < 9e9 else 0  # beyond that, ns overflow int64


def digest(path: str, offset: int, length: int) -> bytes:
    """The SHA-256 of ``length`` bytes of a file from ``offset`` on, or of all to the end if ``length`` is -1."""
    found, block = hashlib.sha256(), np.empty(_BLOCK, np.uint8)
    while length:
        count = read_some(path, offset, block if length < 0 else block[:length])
        if count == 0:
            break
        found.update(block[:count].tobytes())
        offset, length = offset + count, length - count if length > 0 else length
    return found.digest()
