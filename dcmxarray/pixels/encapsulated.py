"""Encapsulated (compressed) frames: fragments found once a file, decoded one frame at a time (PS3.5 annex A.4).

Codecs are `rle` here, imagecodecs where it is installed (it releases the GIL), else what pydicom finds (pylibjpeg's plugins).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import files
from ..errors import PixelError
from ..model import PixelSpec
from . import rle
from .native import clear_unused
from .rescale import stored_dtype

Array = npt.NDArray[Any]

_ITEM = 0xE000FFFE
_SHORT = 1 << 20

JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}
JPEG_LS = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}
JPEG_2000 = {f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 92, 93, 201, 202, 203)}
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"


def _read(path: str, offset: int, length: int) -> Any:
    buffer = np.empty(length, np.uint8)
    return buffer[: files.read_some(path, offset, buffer)]


def _u32(data: Any, at: int) -> int:
    return int.from_bytes(bytes(data[at : at + 4]), "little")


def frame_bytes(path: str, offset: int, length: int, frame: int, frames: int) -> bytes:
    """The compressed bytes of one frame.

    Raises
    ------
    PixelError
        The fragments are damaged, or nothing tells which belong to which frame.
    """
    if frames == 1 and length <= _SHORT:
        data = _read(path, offset, length)
        spans = [(a, n) for a, n in _items_of(data)][1:]
        return b"".join(bytes(data[a : a + n]) for a, n in spans)
    return b"".join(bytes(_read(path, a, n)) for a, n in fragments(path, offset, length, frames)[frame])


def _items_of(data: Any) -> list[tuple[int, int]]:
    """(offset, length) of every item's value in a buffer."""
    found, at = [], 0
    while at + 8 <= len(data) and _u32(data, at) == _ITEM:
        length = _u32(data, at + 4)
        found.append((at + 8, length))
        at += 8 + length
    return found


