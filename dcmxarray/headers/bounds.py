"""Checks what a header says about frames and pixel data against the size of its file.  Opens no file.

So the memory that is allocated depends on the file's size and never on a number in its header.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydicom.uid import UID_dictionary

from ..errors import HeaderError
from .compiled.walk import PIXEL_AT, PIXEL_ELEMENT, PIXEL_LENGTH, SIZE

if TYPE_CHECKING:
    from .heads import Heads

MOST_FRAMES, LEAST_BYTES = 1 << 16, 256  # a file may have that many frames; more only with so many bytes of file for each
_MOST_TEXT = 1 << 27  # bytes of the header's values, repeated for every frame
_INFLATES = 1032  # largest ratio of inflated to deflated size, according to zlib
_CODED = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.")  # at least one fragment per frame (PS3.5 A.4)
_VIDEO = "1.2.840.10008.1.2.4.10"  # one stream for all frames
_ITEM = 8  # bytes of a fragment's tag and length


_IMAGES = pa.array([uid for uid, (name, *_) in UID_dictionary.items() if "Image Storage" in name], pa.string())


def note_pixels(heads: Heads, classes: pa.Array) -> None:
    """Note a problem for files whose pixel data go past the end of the file, and for images without pixel data.

    ``classes`` are the SOPClassUIDs of the files.
    """
    at, length, size = (heads.column(name) for name in (PIXEL_AT, PIXEL_LENGTH, SIZE))
    for i in np.flatnonzero((at >= 0) & (length > size - at)).tolist():
        heads.note(i, f"pixel data are cut: {max(0, size[i] - at[i])} of {length[i]} bytes")
    bare = heads.is_dicom() & (heads.column(PIXEL_ELEMENT) == 0)
    if not bare.any():
        return
    for i in np.flatnonzero(bare & np.asarray(pc.is_in(classes, _IMAGES))).tolist():
        if not heads.problems[i]:
            heads.note(i, "an image without pixel data: the file may be cut")
    for i in np.flatnonzero(bare & np.asarray(classes.is_null())).tolist():
        if not heads.problems[i] and not heads.paths[i].upper().endswith("DICOMDIR"):  # a DICOMDIR has no SOPClassUID
            heads.note(i, "no SOPClassUID and no pixel data: the file may be cut")


def check_frames(heads: Heads, i: int, row: Mapping[str, Any], said: int) -> None:
    """Check that file ``i`` can hold the ``said`` frames of its NumberOfFrames.

    Raises
    ------
    HeaderError
        Its pixel data are too short for so many frames, or the file is too small for so many rows in the table.
    """
    texts = int(heads.size[heads.at[:, i] >= 0, i].sum())
    size = int(heads.states[i, SIZE])
    most = min(MOST_FRAMES + size // LEAST_BYTES, (_MOST_TEXT + size) // max(texts, 1), _held(heads, i, row))
    if said > most:
        raise HeaderError(f"NumberOfFrames says {said}, the file can hold {most} at most")


def _held(heads: Heads, i: int, row: Mapping[str, Any]) -> int:
    """The largest number of frames that the pixel data can hold, according to their own length."""
    length, syntax = int(heads.states[i, PIXEL_LENGTH]), str(row["TransferSyntaxUID"])
    if syntax.startswith(_VIDEO):
        return MOST_FRAMES + int(heads.states[i, SIZE]) // LEAST_BYTES
    there = room(heads, i)
    if length < 0 or syntax.startswith(_CODED):
        return (there if length < 0 else length) // _ITEM
    bits = frame_bits(row)
    return length * 8 // bits if bits else int(heads.states[i, SIZE])


def room(heads: Heads, i: int) -> int:
    """Bytes from the beginning of the pixel data to the end of the file; for a deflated file, an upper bound."""
    at, size = int(heads.states[i, PIXEL_AT]), int(heads.states[i, SIZE])
    return size - at if at >= 0 else _INFLATES * size


def frame_bits(row: Mapping[str, Any]) -> int:
    """The number of bits of one native (uncompressed) frame; 0 if the header does not say."""
    samples = 1 if np.isnan(row["SamplesPerPixel"]) else row["SamplesPerPixel"]
    if str(row["PhotometricInterpretation"]).startswith("YBR_FULL_422"):
        samples = 2
    bits = row["Rows"] * row["Columns"] * row["BitsAllocated"] * samples
    return int(bits) if bits >= 1 else 0


def check_one_frame(heads: Heads, i: int, row: Mapping[str, Any]) -> None:
    """Check that the pixel data hold a single frame; called if NumberOfFrames is not a positive number.

    Raises
    ------
    HeaderError
        The pixel data may hold several frames, so they can't be counted.
    """
    length, bits = int(heads.states[i, PIXEL_LENGTH]), frame_bits(row)
    one = 0 < length * 8 < 2 * bits or (length < 0 and row["frames_said"] == 0)  # some writers put 0 for a single frame
    if not one or row["frames_said"] < 0:
        raise HeaderError("NumberOfFrames is no number of frames, and the pixel data may hold several")
