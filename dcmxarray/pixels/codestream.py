"""The headers of compressed images, read before decoding: size, precision, colours, and whether the end is there.

JPEG (T.81 B.2), JPEG-LS (T.87 C.2), JPEG 2000 and HTJ2K (T.800 A.5, I.5).  It decodes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import PixelError
from ..model import PixelSpec
from .reading import WAY_OUT

_END = b"\xff\xd9"  # end of image, end of codestream
_J2K = b"\xff\x4f\xff\x51"
_JP2 = b"\x00\x00\x00\x0cjP  "
_NO_SIZE = (0xC4, 0xC8, 0xCC)
_RGB = (b"RGB", b"rgb")


class Image(NamedTuple):
    """What a codestream's header says of its image.

    Attributes
    ----------
    rows, columns, samples
        Its size, and the number of components.
    precision
        Bits per value.
    signed
        Whether values are signed; ``None`` for JPEG and JPEG-LS, which do not say.
    ybr
        Whether colours are YCbCr; ``None`` where the header does not say.
    """

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool | None = None
    ybr: bool | None = None


def checked(data: bytes, spec: PixelSpec, where: str) -> Image:
    """Read a codestream's header and check it against the DICOM header.

    Raises
    ------
    PixelError
        The codestream is truncated or unreadable, or its size or precision contradicts the DICOM header.
    """
    try:
        image = jpeg_2000(data) if data[:4] == _J2K or data[:8] == _JP2 else jpeg(data)
    except (IndexError, ValueError) as error:
        raise PixelError(f"{where}: the compressed image has no readable header ({error}). {WAY_OUT}") from error
    if image[:3] != (spec.rows, spec.columns, spec.samples):
        raise PixelError(
            f"{where}: the compressed image is {image.rows} x {image.columns} with {image.samples} samples, "
            f"the header says {spec.rows} x {spec.columns} with {spec.samples}. {WAY_OUT}"
        )
    if image.precision > spec.bits_allocated:
        raise PixelError(f"{where}: values of {image.precision} bits, the header says {spec.bits_allocated}. {WAY_OUT}")
    return image


def _whole(data: bytes, behind: int) -> None:
    """Raise ValueError if the end marker is missing.  It can't occur within coded values; bytes behind it are padding."""
    if data.rfind(_END, behind) < 0:
        raise ValueError("its end is cut off")


def _u16(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def jpeg(data: bytes) -> Image:
    """Read the header of a JPEG or JPEG-LS image: its frame header, and the markers that tell its colours.

    Raises
    ------
    ValueError, IndexError
        The data are no such image, or are truncated.
    """
    if data[:2] != b"\xff\xd8":
        raise ValueError("no start of image")
    at, ybr = 2, None
    while True:
        if data[at] != 0xFF:
            raise ValueError(f"no marker at byte {at}")
        while data[at] == 0xFF:
            at += 1
        marker, size, body = data[at], _u16(data, at + 1), data[at + 3 : at + 20]
        if (0xC0 <= marker <= 0xCF and marker not in _NO_SIZE) or marker == 0xF7:
            break
        if marker == 0xE0 and body[:4] == b"JFIF":
            ybr = True
        if marker == 0xEE and body[:5] == b"Adobe" and size >= 14:
            ybr = body[11] > 0
        at += 1 + size
    samples = body[5]
    _whole(data, at + size)
    names = bytes(data[at + 9 + 3 * k] for k in range(samples))
    return Image(_u16(body, 1), _u16(body, 3), samples, body[0], None, False if names in _RGB else ybr)


def jpeg_2000(data: bytes) -> Image:
    """Read the header (SIZ segment) of a JPEG 2000 image, bare or in boxes.

    Raises
    ------
    ValueError, IndexError
        The data are no such image, or are truncated.
    """
    at = 0 if data[:4] == _J2K else _codestream(data)
    x, y, x0, y0 = (int.from_bytes(data[at + k : at + k + 4], "big") for k in (8, 12, 16, 20))
    samples = _u16(data, at + 40)
    depths = [data[at + 42 + 3 * k] for k in range(samples)]
    if not samples:
        raise ValueError("no components")
    _whole(data, at + 42 + 3 * samples)
    return Image(y - y0, x - x0, samples, max((d & 0x7F) + 1 for d in depths), depths[0] > 0x7F)


def _codestream(data: bytes) -> int:
    """Where the codestream begins within the boxes of a JP2 file."""
    at = 0
    while True:
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        head = 16 if size == 1 else 8
        size = int.from_bytes(data[at + 8 : at + 16], "big") if size == 1 else size
        if kind == b"jp2c":
            if data[at + head : at + head + 4] != _J2K:
                raise ValueError("no codestream in its box")
            return at + head
        if size < head or at + size >= len(data):
            raise ValueError("no codestream in its boxes")
        at += size
