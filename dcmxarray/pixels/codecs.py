"""Decodes one compressed frame: RLE and deflate by itself, others by imagecodecs if installed, else by pydicom's safe plugins.

It never uses a plugin that can crash the interpreter on damaged data (gdcm, pylibjpeg-libjpeg).
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import PixelError
from ..model import PixelSpec
from . import codestream, colour, native, rle
from .reading import WAY_OUT, guarded
from .rescale import stored_dtype

Array = npt.NDArray[Any]

JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}
JPEG_LS = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}
HTJ2K = {"1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"}
JPEG_2000 = {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.4.93"}
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"

_SAFE = [(JPEG, ("pillow",)), (JPEG_LS, ("pyjpegls",)), (JPEG_2000 | HTJ2K, ("pylibjpeg", "pillow"))]


def decode(data: bytes, spec: PixelSpec, where: str) -> Array:
    """Decode one frame.

    Parameters
    ----------
    data
        The frame's compressed bytes.
    spec
        The pixel layout that the header gives.
    where
        File and frame number, for error messages.

    Returns
    -------
    numpy.ndarray
        Stored values in `stored_dtype`, (rows, columns) or (rows, columns, samples); YBR is converted to RGB.

    Raises
    ------
    PixelError
        No installed codec reads the transfer syntax, the data are damaged, or their size is not the header's.
    """
    with guarded(f"{where}: {_name(spec)} data can't be decoded"):
        ybr = colour.is_ybr(spec)
        if spec.syntax in (rle.SYNTAX, DEFLATED_FRAMES):
            array = _unpacked(data, spec)
        else:
            array, ybr = _decoded(data, spec, where, ybr)
        if array.shape != native.shape(spec):
            raise ValueError(f"the image is {array.shape}, the header says {native.shape(spec)}")
        return colour.to_rgb(array) if ybr else array


def _name(spec: PixelSpec) -> str:
    """The transfer syntax in words."""
    from pydicom.uid import UID

    return str(UID(spec.syntax).name)


def _unpacked(data: bytes, spec: PixelSpec) -> Array:
    """The image of an RLE or deflated frame; both unpack to the bytes of a native frame."""
    size = -(-spec.rows * spec.columns * spec.samples * spec.bits_allocated // 8)
    if spec.syntax == rle.SYNTAX:
        return native.image(rle.decode(data, spec, size), replace(spec, planar=0))
    raw = zlib.decompressobj(-15).decompress(data, size)  # PS3.5 A.4.13; at most the frame's size
    if len(raw) < size:
        raise ValueError(f"{len(raw)} bytes, where {size} are needed")
    return native.image(np.frombuffer(bytearray(raw), np.uint8), spec)


def _decoded(data: bytes, spec: PixelSpec, where: str, ybr: bool) -> tuple[Array, bool]:
    """Decode a codestream: its image, and whether the colours are still YCbCr."""
    stream = codestream.checked(data, spec, where)
    ybr = stream.ybr if spec.samples > 1 and stream.ybr is not None else ybr
    array = _by_imagecodecs(data, spec.syntax, ybr)
    if array is None:
        return _by_pydicom(data, spec, where), False
    if array.shape != native.shape(spec) and array.shape == (spec.samples, spec.rows, spec.columns):
        array = np.ascontiguousarray(np.moveaxis(array, 0, -1))
    return _as_stored(array, spec, stream), ybr


def _by_imagecodecs(data: bytes, syntax: str, ybr: bool) -> Array | None:
    """Decode by imagecodecs, which releases the interpreter's lock; ``None`` if it or its codec is not installed."""
    try:
        import imagecodecs
    except ImportError:
        return None
    try:
        if syntax in JPEG:
            return np.asarray(_by_jpeg(data, ybr))
        if syntax in JPEG_LS:
            return np.asarray(imagecodecs.jpegls_decode(data))
        if syntax in HTJ2K and getattr(getattr(imagecodecs, "HTJ2K", None), "available", False):
            return np.asarray(imagecodecs.htj2k_decode(data))
        if syntax in JPEG_2000 | HTJ2K:
            return np.asarray(imagecodecs.jpeg2k_decode(data))
    except imagecodecs.DelayedImportError:
        return None
    return None


def _by_jpeg(data: bytes, ybr: bool) -> Any:
    """Decode JPEG by imagecodecs without converting colours."""
    import imagecodecs

    if codestream.jpeg(data).samples == 1:
        return imagecodecs.jpeg_decode(data)
    space = "YCBCR" if ybr else "RGB"  # the same in and out, so that nothing is converted
    return imagecodecs.jpeg_decode(data, colorspace=space, outcolorspace=space)


def _as_stored(array: Array, spec: PixelSpec, stream: codestream.Image) -> Array:
    """Convert a codec's array to the header's dtype: the codestream gives the precision, the header the sign."""
    dtype = stored_dtype(spec)
    out = array.astype(dtype, copy=not array.flags.writeable or array.dtype != dtype)
    if spec.signed and array.dtype.kind == "u":
        native.clear_unused(spec, out)
    elif not spec.signed and array.dtype.kind == "i":
        above = dtype.itemsize * 8 - stream.precision
        np.right_shift(np.left_shift(out, above, out=out), above, out=out)
    return out


def _by_pydicom(data: bytes, spec: PixelSpec, where: str) -> Array:
    """Decode by the first safe plugin of pydicom that is installed and can."""
    from pydicom.encaps import encapsulate
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    safe = next((names for syntaxes, names in _SAFE if spec.syntax in syntaxes), ())
    if not safe:
        raise PixelError(f"{where}: {_name(spec)} can't be read. {WAY_OUT}")
    decoder = get_decoder(UID(spec.syntax))
    plugin = next((name for name in safe if name in decoder.available_plugins and _fits(name, spec)), None)
    if plugin is None:
        raise PixelError(f"{where}: no installed codec reads {_name(spec)}; install one with: pip install 'dcmxarray[fast]'")
    array, _ = decoder.as_array(encapsulate([data]), index=0, decoding_plugin=plugin, **native.options(spec))
    return np.asarray(array)


def _fits(plugin: str, spec: PixelSpec) -> bool:
    """Whether a plugin reads such an image; pillow reads JPEG of 8 bits only."""
    return plugin != "pillow" or spec.syntax not in JPEG or (spec.bits_stored == 8 and spec.syntax.endswith(("50", "51")))
