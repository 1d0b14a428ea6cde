"""Whole native frames, many at a time: read straight into the output, then settled and rescaled block by block."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model import FrameSources, Ints, PixelSpec
from . import layout, local, native, reading, rescale

Array = npt.NDArray[Any]

_BLOCK = 1 << 20  # bytes to read before converting them: few enough to stay in the CPU's cache
_MANY = 64  # from this number of frames on, two threads share the work


def read(sources: FrameSources, spec: PixelSpec, frames: Ints, out: Array, places: Ints, scaled: bool) -> None:
    """Read frames to their places in ``out``.

    Two threads share many frames, but only when called from the main thread: dask's workers already run in parallel.

    Parameters
    ----------
    sources
        Where the frames lie.
    spec
        The pixel layout of all these frames.
    frames
        (n,) indices into ``sources``.
    out
        (places, rows, columns[, samples]), to be filled.
    places
        (n,) where in ``out`` each frame goes.
    scaled
        Whether to apply slope and intercept.

    Raises
    ------
    PixelError
        A file changed since it was scanned, is too short, or can't be read.
    """
    if len(frames) < _MANY or threading.current_thread() is not threading.main_thread():
        _read(sources, spec, frames, out, places, scaled)
        return
    with ThreadPoolExecutor(2) as pool:
        halves = zip(np.array_split(frames, 2), np.array_split(places, 2), strict=True)
        for half in [pool.submit(_read, sources, spec, f, out, p, scaled) for f, p in halves]:
            half.result()


def _read(sources: FrameSources, spec: PixelSpec, frames: Ints, out: Array, places: Ints, scaled: bool) -> None:
    """`read` in one thread: straight into ``out`` if the file's bytes are the values, else block by block."""
    same = rescale.has_bytes_of(rescale.stored_dtype(spec), out.dtype)
    if same and native.is_settled(spec) and not _scales(sources, frames, scaled):
        _read_runs(sources, spec, frames, out, places)
        return
    step = max(1, _BLOCK // (layout.bits(spec) // 8))
    for first in range(0, len(frames), step):
        part = slice(first, first + step)
        _read_block(sources, spec, frames[part], out, places[part], scaled)


def _scales(sources: FrameSources, frames: Ints, scaled: bool) -> bool:
    """Whether any of the frames needs rescaling."""
    return scaled and bool((sources.slope[frames] != 1).any() or (sources.intercept[frames] != 0).any())


def _read_block(sources: FrameSources, spec: PixelSpec, frames: Ints, out: Array, places: Ints, scaled: bool) -> None:
    """Read, settle and rescale one block; in place where its frames are adjacent in ``out`` and have its bytes."""
    count, together = len(frames), bool((np.diff(places) == 1).all())
    target = out[places[0] : places[0] + count] if together else np.empty((count, *out.shape[1:]), out.dtype)
    dtype = rescale.stored_dtype(spec)
    stored = target.view(dtype) if rescale.has_bytes_of(dtype, target.dtype) else np.empty(target.shape, dtype)
    _read_runs(sources, spec, frames, stored, np.arange(count))
    native.settle(spec, stored)
    _rescale(sources, frames, stored, target, scaled)
    if not together:
        out[places] = target


def _rescale(sources: FrameSources, frames: Ints, stored: Array, target: Array, scaled: bool) -> None:
    """Write real-world values to ``target``, which may be the memory of ``stored``."""
    if not _scales(sources, frames, scaled):
        if not np.may_share_memory(stored, target):
            target[...] = stored
        return
    slope, intercept = sources.slope[frames], sources.intercept[frames]
    if (slope == slope[0]).all() and (intercept == intercept[0]).all():
        rescale.apply(stored, float(slope[0]), float(intercept[0]), target)
        return
    for k in range(len(frames)):
        rescale.apply(stored[k], float(slope[k]), float(intercept[k]), target[k])


def _read_runs(sources: FrameSources, spec: PixelSpec, frames: Ints, target: Array, slots: Ints) -> None:
    """Read frames to their slots of ``target``; frames adjacent both in the file and in ``target`` are read as one run."""
    size = layout.bits(spec) // 8
    if len(frames) == 1:  # the usual selection of one frame: no runs to find
        k, slot = int(frames[0]), int(slots[0])
        place = memoryview(target.reshape(-1).view(np.uint8))[slot * size : (slot + 1) * size]  # type: ignore[arg-type]
        reading.read(sources.file(k), int(sources.offset[k]) + int(sources.frame[k]) * size, place)
        return
    path = sources.path[frames]
    offset = sources.offset[frames] + sources.frame[frames] * size
    joins = (np.diff(path) == 0) & (np.diff(offset) == size) & (np.diff(slots) == 1)
    starts = np.concatenate([[0], np.flatnonzero(~joins) + 1])[: len(frames)]
    begins = slots[starts] * size
    ends = begins + np.diff(np.append(starts, len(frames))) * size
    local.read(sources, path[starts], offset[starts], begins, ends, target)
