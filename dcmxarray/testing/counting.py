"""Lists the files that are opened for headers or pixels, by wrapping the functions of `sources.files`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..sources import files


@contextmanager
def count_reads() -> Iterator[list[str]]:
    """Collect the path of every file that is opened inside the block, by any thread of this process.

    Yields
    ------
    list of str
        Paths in the order of opening; a file that is opened twice is there twice.

    Examples
    --------
    >>> import dcmxarray as dx
    >>> da = dx.open_series(dx.testing.example("dce"), chunks=None)
    >>> with dx.testing.count_reads() as opened:
    ...     _ = da.isel(time=3, slice=2).load()
    >>> len(opened)
    1
    """
    opened: list[str] = []
    doors = {name: getattr(files, name) for name in ("names", "read_some", "read_into", "open_file")}

    def counted(name: str) -> Any:
        def door(path: str | list[str], *args: Any) -> Any:
            opened.extend([path] if isinstance(path, str) else path)
            return doors[name](path, *args)

        return door

    for name in doors:
        setattr(files, name, counted(name))
    try:
        yield opened
    finally:
        for name, door in doors.items():
            setattr(files, name, door)
