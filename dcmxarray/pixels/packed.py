"""Frame sources as few bytes, for pickles: some tens of bytes a frame.  Opens no file."""

from __future__ import annotations

import pickle
import zlib
from dataclasses import fields
from typing import Any

import numpy as np

from ..model import FrameSources, Ints


def part(sources: FrameSources, frames: Ints) -> FrameSources:
    """The sources of some frames alone.

    Parameters
    ----------
    sources
        Of all frames.
    frames
        (n,) indices of those to keep, in the order in which the result has them.
    """
    files, path = np.unique(sources.path[frames], return_inverse=True)
    return FrameSources(
        paths=tuple(sources.paths[k] for k in files),
        uids=tuple(sources.uids[k] for k in files),
        sizes=sources.sizes[files],
        modified=sources.modified[files],
        path=path.reshape(-1).astype(np.int64),
        offset=sources.offset[frames],
        length=sources.length[frames],
        frame=sources.frame[frames],
        crop=sources.crop[frames],
        spec=sources.spec[frames],
        specs=sources.specs,
        slope=sources.slope[frames],
        intercept=sources.intercept[frames],
    )


def pack(sources: FrameSources, cells: Ints) -> bytes:
    """Sources and the frames in their cells, compressed: integers as steps, which repeat."""
    columns = {f.name: _steps(getattr(sources, f.name)) for f in fields(sources)}
    shape, numbers = cells.shape, _steps(cells.reshape(-1))
    return zlib.compress(pickle.dumps((columns, numbers, shape), protocol=5), 6)


def unpack(data: bytes) -> tuple[FrameSources, Ints]:
    """What `pack` packed."""
    columns, numbers, shape = pickle.loads(zlib.decompress(data))
    return FrameSources(**{name: _values(column) for name, column in columns.items()}), _values(numbers).reshape(shape)


def _steps(column: Any) -> Any:
    """A column of integers as the steps from one to the next, texts as one; others as they are."""
    if isinstance(column, np.ndarray) and column.dtype.kind == "i":
        return np.diff(column, axis=0, prepend=np.zeros_like(column[:1]))
    return column


def _values(column: Any) -> Any:
    """What `_steps` made steps of."""
    if isinstance(column, np.ndarray) and column.dtype.kind == "i":
        return np.cumsum(column, axis=0)
    return column
