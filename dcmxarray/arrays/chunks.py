"""Dask chunks: whole frames, then whole volumes.  Opens no file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import xarray as xr

Chunks = str | int | Mapping[Any, Any] | None

CHUNK_BYTES = 32 << 20
DECODED_BYTES = 4 << 20  # compressed frames take so long to decode that smaller chunks keep all cores busy


def resolve(chunks: str | int | Mapping[Any, Any], variable: xr.Variable, most: int) -> Any:
    """Chunks as dask takes them.

    Parameters
    ----------
    chunks
        ``"auto"`` for whole volumes of at most ``most`` bytes, ``{}`` for one chunk a frame, or anything that dask takes.
    variable
        The array.
    most
        Bytes of a chunk.

    Raises
    ------
    ValueError
        ``chunks`` names a dim that the array does not have.
    """
    unknown = [d for d in chunks if d not in variable.dims] if isinstance(chunks, Mapping) else []
    if unknown:
        raise ValueError(f"chunks names {unknown[0]!r}; the dims are {', '.join(map(str, variable.dims))}")
    if chunks == "auto":
        return auto_chunks({str(d): n for d, n in variable.sizes.items()}, variable.dtype.itemsize, most)
    return variable.encoding["preferred_chunks"] if chunks == {} else chunks


def auto_chunks(sizes: Mapping[str, int], itemsize: int, most: int = CHUNK_BYTES) -> dict[str, int]:
    """The chunk size of each dim: whole frames, then all slices, then as much of the other dims as ``most`` bytes hold."""
    spatial = [d for d in ("rgb", "col", "row", "slice") if d in sizes]
    others = [d for d in reversed(list(sizes)) if d not in spatial]
    out, room = {}, max(1, most // itemsize)
    for dim in (*spatial, *others):
        size = sizes[dim]
        out[dim] = size if dim in ("rgb", "col", "row") else _even(size, max(1, min(size, room)))
        room //= max(1, out[dim])
    return out


def _even(size: int, most: int) -> int:
    """The size of nearly equal chunks that are at most ``most`` long."""
    return math.ceil(size / math.ceil(size / most))
