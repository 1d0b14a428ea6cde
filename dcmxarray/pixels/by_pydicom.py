"""Rare layouts of uncompressed frames: single bits, palettes, native YBR, big endian bytes, deflated files.

pydicom reads the files that can only be read as a whole data set.  A deflated file is inflated only as far as its header says
that the pixels reach.
"""

from __future__ import annotations

import io
import os
import warnings
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model import File, PixelSpec
from ..sources import files
from . import colour, layout, native
from .reading import changed, guarded, part, same

Array = npt.NDArray[Any]

DEFLATED = "1.2.840.10008.1.2.1.99"
_BLOCK = 16 << 20  # bytes inflated at a time
_SLACK = 64 << 20  # bytes allowed for the header of a deflated file and for the elements behind its pixels


def decode(file: File, spec: PixelSpec, offset: int, length: int, frame: int) -> Array:
    """Read one native frame.

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
        if spec.syntax == DEFLATED and _is_plain(spec):
            return _of_inflated(file, spec, frame)
        if offset < 0 or native.is_swapped(spec):
            return _by_pydicom(file, spec, frame)
        ybr, bits = colour.is_ybr(spec), layout.bits(spec)
        if spec.bits_allocated == native.PACKED and _is_of_words(spec, length):
            raise ValueError("BitsAllocated is 12, but the pixel data are of 16 bits each: frames.assign(BitsAllocated=16)")
        first, end = frame * bits, (frame + 1) * bits
        begin = first // 8
        raw = part(file, offset + begin, min(-(-end // 8), length) - begin)
        image = native.image(raw, spec, first % 8)
        return colour.to_rgb(image) if ybr else image


def _is_of_words(spec: PixelSpec, length: int) -> bool:
    """Whether pixel data that should be packed have the length of 16 bits for each value, not of packed ones with padding."""
    values = spec.frames * spec.rows * spec.columns * spec.samples
    return length == 2 * values and length > -(-values * native.PACKED // 8) + 1


def _is_plain(spec: PixelSpec) -> bool:
    """Whether stored values are whole bytes, grey or RGB."""
    return spec.bits_allocated % 8 == 0 and (spec.samples == 1 or spec.photometric == "RGB")


def _of_inflated(file: File, spec: PixelSpec, frame: int) -> Array:
    """One frame of a deflated file: a part of the inflated bytes, which are in memory once."""
    _check_now(file)
    data, begin, end = _inflated_pixels(file, spec)
    size = layout.bits(spec) // 8
    first = begin + frame * size
    if first + size > end:
        raise ValueError(f"frame {frame} needs {size} bytes, {max(0, end - first)} are there")
    return native.image(data[first : first + size].copy(), spec)


@lru_cache(maxsize=1)
def _inflated_pixels(file: File, spec: PixelSpec) -> tuple[Array, int, int]:
    """A deflated file's inflated bytes, cached, and where the value of its pixel element begins and ends in them."""
    import pydicom

    with warnings.catch_warnings(), files.open_file(file.path) as handle:
        warnings.simplefilter("ignore")
        _check(file, handle)
        source = _inflated(handle.read(), spec.frames * layout.bits(spec) // 8 + _SLACK)
        pydicom.dcmread(source, stop_before_pixels=True, force=True)
    begin = source.tell() + 12  # tag, VR and length of OB, OW, OF or OD
    length = int.from_bytes(source.read(12)[8:], "little")
    data = np.frombuffer(source.getbuffer(), np.uint8)
    return data, begin, min(begin + length, data.size)


def _by_pydicom(file: File, spec: PixelSpec, frame: int) -> Array:
    """One frame of a data set that pydicom reads whole."""
    from pydicom.pixels import pixel_array

    _check_now(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(pixel_array(_dataset(file, spec), index=frame))


def _check_now(file: File) -> None:
    """Raise PixelError if a file is not as it was when it was scanned: what is cached is of the file as it was."""
    if not files.is_remote(file.path) and not same(file, files.size_of(file.path), files.modified(file.path)):
        raise changed(file)


@lru_cache(maxsize=2)
def _dataset(file: File, spec: PixelSpec) -> Any:
    """The whole data set, cached."""
    return _read(file, spec, True)


@lru_cache(maxsize=16)
def _header(file: File, spec: PixelSpec) -> Any:
    """The elements before the pixels, including palettes in an order that pydicom reads, cached."""
    data = _read(file, spec, False)
    if not data.file_meta.get("TransferSyntaxUID"):
        del data.file_meta  # pydicom then takes the byte order that it read the elements in
    if not data.original_encoding[1]:
        for name in (f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")):
            if isinstance(data.get(name), bytes):  # words, whose bytes pydicom leaves as they are in the file
                data[name].value = np.frombuffer(data[name].value, np.uint16).byteswap().tobytes()
    return data


def _read(file: File, spec: PixelSpec, pixels: bool) -> Any:
    """A pydicom data set of the file, with or without its pixels."""
    import pydicom

    with warnings.catch_warnings(), files.open_file(file.path) as handle:
        warnings.simplefilter("ignore")
        _check(file, handle)
        source = handle
        if spec.syntax == DEFLATED:
            source = _inflated(handle.read(), spec.frames * layout.bits(spec) // 8 + _SLACK)
        return pydicom.dcmread(source, stop_before_pixels=not pixels, force=True)


def _check(file: File, handle: Any) -> None:
    """Raise PixelError if an open file is not as it was when it was scanned."""
    if files.is_remote(file.path):
        now = getattr(handle, "size", None) or 0, 0
    else:
        stat = os.fstat(handle.fileno())
        now = stat.st_size, stat.st_mtime_ns
    if not same(file, *now):
        raise changed(file)


def _inflated(raw: bytes, most: int) -> io.BytesIO:
    """A deflated file (PS3.5 A.5) as explicit VR little endian; ValueError beyond ``most`` inflated bytes."""
    head = _meta_end(raw)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    out = io.BytesIO()
    out.write(raw[:head].replace(DEFLATED.encode(), b"1.2.840.10008.1.2.1\0\0\0"))
    todo = raw[head:]
    while not inflater.eof and out.tell() < head + most:
        block = inflater.decompress(todo, min(_BLOCK, head + most - out.tell()))
        todo = inflater.unconsumed_tail
        if not block and not todo:
            break
        out.write(block)
    if not inflater.eof:
        full = out.tell() >= head + most
        raise ValueError(f"they inflate to more than the {most} bytes needed" if full else "the deflated data are cut")
    out.seek(0)
    return out


def _meta_end(raw: bytes) -> int:
    """Where the file meta information ends: group 2, explicit VR, little endian."""
    at = 132 if raw[128:132] == b"DICM" else 0
    while raw[at : at + 2] == b"\x02\x00":
        long = raw[at + 4 : at + 6] in (b"OB", b"OW", b"UN", b"UT", b"SQ")
        at += 12 + int.from_bytes(raw[at + 8 : at + 12], "little") if long else 8 + int.from_bytes(raw[at + 6 : at + 8], "little")
    return at


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
        return np.asarray(apply_color_lut(indices, _header(file, spec)))


def palette_dtype(file: File, spec: PixelSpec) -> np.dtype[Any]:
    """The dtype of the entries of a file's palette."""
    return palette(file, spec, np.zeros((1, 1), np.uint8)).dtype
