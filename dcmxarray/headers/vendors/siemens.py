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

LARGE = ("_csa", "_protocol")  # columns of elements that are read for the rows that need them

_TAG = struct.Struct("<64s4s4siii")
_MOST = 1000  # tags or items; more than any header has


def b_value(columns: Columns) -> Floats:
    """(0019,100C), s/mm2."""
    return columns["_siemens_b"]


def gradient(columns: Columns) -> Floats:
    """(0019,100E), patient LPS."""
    return vector(columns, "_siemens_gradient_x", "_siemens_gradient_y", "_siemens_gradient_z")


def csa_b_value(columns: Columns) -> Floats:
    """``B_value`` of the CSA image header, where it was read."""
    return np.array([_number(tags, "B_value") for tags in columns["_csa"]], float)


def csa_gradient(columns: Columns) -> Floats:
    """``DiffusionGradientDirection`` of the CSA image header, patient LPS."""
    return np.array([numbers(tags, "DiffusionGradientDirection", 3) for tags in columns["_csa"]], float).reshape(-1, 3)


def needs_large(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """The rows whose CSA header must be read: mosaics, and diffusion images without the newer elements."""
    kinds = [str(t or "").split("\\") for t in columns["ImageType"]]
    bare = np.isnan(columns["_siemens_b"])
    wanting = [("MOSAIC" in k) or ("DIFFUSION" in k and b) for k, b in zip(kinds, bare, strict=True)]
    return np.array(wanting, bool)


def read_large(read: Callable[[str], bytes]) -> dict[str, Any]:
    """The parsed CSA header of one file, else its protocol; ``read`` gives the bytes of a large element by its column."""
    tags = parse_csa(read("_csa")) or None
    return {"_csa": tags, "_protocol": None if tags else read("_protocol") or None}


def parse_csa(data: bytes) -> dict[str, list[str]]:
    """The CSA header as name -> values (text); {} where the bytes are none.  Both forms, with and without "SV10"."""
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
    """The non-empty values of one tag, and where the next tag begins; ``shift`` is the older form's length offset."""
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
    """``count`` numbers of a CSA tag, NaN where it has fewer."""
    values = _floats((tags or {}).get(name, []))[:count]
    return values if len(values) == count and np.isfinite(values).all() else [np.nan] * count


def _floats(texts: Sequence[str]) -> list[float]:
    """Texts as numbers, none where one is no number."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return []


def _number(tags: dict[str, list[str]] | None, name: str) -> float:
    return numbers(tags, name, 1)[0]


def hints(columns: Columns) -> npt.NDArray[np.bool_]:
    """Rows whose CSA header was read, or that say how many tiles they hold."""
    told = np.array([a is not None or b is not None for a, b in zip(columns["_csa"], columns["_protocol"], strict=True)], bool)
    return told | np.asarray(columns["_siemens_tiles"] > 1)


def tiles(row: Mapping[str, Any]) -> Tiles | None:
    """The slices of a mosaic (ImageType MOSAIC): ``NumberOfImagesInMosaic`` of them, along ``SliceNormalVector``.

    ImagePositionPatient is that of the sheet, as if it were one image around the centre of the first slice: its corner is
    half a sheet less half a tile further in.
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
    """How many tiles the first place that says so says, as it says it; 0 where none does."""
    texts = (row["_csa"] or {}).get("NumberOfImagesInMosaic", [])[:1]
    if texts:
        return next(iter(_floats(texts)), np.nan)
    return len(centres) if np.isnan(row["_siemens_tiles"]) else float(row["_siemens_tiles"])


def protocol_centres(data: bytes | None) -> Floats:
    """Centres of the slices, (n, 3) patient LPS, by the protocol in (0029,xx20): sSliceArray.asSlice[i].sPosition.

    It is what remains where (0029,xx10) was stripped; a coordinate that is 0 is left out of the protocol.
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
    """Corners of the tiles from the centres of the slices; whichever end the first tile lies at is the first."""
    for order in (centres, centres[::-1]):
        if np.linalg.norm(order[0] - centre) < 1:
            return first + order - order[0]
    return None


def _slice_times(row: Mapping[str, Any], count: int) -> Floats | None:
    """(0019,1029) or the CSA header's ``MosaicRefAcqTimes``: ms, here s since the first slice."""
    text = row["_siemens_slice_times"]
    said = _floats(str(text).split("\\")) if text else numbers(row["_csa"], "MosaicRefAcqTimes", count)
    times = np.array(said, float)
    return (times - times.min()) / 1000 if times.size == count and np.isfinite(times).all() else None
