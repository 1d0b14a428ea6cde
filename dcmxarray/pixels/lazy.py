"""The lazy array: finds the frames that an indexer asks for, and reads or decodes each into its place in the result."""

from __future__ import annotations

import functools
import hashlib
import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from dask.system import CPU_COUNT
from xarray.backends import BackendArray
from xarray.core import indexing

from ..errors import PixelError
from ..model import MISSING, FrameSources, Ints, PixelSpec
from . import blocks, by_pydicom, codecs, encapsulated, layout, native, packed, rescale

Array = npt.NDArray[Any]

_LARGE = (
    4 << 20
)  # bytes of an image from which on only the rows that are asked for are read; reading smaller ones whole is faster
_BAND = 64 << 20  # bytes of a large image that are read and converted at a time


class FrameArray(BackendArray):
    """Frames of DICOM files as one array, (frame dims..., row, col[, rgb]), with outer indexing.

    It holds paths and offsets, but no open file and no pixels, so that its pickle is small.  `__dask_tokenize__` returns the
    same token for the same unchanged files.  Indexing reads only the frames that the index selects.

    Parameters
    ----------
    sources
        Where the frames lie.
    cells
        (frame dims...) the frame of each cell, -1 where there is none.
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

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (packed.pack(self.sources, self.cells), self.frame_shape, self.scaled, self.fill, self.dtype)

    def __dask_tokenize__(self) -> tuple[str, ...]:
        return self.token

    @functools.cached_property
    def token(self) -> tuple[str, ...]:
        """The same for the same unchanged files, read alike."""
        s = self.sources
        digest = hashlib.sha256("\0".join(s.paths).encode())
        for part in (
            s.sizes,
            s.modified,
            self.cells,
            s.path,
            s.offset,
            s.length,
            s.frame,
            s.crop,
            s.spec,
            s.slope,
            s.intercept,
        ):
            digest.update(np.ascontiguousarray(part).tobytes())
        return ("dcmxarray", digest.hexdigest(), repr((self.shape, str(self.dtype), self.scaled, s.specs, self.fill)))

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        if isinstance(key, indexing.BasicIndexer | indexing.OuterIndexer):  # slices of any step, empty ones too
            return self.read(key.tuple)
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self.read)

    def part(self, places: Sequence[Ints]) -> FrameArray:
        """The array of an outer index along the dims of frames; it knows no other files."""
        cells = self.cells[np.ix_(*places)] if places else self.cells
        kept, numbers = np.unique(cells, return_inverse=True)
        numbers = numbers.reshape(cells.shape) - int(MISSING in kept[:1])
        kept = kept[kept != MISSING]
        sources = self.sources if len(kept) == len(self.sources.path) else packed.part(self.sources, kept)
        return _made(sources, numbers, self.frame_shape, self.scaled, self.fill, self.dtype)

    def read(self, key: tuple[Any, ...]) -> Array:
        """Read an outer index, whose entries are integers, slices or 1D arrays of integers."""
        depth = self.cells.ndim
        positions = [np.atleast_1d(np.arange(n)[k]) for k, n in zip(key[:depth], self.cells.shape, strict=True)]
        chosen = self.cells[np.ix_(*positions)] if depth else self.cells
        crop = key[depth:]
        out = self._frames(chosen.reshape(-1), crop)
        kept = [len(p) for p, k in zip(positions, key, strict=False) if not isinstance(k, (int, np.integer))]
        return out.reshape((*kept, *out.shape[1:]))

    def _frames(self, frames: Ints, crop: tuple[Any, ...]) -> Array:
        """Read frames, each cropped to an outer index: (frames, rows, columns[, rgb])."""
        layout.check_room(self.sources, frames[frames != MISSING])
        whole = all(
            isinstance(k, slice) and k == slice(0, n, 1)
            for k, n in zip(_plain(crop, self.frame_shape), self.frame_shape, strict=True)
        )
        if whole:
            out = np.empty((len(frames), *self.frame_shape), self.dtype)
            read_frames(self.sources, frames, out, self.scaled, self.fill)
            return out
        sources, shape = self.sources, self.frame_shape
        if math.prod(shape) * self.dtype.itemsize > _LARGE:
            first, last, rows = _rows(crop[0], shape[0])
            sources = replace(sources, crop=sources.crop + np.array([first, 0]))
            shape, crop = (last - first, *shape[1:]), (rows, *crop[1:])
        one = np.empty((1, *shape), self.dtype)
        parts = []
        for frame in frames:
            read_frames(sources, np.array([frame]), one, self.scaled, self.fill)
            parts.append(_cut(one[0], crop))
        return np.stack(parts) if parts else _cut(one[0], crop)[None][:0]


def _made(sources: FrameSources, cells: Ints, shape: tuple[int, ...], scaled: bool, fill: Any, dtype: Any) -> FrameArray:
    """A `FrameArray` whose dtype is known, so that no file is opened for it."""
    made = FrameArray.__new__(FrameArray)
    made.sources, made.cells, made.frame_shape, made.scaled, made.fill, made.dtype = sources, cells, shape, scaled, fill, dtype
    made.shape = (*cells.shape, *shape)
    return made


def _unpacked(data: bytes, *rest: Any) -> FrameArray:
    """The array of a pickle."""
    return _made(*packed.unpack(data), *rest)


def _plain(crop: tuple[Any, ...], shape: tuple[int, ...]) -> list[Any]:
    """Slices with start, stop and step filled in."""
    return [slice(*k.indices(n)) if isinstance(k, slice) else k for k, n in zip(crop, shape, strict=True)]


def _rows(key: Any, count: int) -> tuple[int, int, Any]:
    """The first row that an index selects of ``count``, the one behind the last, and the index among those."""
    chosen = np.atleast_1d(np.arange(count)[key])
    first, last = (int(chosen.min()), int(chosen.max()) + 1) if chosen.size else (0, 0)
    return first, last, key - first if not isinstance(key, slice) else slice(None, None, key.step)


def _cut(image: Array, crop: tuple[Any, ...]) -> Array:
    """A copy of the part of an image that an outer index selects."""
    for axis in reversed(range(len(crop))):
        image = image[(slice(None),) * axis + (crop[axis],)]
    return image.copy()


def _dtype(sources: FrameSources, scaled: bool) -> np.dtype[Any]:
    """The dtype of the array; of the palette's entries where palettes are looked up."""
    if scaled and sources.specs[0].photometric == "PALETTE COLOR":
        return by_pydicom.palette_dtype(sources.file(0), sources.specs[int(sources.spec[0])])
    return rescale.value_dtype(sources, scaled)


