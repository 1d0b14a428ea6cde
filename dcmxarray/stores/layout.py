"""Chunks and shards of a stored array: chunks, the unit of reading, of about 2 MiB; shards, one object each, up to 64 MiB.

Opens no file.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

from ..attributes import DIM_ORDER

CHUNK_BYTES = 2 << 20
SHARD_BYTES = 64 << 20

_INNER = ("rgb", "col", "row", "slice")


def layout(
    sizes: Mapping[str, int], itemsize: int, chunks: Mapping[str, int] | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Choose the shapes of chunks and shards.

    Parameters
    ----------
    sizes
        The array's sizes by dim.
    itemsize
        Bytes per value.
    chunks
        Sizes of chunks by dim, -1 for the whole dim.  The other dims, or with ``None`` all, are chosen: whole frames, then as
        many slices as fit.  Dims that the array does not have are ignored.

    Returns
    -------
    tuple
        Shape of a chunk and shape of a shard, one size per dim; a shard holds whole chunks.
    """
    sizes = {dim: max(1, size) for dim, size in sizes.items()}  # Zarr has no chunk of nothing
    order = sorted(sizes, key=lambda d: (_INNER.index(d), 0) if d in _INNER else (len(_INNER), -_place(d)))
    chunk = _grown(dict.fromkeys(sizes, 1), sizes, order, CHUNK_BYTES // itemsize)
    for dim, size in ((dim, size) for dim, size in (chunks or {}).items() if dim in sizes):
        chunk[dim] = sizes[dim] if size == -1 else min(int(size), sizes[dim])
    shard = _grown(chunk, sizes, order, SHARD_BYTES // itemsize)
    return tuple(chunk[d] for d in sizes), tuple(shard[d] for d in sizes)


def _place(dim: str) -> int:
    """The place of a dim in the usual order, last if unknown."""
    return DIM_ORDER.index(dim) if dim in DIM_ORDER else len(DIM_ORDER)


def _grown(least: Mapping[str, int], sizes: Mapping[str, int], order: list[str], room: int) -> dict[str, int]:
    """Multiply the least sizes, dim by dim in ``order``, up to ``room`` values; only ``least`` can split rows and columns."""
    out = dict(least)
    for dim in order:
        others = math.prod(out.values()) // out[dim]
        steps = -(-sizes[dim] // out[dim])
        most = steps if dim in ("rgb", "col", "row") and least[dim] == 1 else min(steps, max(1, room // (others * out[dim])))
        out[dim] *= -(-steps // -(-steps // max(1, most)))
    return out


def regions(shape: tuple[int, ...], shards: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """The part of the array that each shard holds, in the order of `shard_keys`."""
    for place in _places(shape, shards):
        yield tuple(slice(k * s, min((k + 1) * s, n)) for k, s, n in zip(place, shards, shape, strict=True))


def shard_keys(shape: tuple[int, ...], shards: tuple[int, ...]) -> list[str]:
    """The keys of an array's shards, relative to the array (``c/0/1``)."""
    return ["/".join(("c", *map(str, place))) for place in _places(shape, shards)]


def _places(shape: tuple[int, ...], shards: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The position of each shard, in shards along each dim."""
    return itertools.product(*(range(-(-n // s)) for n, s in zip(shape, shards, strict=True)))