@lru_cache(maxsize=256)
def fragments(path: str, offset: int, length: int, frames: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """For every frame, (offset in the file, length) of its fragments: by the offset table, by count, or by end markers."""
    items = _walk_items(path, offset, length)
    if not items:
        raise PixelError(f"{path}: encapsulated pixel data hold no fragment; leave the file out of the table")
    table, *parts = items
    if frames == 1:
        return (tuple(parts),)
    if len(parts) == frames:
        return tuple((part,) for part in parts)
    starts = _offset_table(path, table, parts)
    if len(starts) != frames:
        starts = _by_markers(path, parts)
    if len(starts) != frames:
        raise PixelError(f"{path}: {len(parts)} fragments can't be told apart into {frames} frames; the offset table is missing")
    ends = [*starts[1:], len(parts)]
    return tuple(tuple(parts[a:b]) for a, b in zip(starts, ends, strict=True))


def _walk_items(path: str, offset: int, length: int) -> list[tuple[int, int]]:
    """Hop from item to item of the file."""
    found, at, end = [], offset, offset + length
    window, base = _read(path, at, min(_SHORT, length)), at
    while at + 8 <= end:
        if at - base + 8 > len(window):
            window, base = _read(path, at, min(4096, end - at)), at
            if len(window) < 8:
                break
        if _u32(window, at - base) != _ITEM:
            break
        size = _u32(window, at - base + 4)
        found.append((at + 8, min(size, end - at - 8)))
        at += 8 + size
    return found


def _offset_table(path: str, table: tuple[int, int], parts: list[tuple[int, int]]) -> list[int]:
    """The first fragment of each frame, by the basic offset table; [] where it is empty."""
    offsets = _read(path, *table)[: table[1] // 4 * 4].view("<u4").astype(np.int64)
    places = {at - 8 - (parts[0][0] - 8): k for k, (at, _) in enumerate(parts)}
    return [places[int(o)] for o in offsets] if all(int(o) in places for o in offsets) else []


def _by_markers(path: str, parts: list[tuple[int, int]]) -> list[int]:
    """The first fragment of each frame: the one behind an end-of-image marker (JPEG, JPEG-LS and JPEG 2000: FF D9)."""
    ends = [bytes(_read(path, at + max(0, n - 16), min(n, 16))).rstrip(b"\0").endswith(b"\xff\xd9") for at, n in parts]
    return [0] + [k + 1 for k, ended in enumerate(ends[:-1]) if ended]


def decode(data: bytes, spec: PixelSpec, where: str) -> Array:
    """Stored values of one frame: (rows, columns) or (rows, columns, samples), in `stored_dtype`; YBR becomes RGB.

    Raises
    ------
    PixelError
        No installed codec reads the transfer syntax, or the data are damaged.
    """
    if spec.syntax == DEFLATED_FRAMES:
        return _inflated(data, spec)
    fast = _fast(data, spec)
    array = fast if fast is not None else _by_pydicom(data, spec, where)
    if array.shape[:2] != (spec.rows, spec.columns):
        raise PixelError(f"{where}: the compressed image is {array.shape[:2]}, the header says ({spec.rows}, {spec.columns})")
    return array


def _inflated(data: bytes, spec: PixelSpec) -> Array:
    """Deflated image frame compression (PS3.5 A.4.13)."""
    import zlib

    raw = np.frombuffer(zlib.decompress(data, -15), np.uint8)
    if spec.bits_allocated == 1:
        return np.unpackbits(raw, bitorder="little")[: spec.rows * spec.columns].reshape(spec.rows, spec.columns)
    return raw.view(stored_dtype(spec))[: spec.rows * spec.columns].reshape(spec.rows, spec.columns)


def _fast(data: bytes, spec: PixelSpec) -> Array | None:
    """Grey images without the interpreter's lock: RLE here, others by imagecodecs; ``None`` where neither can."""
    if spec.samples != 1 or spec.bits_allocated not in (8, 16):
        return None
    if spec.syntax == rle.SYNTAX:
        values = rle.decode(data, spec.rows * spec.columns, stored_dtype(spec))
        if values is None:
            return None
        clear_unused(spec, values)
        return values.reshape(spec.rows, spec.columns)
    try:
        import imagecodecs
    except ImportError:
        return None
    try:
        array = _by_imagecodecs(imagecodecs, data, spec.syntax)
    except (RuntimeError, ValueError, imagecodecs.DelayedImportError):
        return None
    if array is None or array.ndim != 2:
        return None
    return _as_stored(array, spec)


def _by_imagecodecs(imagecodecs: Any, data: bytes, syntax: str) -> Array | None:
    if syntax in JPEG_LS:
        return np.asarray(imagecodecs.jpegls_decode(data))
    if syntax in JPEG_2000:
        return np.asarray(imagecodecs.jpeg2k_decode(data))
    if syntax in JPEG:
        return np.asarray(imagecodecs.jpeg_decode(data))
    return None


def _as_stored(array: Array, spec: PixelSpec) -> Array:
    """A codec's array in the header's dtype: a codestream knows its precision, the header knows the sign."""
    dtype = stored_dtype(spec)
    out = array.astype(dtype, copy=not array.flags.writeable or array.dtype != dtype)
    if spec.signed and array.dtype.kind == "u":
        clear_unused(spec, out)
    return out


def _by_pydicom(data: bytes, spec: PixelSpec, where: str) -> Array:
    from pydicom.encaps import encapsulate
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    options = {
        "rows": spec.rows,
        "columns": spec.columns,
        "samples_per_pixel": spec.samples,
        "bits_allocated": spec.bits_allocated,
        "bits_stored": spec.bits_stored,
        "pixel_representation": int(spec.signed),
        "photometric_interpretation": spec.photometric,
        "planar_configuration": spec.planar,
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
        "transfer_syntax_uid": UID(spec.syntax),
    }
    try:
        decoder = get_decoder(UID(spec.syntax))
        array, _ = decoder.as_array(encapsulate([data]), index=0, **options)  # type: ignore[arg-type]
    except Exception as error:
        raise PixelError(_failure(spec, where, error)) from error
    return np.asarray(array)


def _failure(spec: PixelSpec, where: str, error: Exception) -> str:
    from pydicom.uid import UID

    name = UID(spec.syntax).name
    if isinstance(error, NotImplementedError) or "missing" in str(error).lower():
        return f"{where}: no installed codec reads {name}; install one with: pip install 'dcmxarray[fast]'"
    return f"{where}: {name} data can't be decoded: {str(error).splitlines()[-1][:200]}"