def read_frames(sources: FrameSources, frames: Ints, out: Array, scaled: bool, fill: Any) -> None:
    """Fill ``out[i]`` with frame ``frames[i]``; frames are read in their order in the files.

    Parameters
    ----------
    sources
        Where the frames lie.
    frames
        (n,) indices into ``sources``, -1 for none.
    out
        (n, rows, columns[, 3]), to be filled.
    scaled
        Whether to rescale, and to look palettes up.
    fill
        The value where there is no frame.

    Raises
    ------
    PixelError
        A frame can't be read or decoded.
    """
    holes = frames == MISSING
    if holes.any():
        out[holes] = fill
    places = np.flatnonzero(~holes)
    chosen = frames[places]
    order = np.lexsort((sources.frame[chosen], sources.path[chosen]))
    places, chosen = places[order], chosen[order]
    for number in sources.layouts(chosen) if len(chosen) else ():
        mine = sources.spec[chosen] == number
        spec = sources.specs[number]
        if _is_plain(sources, spec, chosen[mine], out):
            blocks.read(sources, spec, chosen[mine], out, places[mine], scaled)
        else:
            _read_each(sources, spec, chosen[mine], [out[p] for p in places[mine]], scaled)


def _is_plain(sources: FrameSources, spec: PixelSpec, frames: Ints, out: Array) -> bool:
    """Whether frames are whole native images of ``out``'s size, and not so large that they are read in bands."""
    whole = (spec.rows, spec.columns) == out.shape[1:3] and layout.bits(spec) <= 8 * _BAND
    return whole and native.reads(spec) and bool((sources.offset[frames] >= 0).all())


