"""Chunks and shards of a stored array: chunks of about two MiB to read, shards of some tens of MiB to keep.  Opens no file."""

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
    """The shapes of chunks and of shards, which hold whole chunks.

    Parameters
    ----------
    sizes
        The array's, by dim.
    itemsize
        Bytes a value.
    chunks
        Sizes of chunks by dim, -1 for the whole; ``None`` and dims left out are chosen: whole frames, then slices.  Dims
        that the array does not have are passed over.
    """
    sizes = {dim: max(1, size) for dim, size in sizes.items()}  # Zarr has no chunk of nothing
    order = sorted(sizes, key=lambda d: (_INNER.index(d), 0) if d in _INNER else (len(_INNER), -_place(d)))
    chunk = _grown(dict.fromkeys(sizes, 1), sizes, order, CHUNK_BYTES // itemsize)
    for dim, size in ((dim, size) for dim, size in (chunks or {}).items() if dim in sizes):
        chunk[dim] = sizes[dim] if size == -1 else min(int(size), sizes[dim])
    shard = _grown(chunk, sizes, order, SHARD_BYTES // itemsize)
    return tuple(chunk[d] for d in sizes), tuple(shard[d] for d in sizes)


def _place(dim: str) -> int:
    return DIM_ORDER.index(dim) if dim in DIM_ORDER else len(DIM_ORDER)


def _grown(least: Mapping[str, int], sizes: Mapping[str, int], order: list[str], room: int) -> dict[str, int]:
    """Multiples of the least sizes, dim by dim as far as there is room; rows and columns stay whole."""
    out = dict(least)
    for dim in order:
        others = math.prod(out.values()) // out[dim]
        steps = -(-sizes[dim] // out[dim])
        most = steps if dim in ("rgb", "col", "row") and least[dim] == 1 else min(steps, max(1, room // (others * out[dim])))
        out[dim] *= -(-steps // -(-steps // max(1, most)))
    return out


def regions(shape: tuple[int, ...], shards: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """The part of the array that each shard holds, in the order of their keys."""
    for place in _places(shape, shards):
        yield tuple(slice(k * s, min((k + 1) * s, n)) for k, s, n in zip(place, shards, shape, strict=True))


def shard_keys(shape: tuple[int, ...], shards: tuple[int, ...]) -> list[str]:
    """The keys of an array's shards below its own (``c/0/1``)."""
    return ["/".join(("c", *map(str, place))) for place in _places(shape, shards)]


def _places(shape: tuple[int, ...], shards: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Where each shard lies, counted in shards."""
    return itertools.product(*(range(-(-n // s)) for n, s in zip(shape, shards, strict=True)))
