"""Siemens: b-values, directions and the CSA header.  Opens no file.

Sources: Siemens MR DICOM conformance statements (group 0019, "SIEMENS MR HEADER", from VB13 on); the CSA header's layout as
documented by nibabel (nipy.org/nibabel/dicom/siemens_csa.html).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .base import Columns, Floats, Private, Tiles, square, tile_count, vector

_HEADER = "SIEMENS MR HEADER"
PRIVATE = (
    Private(("_siemens_b",), 0x0019, _HEADER, 0x0C, "IS", "siemens"),
    Private(("_siemens_gradient_x", "_siemens_gradient_y", "_siemens_gradient_z"), 0x0019, _HEADER, 0x0E, "FD", "siemens"),
    Private(("_siemens_tiles",), 0x0019, _HEADER, 0x0A, "US", "siemens"),
    Private(("_siemens_slice_times",), 0x0019, _HEADER, 0x29, "FD", "siemens", dtype="str"),
    Private(("_csa",), 0x0029, "SIEMENS CSA HEADER", 0x10, "OB", "siemens", dtype="bytes", large=True),
    Private(("_protocol",), 0x0029, "SIEMENS CSA HEADER", 0x20, "OB", "siemens", dtype="bytes", large=True),
)

LARGE = ("_csa", "_protocol")  # columns of elements that are read only for the files that need them

_TAG = struct.Struct("<64s4s4siii")
_MOST = 1000  # tags, items or slices; more than any header has


def b_value(columns: Columns) -> Floats:
    """(0019,100C), s/mm2."""
    return columns["_siemens_b"]


def gradient(columns: Columns) -> Floats:
    """(0019,100E), patient LPS: (rows, 3)."""
    return vector(columns, "_siemens_gradient_x", "_siemens_gradient_y", "_siemens_gradient_z")


def csa_b_value(columns: Columns) -> Floats:
    """``B_value`` of the CSA image header, s/mm2; NaN where the header was not read."""
    return np.array([_number(tags, "B_value") for tags in columns["_csa"]], float)


def csa_gradient(columns: Columns) -> Floats:
    """``DiffusionGradientDirection`` of the CSA image header, patient LPS: (rows, 3)."""
    return np.array([numbers(tags, "DiffusionGradientDirection", 3) for tags in columns["_csa"]], float).reshape(-1, 3)


def needs_large(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows need their CSA header: mosaics, and diffusion images without the elements of group 0019."""
    kinds = [str(t or "").split("\\") for t in columns["ImageType"]]
    bare = np.isnan(columns["_siemens_b"])
    wanting = [("MOSAIC" in k) or ("DIFFUSION" in k and b) for k, b in zip(kinds, bare, strict=True)]
    return np.array(wanting, bool)


def read_large(read: Callable[[str], bytes]) -> dict[str, Any]:
    """The parsed CSA header of one file, or its protocol if it has no CSA header.

    Parameters
    ----------
    read
        Takes the column of a large element and returns its bytes.

    Returns
    -------
    Values of the columns in `LARGE`.
    """
    tags = parse_csa(read("_csa")) or None
    return {"_csa": tags, "_protocol": None if tags else read("_protocol") or None}


def parse_csa(data: bytes) -> dict[str, list[str]]:
    """Parse a CSA header, in either form: with or without the prefix "SV10".

    Returns
    -------
    The texts of each tag's values, by its name; {} if the bytes are not a CSA header.
    """
    start = 8 if data[:4] == b"SV10" else 0
    if len(data) < start + 8:
        return {}
    count, check = struct.unpack_from("<ii", data, start)
    if not (0 < count <= _MOST and check == 77):
        return {}
    tags: dict[str, list[str]] = {}
    place, first = start + 8, 0
    for n in range(count):
        if place + _TAG.size > len(data):
            break
        name, _, _, _, items, _ = _TAG.unpack_from(data, place)
        place += _TAG.size
        if not 0 <= items <= _MOST:
            break
        first = items if n == 0 else first
        values, place = _items(data, place, items, None if start else first)
        tags[name.split(b"\0")[0].decode("ascii", "replace")] = values
    return tags


def _items(data: bytes, place: int, items: int, shift: int | None) -> tuple[list[str], int]:
    """The non-empty values of one tag, and the offset of the next tag.

    ``shift`` is subtracted from the lengths in the older form; it is ``None`` in the newer one.
    """
    values = []
    for _ in range(items):
        if place + 16 > len(data):
            break
        first, second = struct.unpack_from("<2i", data, place)
        place += 16
        length = second if shift is None else first - shift
        if length < 0 or place + length > len(data):
            length = 0
        text = data[place : place + length].split(b"\0")[0].decode("latin-1").strip()
        if text:
            values.append(text)
        place += (length + 3) // 4 * 4
    return values, place


def numbers(tags: dict[str, list[str]] | None, name: str, count: int) -> list[float]:
    """The first ``count`` numbers of a CSA tag; all NaN if it has fewer or one is not finite."""
    values = _floats((tags or {}).get(name, []))[:count]
    return values if len(values) == count and np.isfinite(values).all() else [np.nan] * count


