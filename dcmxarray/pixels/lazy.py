"""The lazily indexed array: which frames an indexer asks for, each read or decoded into its place in the result."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xarray.backends import BackendArray
from xarray.core import indexing

from ..errors import PixelError
from ..model import MISSING, FrameSources, Ints, PixelSpec
from . import encapsulated, native, odd, rescale

Array = npt.NDArray[Any]


class FrameArray(BackendArray):
    """Frames of DICOM files as one array, (frame dims..., row, col[, rgb]), with outer indexing.

    It holds paths and offsets, never an open file or pixels: it pickles small, and `__dask_tokenize__` is the same for the
    same files.  Only the frames that an index selects are read.

    Parameters
    ----------
    sources
        Where the frames lie.
    cells
        Frame of each cell, -1 for none.
    shape
        (rows, columns) of a frame, or with 3 for colour.
    scaled
        Whether values are rescaled (and palettes looked up).
    fill
        The value of cells without a frame.
    """

    def __init__(self, sources: FrameSources, cells: Ints, shape: tuple[int, ...], scaled: bool, fill: Any = 0) -> None:
        self.sources = sources
        self.cells = cells
        self.frame_shape = shape
        self.scaled = scaled
        self.fill = fill
        self.shape = (*cells.shape, *shape)
        self.dtype = _dtype(sources, scaled)

    def __dask_tokenize__(self) -> tuple[str, ...]:
        s = self.sources
        digest = hashlib.sha256("\0".join(s.paths).encode())
        for part in (self.cells, s.path, s.offset, s.length, s.frame, s.window, s.spec, s.slope, s.intercept):
            digest.update(np.ascontiguousarray(part).tobytes())
        return ("dcmxarray", digest.hexdigest(), repr((self.shape, str(self.dtype), self.scaled, s.specs, self.fill)))

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Array:
        """An outer index: each entry an integer, a slice or a 1D array of integers."""
        depth = self.cells.ndim
        positions = [np.atleast_1d(np.arange(n)[k]) for k, n in zip(key[:depth], self.cells.shape, strict=True)]
        chosen = self.cells[np.ix_(*positions)] if depth else self.cells
        window = key[depth:]
        out = self._frames(chosen.reshape(-1), window)
        kept = [len(p) for p, k in zip(positions, key, strict=False) if not isinstance(k, (int, np.integer))]
        return out.reshape(*kept, *out.shape[1:])

    def _frames(self, frames: Ints, window: tuple[Any, ...]) -> Array:
        """Frames one behind the other, each cut to a window."""
        whole = all(isinstance(k, slice) and k == slice(0, n, 1) for k, n in zip(_plain(window, self.frame_shape), self.frame_shape, strict=True))
        if whole:
            out = np.empty((len(frames), *self.frame_shape), self.dtype)
            read_frames(self.sources, frames, out, self.scaled, self.fill)
            return out
        one = np.empty((1, *self.frame_shape), self.dtype)
        parts = []
        for frame in frames:
            read_frames(self.sources, np.array([frame]), one, self.scaled, self.fill)
            parts.append(_cut(one[0], window))
        return np.stack(parts) if parts else _cut(one[0], window)[None][:0]


def _plain(window: tuple[Any, ...], shape: tuple[int, ...]) -> list[Any]:
    """Slices with start, stop and step filled in."""
    return [slice(*k.indices(n)) if isinstance(k, slice) else k for k, n in zip(window, shape, strict=True)]


def _cut(image: Array, window: tuple[Any, ...]) -> Array:
    """Outer indexing of one image, a copy."""
    for axis in reversed(range(len(window))):
        image = image[(slice(None),) * axis + (window[axis],)]
    return image.copy()


def _dtype(sources: FrameSources, scaled: bool) -> np.dtype[Any]:
    if scaled and sources.specs[0].photometric == "PALETTE COLOR":
        return np.dtype("u1") if odd.palette_bits(sources.paths[0]) <= 8 else np.dtype("u2")
    return rescale.value_dtype(sources, scaled)


def read_frames(sources: FrameSources, frames: Ints, out: Array, scaled: bool, fill: Any) -> None:
    """Fill ``out[i]`` with frame ``frames[i]``; files are visited one after the other, each opened once."""
    out[frames == MISSING] = fill
    places = np.flatnonzero(frames != MISSING)
    chosen = frames[places]
    order = np.lexsort((sources.frame[chosen], sources.path[chosen]))
    places, chosen = places[order], chosen[order]
    bounds = np.flatnonzero(np.diff(sources.path[chosen])) + 1
    for part in np.split(np.arange(chosen.size), bounds):
        if part.size:
            _read_file(sources, chosen[part], [out[p] for p in places[part]], scaled)


def _read_file(sources: FrameSources, frames: Ints, outs: Sequence[Array], scaled: bool) -> None:
    """Some frames of one file."""
    path = sources.paths[int(sources.path[frames[0]])]
    spec = sources.specs[int(sources.spec[frames[0]])]
    windowed = (spec.rows, spec.columns) != outs[0].shape[:2]
    if native.reads(spec) and sources.offset[frames[0]] >= 0 and not windowed:
        _read_native(sources, path, spec, frames, outs, scaled)
        return
    last, image = -1, None
    for f, out in zip(frames, outs, strict=True):
        number = int(sources.frame[f])
        if image is None or number != last:
            image, last = _image(sources, path, spec, int(f), scaled), number
        row, column = sources.window[f]
        tile = image[row : row + out.shape[0], column : column + out.shape[1]]
        _finish(sources, int(f), tile, out, scaled and spec.photometric != "PALETTE COLOR")


def _frame_size(spec: PixelSpec) -> int:
    return spec.rows * spec.columns * spec.samples * spec.bits_allocated // 8


def _offset(sources: FrameSources, spec: PixelSpec, frame: int) -> int:
    return int(sources.offset[frame]) + int(sources.frame[frame]) * _frame_size(spec)


def _read_native(
    sources: FrameSources, path: str, spec: PixelSpec, frames: Ints, outs: Sequence[Array], scaled: bool
) -> None:
    offsets = [_offset(sources, spec, int(f)) for f in frames]
    identity = not scaled or bool((sources.slope[frames] == 1).all() and (sources.intercept[frames] == 0).all())
    if identity and outs[0].dtype == rescale.stored_dtype(spec):
        native.read(path, spec, offsets, outs)
        return
    scratch = [np.empty(native.shape(spec), rescale.stored_dtype(spec)) for _ in outs]
    native.read(path, spec, offsets, scratch)
    for f, stored, out in zip(frames, scratch, outs, strict=True):
        _finish(sources, int(f), stored, out, scaled)


def _image(sources: FrameSources, path: str, spec: PixelSpec, frame: int, scaled: bool) -> Array:
    """The whole stored image that a frame is, or is a window of."""
    number = int(sources.frame[frame])
    at, length = int(sources.offset[frame]), int(sources.length[frame])
    if at >= 0 and native.reads(spec):
        out = np.empty(native.shape(spec), rescale.stored_dtype(spec))
        native.read(path, spec, [_offset(sources, spec, frame)], [out])
        return out
    palette = spec.photometric == "PALETTE COLOR"
    if at < 0 or palette or spec.syntax in native.SYNTAXES:
        return odd.decode(path, number, palette and scaled)
    data = encapsulated.frame_bytes(path, at, length, number, spec.frames)
    return encapsulated.decode(data, spec, f"{path} frame {number}")


def _finish(sources: FrameSources, frame: int, stored: Array, out: Array, scaled: bool) -> None:
    if stored.shape != out.shape:
        raise PixelError(f"{sources.paths[int(sources.path[frame])]}: the image is {stored.shape}, the header says {out.shape}")
    if scaled:
        rescale.apply(stored, float(sources.slope[frame]), float(sources.intercept[frame]), out)
    else:
        out[...] = stored