def _read_each(sources: FrameSources, spec: PixelSpec, frames: Ints, outs: Sequence[Array], scaled: bool) -> None:
    """Read frames that are compressed, need pydicom, or are parts of larger images; each image is decoded once.

    Images are decoded in parallel, but only when called from the main thread: dask's workers already run in parallel.
    """
    numbers = np.stack([sources.path[frames], sources.frame[frames]], axis=1)
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(numbers, axis=0) != 0).any(axis=1)]))
    parts = np.split(np.arange(len(frames)), starts[1:])
    rescales = scaled and spec.photometric != "PALETTE COLOR"

    def read(part: Ints) -> None:
        tops = sources.crop[frames[part], 0]
        for first, last in _bands(spec, int(tops.min()), int(tops.max()) + len(outs[part[0]])):
            image = _image(sources, spec, int(frames[part[0]]), scaled, (first, last))
            if rescales and not native.clears(spec, int(sources.offset[frames[part[0]]])):
                _check_fits(sources, spec, int(frames[part[0]]), image, outs[part[0]].dtype)
            for k in part:
                f, (row, column) = int(frames[k]), sources.crop[frames[k]].tolist()
                begin, end = max(row, first), min(row + len(outs[k]), last)
                out = outs[k][begin - row : max(begin, end) - row]
                tile = image[begin - first : max(begin, end) - first, column : column + out.shape[1]]
                _finish(sources, f, tile, out, rescales)

    if len(parts) > 1 and threading.current_thread() is threading.main_thread():
        with ThreadPoolExecutor(CPU_COUNT) as pool:
            list(pool.map(read, parts))
    else:
        for part in parts:
            read(part)


def _bands(spec: PixelSpec, first: int, last: int) -> list[tuple[int, int]]:
    """Rows ``first`` to ``last`` of an image in bands of some megabytes, or in one if they must be decoded together."""
    step = max(1, _BAND * 8 * spec.rows // layout.bits(spec)) if native.has_rows(spec) else max(1, last - first)
    return [(row, min(row + step, last)) for row in range(first, last, step)]


def _image(sources: FrameSources, spec: PixelSpec, frame: int, scaled: bool, rows: tuple[int, int]) -> Array:
    """Decode rows of the stored image of which a frame is the whole or a crop."""
    file, number = sources.file(frame), int(sources.frame[frame])
    at, length = int(sources.offset[frame]), int(sources.length[frame])
    if at < 0 or spec.syntax in native.SYNTAXES:
        image = by_pydicom.decode(file, spec, at, length, number, rows)
    else:
        data = encapsulated.frame_bytes(encapsulated.Element(file, at, length, spec.frames), number)
        image = codecs.decode(data, spec, f"{file.path} frame {number}")[slice(*rows)]
    return by_pydicom.palette(file, spec, image) if scaled and spec.photometric == "PALETTE COLOR" else image


def _check_fits(sources: FrameSources, spec: PixelSpec, frame: int, image: Array, dtype: np.dtype[Any]) -> None:
    """Raise PixelError if a decoded image has values that its header rules out, and that the array's dtype can't hold."""
    if not rescale.fits(image, float(sources.intercept[frame]), dtype):
        raise PixelError(
            f"{sources.file(frame).path}: values of up to {image.max()}, where BitsStored says {spec.bits_stored} bits; "
            f"rescale=False gives stored values"
        )


def _finish(sources: FrameSources, frame: int, stored: Array, out: Array, scaled: bool) -> None:
    """Write one decoded frame to ``out``, rescaled if asked; PixelError if its shape or dtype does not fit."""
    if stored.shape != out.shape:
        raise PixelError(f"{sources.file(frame).path}: the image is {stored.shape}, the header says {out.shape}")
    if scaled:
        rescale.apply(stored, float(sources.slope[frame]), float(sources.intercept[frame]), out)
    elif np.can_cast(stored.dtype, out.dtype):
        out[...] = stored
    else:
        raise PixelError(
            f"{sources.file(frame).path}: values are {stored.dtype}, which {out.dtype} can't hold; open it by itself"
        )
