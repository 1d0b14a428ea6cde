"""Rare layouts of uncompressed frames: single bits, palettes, native YBR, big endian bytes, deflated files; and parts of frames.

pydicom reads the files that can only be read as a whole data set.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..headers import by_pydicom
from ..model import File, PixelSpec
from ..sources import files
from . import colour, inflated, layout, native
from .reading import changed, check_open, guarded, part, same

Array = npt.NDArray[Any]


def decode(file: File, spec: PixelSpec, offset: int, length: int, frame: int, rows: tuple[int, int]) -> Array:
    """Read rows of one native frame.

    Parameters
    ----------
    file
        The file, as it was scanned.
    spec
        The frame's pixel layout.
    offset, length
        Bytes; where the pixel data begin, and how long they are.  An offset of -1 leaves it to pydicom to find them.
    frame
        Number within the file, from 0.
    rows
        The first row, and the one behind the last.

    Returns
    -------
    numpy.ndarray
        Stored values, (rows, columns[, samples]); YBR is converted to RGB.

    Raises
    ------
    PixelError
        The frame is truncated, the file changed, or pydicom can't decode it.
    """
    with guarded(f"{file.path} frame {frame}: can't be decoded"):
        if spec.syntax != native.DEFLATED and (offset < 0 or native.is_swapped(spec)):
            return _by_pydicom(file, spec, frame)[slice(*rows)]
        if spec.bits_allocated == native.PACKED and _is_of_words(spec, length):
            raise ValueError("BitsAllocated is 12, but the pixel data are of 16 bits each: frames.assign(BitsAllocated=16)")
        ybr = colour.is_ybr(spec)
        first, last = (rows[0], min(rows[1], spec.rows)) if native.has_rows(spec) else (0, spec.rows)
        each = layout.bits(spec) // spec.rows
        begin, end = ((frame * spec.rows + row) * each for row in (first, last))
        raw = _bytes(file, spec, offset, length, begin // 8, -(-end // 8))
        image = native.image(raw, replace(spec, rows=last - first), begin % 8)[rows[0] - first : rows[1] - first]
        return colour.to_rgb(image) if ybr else image


def _bytes(file: File, spec: PixelSpec, offset: int, length: int, begin: int, end: int) -> Array:
    """A part of the pixel data, as stored or inflated."""
    if spec.syntax == native.DEFLATED:
        return inflated.part(file, begin, end - begin)
    return part(file, offset + begin, min(end, length) - begin)


def _is_of_words(spec: PixelSpec, length: int) -> bool:
    """Whether pixel data that should be packed have the length of 16 bits for each value, not of packed ones with padding."""
    values = spec.frames * spec.rows * spec.columns * spec.samples
    return length == 2 * values and length > -(-values * native.PACKED // 8) + 1


def _by_pydicom(file: File, spec: PixelSpec, frame: int) -> Array:
    """One frame of a data set that pydicom reads whole."""
    from pydicom.pixels import pixel_array

    _check_now(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(pixel_array(_dataset(file), index=frame))


def _check_now(file: File) -> None:
    """Raise PixelError if a file is not as it was when it was scanned: what is cached is of the file as it was."""
    if not files.is_remote(file.path) and not same(file, files.size_of(file.path), files.modified(file.path)):
        raise changed(file)


@lru_cache(maxsize=2)
def _dataset(file: File) -> Any:
    """The whole data set, cached."""
    import pydicom

    with files.open_file(file.path) as handle:
        check_open(file, handle)
        return pydicom.dcmread(handle, force=True)


@lru_cache(maxsize=16)
def _header(file: File) -> Any:
    """The elements before the pixels, including palettes in an order that pydicom reads, cached."""
    with files.open_file(file.path) as handle:
        check_open(file, handle)
        data = by_pydicom.header_of(handle)
    if not data.file_meta.get("TransferSyntaxUID"):
        del data.file_meta  # pydicom then takes the byte order that it read the elements in
    if not data.original_encoding[1]:
        for name in (f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")):
            if isinstance(data.get(name), bytes):  # words, whose bytes pydicom leaves as they are in the file
                data[name].value = np.frombuffer(data[name].value, np.uint16).byteswap().tobytes()
    return data


def palette(file: File, spec: PixelSpec, indices: Array) -> Array:
    """Look indices up in the file's palette (PS3.3 C.7.6.3.1.5).

    Parameters
    ----------
    file, spec
        The file, as it was scanned, and its pixel layout.
    indices
        (rows, columns) stored values.

    Returns
    -------
    numpy.ndarray
        (rows, columns, 3) RGB, in the dtype of the palette's entries.

    Raises
    ------
    PixelError
        The file has no palette, or a damaged one.
    """
    from pydicom.pixels import apply_color_lut

    with guarded(f"{file.path}: the palette can't be read"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(apply_color_lut(indices, _header(file)))


def palette_dtype(file: File, spec: PixelSpec) -> np.dtype[Any]:
    """The dtype of the entries of a file's palette."""
    return palette(file, spec, np.zeros((1, 1), np.uint8)).dtype
