"""The few files that the compiled walk marks (big endian, deflated, mended or damaged ones), read by pydicom.

They give the same raw values, in little endian, so that one set of converters serves all.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.uid import ExplicitVRLittleEndian

from .. import files

if TYPE_CHECKING:
    from .wanted import Element, Wanted

_WIDTHS = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "UV": 8, "SV": 8}
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_NO_PIXELS = (0, -1, -1)


@dataclass(frozen=True)
class Odd:
    """Raw values and VRs by the place of their element, and (pixel element, offset, length), the offset -1 where deflated."""

    values: dict[int, tuple[bytes, str]]
    pixels: tuple[int, int, int]


def read(path: str, wanted: Wanted) -> Odd | None:
    """What pydicom finds of the wanted elements, or ``None`` where it can't read the file either."""
    try:
        with warnings.catch_warnings(), files.open_file(path) as handle:
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(handle, stop_before_pixels=True, force=True)
            pixels = _pixels(handle, data)
            if pixels is _NO_PIXELS and _is_deflated(data):
                pixels = _deflated_pixels(path)
            return Odd(_values(data, wanted), pixels)
    except Exception:  # noqa: BLE001 - pydicom raises many kinds on damaged bytes; the caller lists the file
        return None


def _syntax(data: Any) -> str:
    return str(getattr(getattr(data, "file_meta", None), "TransferSyntaxUID", ""))


def _is_deflated(data: Any) -> bool:
    return _syntax(data) == "1.2.840.10008.1.2.1.99"


def _deflated_pixels(path: str) -> tuple[int, int, int]:
    """Whether a deflated data set holds pixels; they have no place in the file."""
    with files.open_file(path) as handle:
        data = pydicom.dcmread(handle, force=True)
    found = [tag for tag in _PIXELS if tag in data]
    return (found[0] & 0xFFFF, -1, -1) if found else _NO_PIXELS


def _pixels(handle: Any, data: Any) -> tuple[int, int, int]:
    """The pixel data element at which pydicom stopped."""
    if _is_deflated(data):
        return _NO_PIXELS
    place = handle.tell()
    head = handle.read(12)
    little = bool(data.original_encoding[1])
    implicit = bool(data.original_encoding[0])
    order: Literal["little", "big"] = "little" if little else "big"
    if len(head) < 12:
        return _NO_PIXELS
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    if tag not in _PIXELS:
        return _NO_PIXELS
    width = 8 if implicit else 12
    length = int.from_bytes(head[4:8] if implicit else head[8:12], order)
    return tag & 0xFFFF, place + width, -1 if length == 0xFFFFFFFF else length


def recoded(path: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]] | None:
    """The header of a big endian or deflated file as explicit VR little endian, for the walk of its functional groups."""
    out = io.BytesIO()
    try:
        with warnings.catch_warnings(), files.open_file(path) as handle:
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(handle, stop_before_pixels=True, force=True)
            data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            pydicom.dcmwrite(out, data, implicit_vr=False, little_endian=True, force_encoding=True)
    except Exception:  # noqa: BLE001 - pydicom raises many kinds on damaged bytes
        return None
    return np.frombuffer(out.getvalue(), np.uint8)


def real_world_value(path: str) -> tuple[float, float]:
    """Slope and intercept of a classic file's RealWorldValueMappingSequence (PS3.3 C.7.6.16.2.11), NaN where there is none."""
    with warnings.catch_warnings(), files.open_file(path) as handle:
        warnings.simplefilter("ignore")
        data = pydicom.dcmread(handle, stop_before_pixels=True, force=True)
    mapping = (data.get("RealWorldValueMappingSequence") or [{}])[0]
    values = [mapping.get(f"RealWorldValue{part}") for part in ("Slope", "Intercept")]
    return tuple(np.nan if v is None else float(v) for v in values)  # type: ignore[return-value]


def _values(data: Any, wanted: Wanted) -> dict[int, tuple[bytes, str]]:
    found = {}
    blocks = _blocks(data)
    for j, element in enumerate(wanted.elements):
        tag = _tag(blocks, element)
        source = data.file_meta if tag is not None and tag >> 16 == 2 else data
        raw = source.get_item(tag) if tag is not None else None
        value = _bytes(raw, element) if raw is not None else None
        if value is not None:
            found[j] = value, getattr(raw, "VR", None) or ""
    return found


def _blocks(data: Any) -> dict[tuple[int, str], int]:
    """(group, creator) -> block, for every private block of the data set."""
    tags = [int(t) for t in data.keys() if int(t) >> 16 & 1 and 0x10 <= int(t) & 0xFFFF <= 0xFF]  # noqa: SIM118
    return {(t >> 16, str(data[t].value).strip()): t & 0xFF for t in tags}


def _tag(blocks: dict[tuple[int, str], int], element: Element) -> int | None:
    if not element.creator:
        return element.tag
    block = blocks.get((element.tag >> 16, element.creator))
    return None if block is None else (element.tag & 0xFFFF0000) | block << 8 | (element.tag & 0xFF)


def _text(element: Any) -> bytes | None:
    """An element that pydicom has converted already, as text again."""
    if element.value is None:
        return None
    values = element.value if element.VM > 1 else [element.value]
    return "\\".join(map(str, values)).encode("utf-8")


def _bytes(raw: Any, element: Element) -> bytes | None:
    """A raw value in little endian; numbers of a binary VR keep the width of that VR."""
    if not isinstance(raw, RawDataElement):
        return _text(raw) if raw.VR not in ("SQ", *_WIDTHS) else None
    if raw.value is None:
        return None
    width = _WIDTHS.get(raw.VR or element.vr, 1)
    if raw.is_little_endian or width == 1 or len(raw.value) % width:
        return bytes(raw.value)
    return np.frombuffer(raw.value, np.uint8).reshape(-1, width)[:, ::-1].tobytes()
