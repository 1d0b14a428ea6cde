"""Reads by pydicom the few files that the compiled walk can't: big endian, deflated, malformed or damaged ones.

It returns the same raw values, in little endian, so that the same converters apply.
"""

from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import ExplicitVRLittleEndian

from ..errors import FATAL, HeaderError
from ..sources import files

if TYPE_CHECKING:
    from .element import Element
    from .elements import Wanted

_WIDTHS = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "UV": 8, "SV": 8}
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_NO_PIXELS = (0, -1, -1)
DEFLATED = "1.2.840.10008.1.2.1.99"
MOST_HEADER = 1 << 26  # bytes that a deflated header may inflate to
_STEP = 1 << 16
_LONGEST = 64  # characters of a label or a code's meaning (VR LO); every frame repeats them


@dataclass(frozen=True)
class Found:
    """What pydicom finds in a file.

    ``values`` maps the index of a wanted element to its raw value and VR.  ``pixels`` is (element number, offset, length) of
    the pixel data, with offset -1 if the file is deflated.  ``problem`` says what is wrong with the file, "" if nothing is.
    """

    values: dict[int, tuple[bytes, str]]
    pixels: tuple[int, int, int]
    problem: str = ""


def read(path: str, wanted: Wanted) -> Found:
    """Read the wanted elements of a file by pydicom.

    Raises
    ------
    Exception
        Of many types, if pydicom can't read the file either.
    """
    with _quietly(), files.open_file(path) as handle:
        data, stream = _header(handle)
        pixels = _pixels(stream, data)
        cut = pixels is _NO_PIXELS and (_is_cut(stream, data) or not getattr(stream, "ended", True))
        if _is_deflated(data):
            pixels = (pixels[0], -1, pixels[2])
        return Found(_values(data, wanted), pixels, "the file ends in the middle of an element" if cut else "")


@contextmanager
def _quietly() -> Iterator[None]:
    """Suppress pydicom's warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _header(handle: Any) -> tuple[Any, Any]:
    """The data set up to its pixel data, and the stream it was read from: the file, or the inflated data of a deflated one."""
    start = 132 if handle.read(132)[128:] == b"DICM" else 0
    handle.seek(start)
    meta = FileMetaDataset(read_dataset(handle, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2))
    if str(meta.get("TransferSyntaxUID", "")) != DEFLATED:
        handle.seek(0)
        return pydicom.dcmread(handle, stop_before_pixels=True, force=True), handle
    stream: Any = Inflated(handle)
    body = read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag in _PIXELS)
    return FileDataset("", body, b"\0" * 128, meta, is_implicit_VR=False, is_little_endian=True), stream


def _is_cut(stream: Any, data: Any) -> bool:
    """Whether the data end before the last element does: pydicom truncates or skips such an element without an error."""
    found = [data.get_item(tag) for tag in data.keys()]  # noqa: SIM118
    last = max((e for e in found if isinstance(e, RawDataElement)), key=lambda e: e.value_tell, default=None)
    nested = max((e.file_tell or 0 for e in found if not isinstance(e, RawDataElement)), default=0)
    if last is None:
        return not nested
    if last.length == 0xFFFFFFFF or nested > last.value_tell:
        return False
    stream.seek(last.value_tell + last.length - 1)
    return len(stream.read(2)) != 1


def _is_deflated(data: Any) -> bool:
    return str(getattr(getattr(data, "file_meta", None), "TransferSyntaxUID", "")) == DEFLATED


class Inflated(io.RawIOBase):
    """A stream that inflates a deflated data set as far as it is read.

    Reading raises HeaderError if it inflates to more than MOST_HEADER bytes.
    """

    def __init__(self, handle: Any) -> None:
        self.first = handle.tell()  # where the deflated data begin in the file
        self._handle, self._inflate = handle, zlib.decompressobj(-zlib.MAX_WBITS)
        self._done, self._at = bytearray(), 0

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes; all if it is negative."""
        end = self._at + size if size >= 0 else MOST_HEADER + 1
        self._fill(end)
        data = bytes(self._done[self._at : end])
        self._at += len(data)
        return data

    def _fill(self, end: int) -> None:
        """Inflate until ``end`` bytes are there, or the data end."""
        while len(self._done) < end and not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._handle.read(_STEP)
            if not data:
                return
            self._done += self._inflate.decompress(data, _STEP)
            if len(self._done) > MOST_HEADER:
                raise HeaderError(f"the header inflates to more than {MOST_HEADER >> 20} MiB")

    @property
    def ended(self) -> bool:
        """Whether the end of the deflated data was reached; in a truncated file it is missing."""
        return bool(self._inflate.eof)

    def tell(self) -> int:
        """The offset at which the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset from the beginning (``SEEK_SET``) or from the current one (``SEEK_CUR``)."""
        self._at = max(0, offset + (self._at if whence == io.SEEK_CUR else 0))
        return self._at


def _pixels(handle: Any, data: Any) -> tuple[int, int, int]:
    """(Element number, offset of the value, length or -1) of the pixel data element at which pydicom stopped."""
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


def inflated_pixels(handle: Any) -> tuple[int, int, int]:
    """Where in a deflated file the deflated data begin; where in the inflated data the pixels begin; their length, or -1."""
    with _quietly():
        data, stream = _header(handle)
        return stream.first, *_pixels(stream, data)[1:]


def header_of(handle: Any) -> Any:
    """The header of an open file, without its pixel data."""
    with _quietly():
        return _header(handle)[0]


