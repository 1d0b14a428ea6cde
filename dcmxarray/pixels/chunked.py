"""Dask arrays that read frames, and what they read: so that selections are made before reading, however many there are.

dask by itself passes the first selection down to what reads a chunk, and no second one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import dask.array as da
import numpy as np
from dask.base import tokenize

from ..model import FrameSources, Ints
from . import native
from .window import Window

Sizes = tuple[tuple[int, ...], ...]  # of the chunks along each dim

CHUNK_BYTES = 32 << 20
DECODED_BYTES = 4 << 20  # compressed frames take so long to decode that smaller chunks keep all cores busy


def most_bytes(sources: FrameSources) -> int:
    """How many bytes a chunk holds at most: fewer for compressed frames."""
    return CHUNK_BYTES if all(native.reads(spec) for spec in sources.specs) else DECODED_BYTES


def chunked(window: Window, sizes: Sizes) -> Any:
    """The dask array of a window in chunks of some sizes."""
    meta = np.empty((0,) * window.ndim, window.dtype)
    return da.from_array(window, sizes, name=f"dicom-{tokenize(window, sizes)}", meta=meta)


def window_of(data: Any) -> Window | None:
    """What a dask array reads; ``None`` if it computes anything, or reads something else."""
    graph: Any = getattr(data, "dask", None)
    if not hasattr(graph, "layers") or not str(data.name).startswith("dicom-"):
        return None
    for name in graph.dependencies.get(data.name, ()):
        source = graph.layers[name].get(name)
        source = getattr(source, "value", source)
        if isinstance(source, Window):
            return source
    return None


def kept(sizes: Sizes, old: Window, new: Window) -> Sizes:
    """The chunks of a window that was selected from another one: none reads more frames than one of the old chunks did."""
    depth = old.frames.cells.ndim
    most = math.prod(max(s, default=1) for s, d in zip(sizes, old.order, strict=True) if d < depth)
    out = {d: _kept(sizes[old.order.index(d)], old.axes[d], new.axes[d], old.frames.shape[d]) for d in new.order}  # type: ignore[arg-type]
    inner = [d for d in new.order if d < depth]
    out |= dict(zip(inner, merged([out[d] for d in inner], most), strict=True))
    return tuple(out.values())


def _kept(sizes: Sequence[int], old: range | Ints, new: range | Ints, count: int) -> tuple[int, ...]:
    """The chunks along one dim: neighbours that lay in one chunk remain in one."""
    chunk = np.zeros(count, np.int64)
    chunk[np.asarray(old, np.int64)] = np.repeat(np.arange(len(sizes)), sizes)
    runs = tuple(len(list(run)) for _, run in groupby(chunk[np.asarray(new, np.int64)].tolist()))
    return runs or (0,)


def large(sizes: Sizes, window: Window) -> Sizes:
    """Chunks for what needs all of the array: as many bytes as a chunk may have."""
    return merged(sizes, most_bytes(window.sources) // window.dtype.itemsize)


def merged(sizes: Sequence[Sequence[int]], most: int) -> Sizes:
    """Neighbouring chunks put together, along the last dims first, up to ``most`` values."""
    out = [tuple(s) for s in sizes]
    for k in reversed(range(len(out))):
        others = math.prod(max(s, default=1) or 1 for s in (*out[:k], *out[k + 1 :]))
        out[k] = _together(out[k], most // others)
    return tuple(out)


def _together(sizes: Sequence[int], most: int) -> tuple[int, ...]:
    """Neighbouring sizes added up to ``most``."""
    out = list(sizes[:1])
    for size in sizes[1:]:
        if out[-1] + size <= most:
            out[-1] += size
        else:
            out.append(size)
    return tuple(out)
