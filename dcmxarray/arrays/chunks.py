"""Dask chunks of an array: whole volumes; more than one in a chunk only where there are thousands.  Opens no file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import xarray as xr

from ..pixels.chunked import CHUNK_BYTES

Chunks = str | int | Mapping[Any, Any] | None

MOST_CHUNKS = 4000


def resolve(chunks: str | int | Mapping[Any, Any], variable: xr.Variable) -> Any:
    """Chunks as dask takes them.

    Parameters
    ----------
    chunks
        ``"auto"`` or ``{}`` for those that the array prefers, or anything that dask takes; dims that a mapping leaves out get
        those that the array prefers.
    variable
        The array.

    Raises
    ------
    ValueError
        ``chunks`` names a dim that the array does not have.
    """
    unknown = [d for d in chunks if d not in variable.dims] if isinstance(chunks, Mapping) else []
    if unknown:
        raise ValueError(f"chunks names {unknown[0]!r}; the dims are {', '.join(map(str, variable.dims))}")
    preferred = variable.encoding["preferred_chunks"]
    if chunks == "auto":
        return preferred
    return preferred | chunks if isinstance(chunks, Mapping) else chunks


def volume_chunks(sizes: Mapping[str, int], itemsize: int, most: int = CHUNK_BYTES) -> dict[str, int]:
    """The chunk size of each dim: one volume, or as many of its slices as ``most`` bytes hold.

    What needs one volume reads no other.  Only where there would be more than `MOST_CHUNKS`, a chunk holds several volumes.
    """
    frame = [d for d in ("rgb", "col", "row") if d in sizes]
    others = [d for d in reversed(list(sizes)) if d not in (*frame, "slice")]
    out = {d: sizes[d] for d in frame}
    room = max(1, most // itemsize // max(1, math.prod(out.values())))
    if "slice" in sizes:
        out["slice"] = _even(sizes["slice"], min(sizes["slice"], room))
        room = max(1, room // out["slice"])
    slabs = math.ceil(sizes.get("slice", 1) / out.get("slice", 1))
    many = math.ceil(slabs * math.prod(sizes[d] for d in others) / MOST_CHUNKS)
    for dim in others:
        out[dim] = _even(sizes[dim], min(sizes[dim], room, many))
        room, many = max(1, room // out[dim]), math.ceil(many / out[dim])
    return out


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