def recoded(path: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]] | None:
    """The header of a big endian or deflated file in explicit VR little endian; ``None`` if pydicom can't read or write it."""
    out = io.BytesIO()
    try:
        with _quietly(), files.open_file(path) as handle:
            data = _header(handle)[0]
            data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            pydicom.dcmwrite(out, data, implicit_vr=False, little_endian=True, force_encoding=True)
    except FATAL:
        raise
    except BaseException:  # noqa: BLE001 - pydicom raises many kinds on damaged bytes
        return None
    return np.frombuffer(out.getbuffer(), np.uint8)  # writable, as all headers: for read-only ones all would compile again


def real_world_value(path: str) -> tuple[float, float, str | None]:
    """Slope, intercept and UCUM units of the only RealWorldValueMappingSequence item of a classic file (PS3.3 C.7.6.16.2.11).

    NaN and ``None`` for what is not there.
    """
    with _quietly(), files.open_file(path) as handle:
        data = _header(handle)[0]
    mappings = data.get("RealWorldValueMappingSequence") or []
    mapping = mappings[0] if len(mappings) == 1 else {}
    values = [mapping.get(f"RealWorldValue{part}") for part in ("Slope", "Intercept")]
    slope, intercept = (np.nan if v is None else float(v) for v in values)
    code = (mapping.get("MeasurementUnitsCodeSequence") or [{}])[0]
    is_ucum = code.get("CodingSchemeDesignator", "UCUM") == "UCUM"
    return slope, intercept, str(code.get("CodeValue") or "") or None if is_ucum else None


def segments(path: str) -> dict[int, tuple[str, ...]]:
    """The segments of a segmentation by number (PS3.3 C.8.20.4): the texts of `attributes.SEGMENT`, "" where one is missing.

    Raises
    ------
    Exception
        Of many types, if pydicom can't read the sequence.
    """
    with _quietly(), files.open_file(path) as handle:
        items = _header(handle)[0].get("SegmentSequence") or []
        return {int(item.SegmentNumber): _segment(item) for item in items if item.get("SegmentNumber") is not None}


def _segment(item: Any) -> tuple[str, ...]:
    """The texts of one segment."""
    category, kind = (
        (item.get(f"SegmentedProperty{part}CodeSequence") or [pydicom.Dataset()])[0] for part in ("Category", "Type")
    )
    values = (kind.get(name) for name in ("CodeValue", "LongCodeValue", "URNCodeValue"))
    code, scheme = next((str(v) for v in values if v), ""), str(kind.get("CodingSchemeDesignator") or "")
    texts = (
        item.get("SegmentLabel"),
        category.get("CodeMeaning"),
        kind.get("CodeMeaning"),
        f"{scheme}:{code}" if code and scheme else code,
        item.get("SegmentAlgorithmType"),
    )
    return tuple(str(text or "").strip()[:_LONGEST] for text in texts)


def _values(data: Any, wanted: Wanted) -> dict[int, tuple[bytes, str]]:
    """Raw value and VR of the wanted elements that the data set has, by their index; of sequences only that they are there."""
    found = {}
    blocks = _blocks(data)
    for j, element in enumerate(wanted.elements):
        tag = _tag(blocks, element)
        source = data.file_meta if tag is not None and tag >> 16 == 2 else data
        raw = source.get_item(tag) if tag is not None else None
        value = _bytes(raw, element) if raw is not None else None
        if raw is not None and element.vr == "SQ":
            found[j] = b"", "SQ"
        elif value is not None:
            found[j] = value, getattr(raw, "VR", None) or ""
    return found


def _blocks(data: Any) -> dict[tuple[int, str], int]:
    """(group, creator) -> block, for every private block of the data set."""
    tags = [int(t) for t in data.keys() if int(t) >> 16 & 1 and 0x10 <= int(t) & 0xFFFF <= 0xFF]  # noqa: SIM118
    return {(t >> 16, str(data[t].value).strip()): t & 0xFF for t in tags}


def _tag(blocks: dict[tuple[int, str], int], element: Element) -> int | None:
    """The tag of an element in this data set; ``None`` for a private one whose creator is absent."""
    if not element.creator:
        return element.tag
    block = blocks.get((element.tag >> 16, element.creator))
    return None if block is None else (element.tag & 0xFFFF0000) | block << 8 | (element.tag & 0xFF)


def _text(element: Any) -> bytes | None:
    """The text of an element that pydicom has already converted."""
    if element.value is None:
        return None
    values = element.value if element.VM > 1 else [element.value]
    return "\\".join(map(str, values)).encode("utf-8")


def _bytes(raw: Any, element: Element) -> bytes | None:
    """The raw value of an element, with binary numbers in little endian; ``None`` if it has no value."""
    if not isinstance(raw, RawDataElement):
        return _text(raw) if raw.VR not in ("SQ", *_WIDTHS) else None
    if raw.value is None:
        return None
    width = _WIDTHS.get(raw.VR or element.vr, 1)
    if raw.is_little_endian or width == 1 or len(raw.value) % width:
        return bytes(raw.value)
    return np.frombuffer(raw.value, np.uint8).reshape(-1, width)[:, ::-1].tobytes()


def top_level(path: str, tags: list[int]) -> Any:
    """Some elements of a file, sequences among them."""
    with _quietly(), files.open_file(path) as handle:
        return pydicom.dcmread(handle, stop_before_pixels=True, force=True, specific_tags=list(tags))


def header(path: str) -> pydicom.FileDataset:
    """Read the header of a local or remote file, without its pixel data."""
    with warnings.catch_warnings(), files.open_file(path) as handle:
        warnings.simplefilter("ignore")
        return pydicom.dcmread(handle, stop_before_pixels=True, force=True)
