"""Which files are opened for pixels or headers, counted at the one door that all reads pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..sources import files


@contextmanager
def count_reads() -> Iterator[list[str]]:
    """Collect the path of every file that is opened inside the block, in order, from any thread of this process.

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