def _floats(texts: Sequence[str]) -> list[float]:
    """Texts as numbers; [] if one is not a number."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return []


def _number(tags: dict[str, list[str]] | None, name: str) -> float:
    """The first number of a CSA tag, else NaN."""
    return numbers(tags, name, 1)[0]


def hints(columns: Columns) -> npt.NDArray[np.bool_]:
    """Rows that may be mosaics: their CSA header or protocol was read, or (0019,100A) says that they have several tiles."""
    told = np.array([a is not None or b is not None for a, b in zip(columns["_csa"], columns["_protocol"], strict=True)], bool)
    return told | np.asarray(columns["_siemens_tiles"] > 1)


def tiles(row: Mapping[str, Any]) -> Tiles | None:
    """The tiles of a mosaic (ImageType MOSAIC): ``NumberOfImagesInMosaic`` slices along ``SliceNormalVector``.

    ImagePositionPatient is the corner that the whole mosaic would have if it were centred on the first slice.  So the first
    slice's corner is further inside, by half the mosaic's extent less half a tile's.

    Returns
    -------
    ``None`` if the image is not a mosaic, or nothing says how many tiles it has.

    Raises
    ------
    HeaderError
        The number of tiles is invalid.
    """
    if "MOSAIC" not in str(row["ImageType"]).split("\\"):
        return None
    centres = protocol_centres(row["_protocol"])
    said = _said_count(row, centres)
    if not said:
        return None
    count = tile_count(said)
    side = square(count)
    return Tiles(count, side, side, _positions(row, count, centres), _slice_times(row, count))


def _said_count(row: Mapping[str, Any], centres: Floats) -> float:
    """The number of tiles by the CSA header, else by (0019,100A), else by the protocol; 0 if none says, NaN if invalid."""
    texts = (row["_csa"] or {}).get("NumberOfImagesInMosaic", [])[:1]
    if texts:
        return next(iter(_floats(texts)), np.nan)
    return len(centres) if np.isnan(row["_siemens_tiles"]) else float(row["_siemens_tiles"])


def protocol_centres(data: bytes | None) -> Floats:
    """Centres of the slices, (n, 3), mm, patient LPS: sSliceArray.asSlice[i].sPosition of the protocol in (0029,xx20).

    It is needed for files from which (0029,xx10) was removed.  The protocol omits coordinates that are 0.  Without usable
    centres n is 0.
    """
    size = re.search(rb"sSliceArray\.lSize\s*=\s*(\d{1,9})", data or b"")
    centres = np.zeros((min(int(size[1]), _MOST) if size else 0, 3))
    for i, axis, value in re.findall(
        rb"sSliceArray\.asSlice\[(\d{1,9})\]\.sPosition\.d(Sag|Cor|Tra)\s*=\s*([-+.\deE]+)", data or b""
    ):
        if int(i) < len(centres):
            number = _floats([value.decode("ascii")])
            centres[int(i), (b"Sag", b"Cor", b"Tra").index(axis)] = number[0] if number else np.nan
    return centres if np.isfinite(centres).all() else np.zeros((0, 3))


def _positions(row: Mapping[str, Any], count: int, centres: Floats) -> Floats | None:
    """Positions of the slices, (count, 3), mm, patient LPS; ``None`` if they can't be computed."""
    corner = np.array([row["position_x"], row["position_y"], row["position_z"]], float)
    along_row = np.array([row["row_x"], row["row_y"], row["row_z"]], float) * row["spacing_col"]
    along_column = np.array([row["column_x"], row["column_y"], row["column_z"]], float) * row["spacing_row"]
    inset = (1 - 1 / square(count)) / 2
    first = corner + along_row * row["Columns"] * inset + along_column * row["Rows"] * inset
    normal = np.array(numbers(row["_csa"], "SliceNormalVector", 3))
    if len(centres) == count and np.isnan(normal).any():
        half = (along_row * row["Columns"] + along_column * row["Rows"]) / (2 * square(count))
        return _by_centres(first, first + half, centres)
    if np.isnan(normal).any():
        normal = np.cross(along_row, along_column) / (row["spacing_col"] * row["spacing_row"])
    step = row["SpacingBetweenSlices"] if row["SpacingBetweenSlices"] > 0 else row["SliceThickness"]
    positions = first + np.arange(count)[:, None] * step * normal
    return positions if np.isfinite(positions).all() else None


def _by_centres(first: Floats, centre: Floats, centres: Floats) -> Floats | None:
    """Positions of the slices by their centres, in the order whose first centre is that of the first tile (within 1 mm)."""
    for order in (centres, centres[::-1]):
        if np.linalg.norm(order[0] - centre) < 1:
            return first + order - order[0]
    return None


def _slice_times(row: Mapping[str, Any], count: int) -> Floats | None:
    """Times of the slices in s since the first one: (0019,1029), else ``MosaicRefAcqTimes`` of the CSA header (both in ms)."""
    text = row["_siemens_slice_times"]
    said = _floats(str(text).split("\\")) if text else numbers(row["_csa"], "MosaicRefAcqTimes", count)
    times = np.array(said, float)
    return (times - times.min()) / 1000 if times.size == count and np.isfinite(times).all() else None
