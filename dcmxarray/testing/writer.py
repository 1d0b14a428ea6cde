"""Writes DICOM files by pydicom, with the elements that a test gives and `DEFAULTS` for the rest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

Frame = Mapping[Any, Any]
Pixels = npt.NDArray[Any]

_ROOT = "1.2.826.0.1.3680043.8.498."

DEFAULTS: dict[str, Any] = {
    "SOPClassUID": MRImageStorage,
    "Modality": "MR",
    "Manufacturer": "dcmxarray",
    "PatientID": "EXAMPLE",
    "PatientName": "EXAMPLE",
    "StudyInstanceUID": generate_uid(_ROOT, ["study"]),
    "SeriesInstanceUID": generate_uid(_ROOT, ["series"]),
    "FrameOfReferenceUID": generate_uid(_ROOT, ["frame"]),
    "SeriesNumber": 1,
    "ImageType": ["ORIGINAL", "PRIMARY", "M"],
    "StudyDate": "20260101",
    "AcquisitionDate": "20260101",
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "ImagePositionPatient": [0, 0, 0],
    "PixelSpacing": [2, 2],
    "SliceThickness": 5,
    "PhotometricInterpretation": "MONOCHROME2",
    "SamplesPerPixel": 1,
}


def uid(*words: object) -> str:
    """A UID that is the same for the same words."""
    return str(generate_uid(_ROOT, [str(w) for w in words]))


def _layout(pixels: Pixels) -> dict[str, Any]:
    """The elements that describe a pixel array: (rows, columns) or (rows, columns, 3)."""
    bits = pixels.dtype.itemsize * 8
    layout: dict[str, Any] = {"Rows": pixels.shape[0], "Columns": pixels.shape[1], "BitsAllocated": bits}
    if pixels.dtype.kind in "iu":
        layout |= {"BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": int(pixels.dtype.kind == "i")}
    if pixels.ndim == 3:
        layout |= {"SamplesPerPixel": pixels.shape[2], "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    return layout


def _set_pixels(data: Dataset, pixels: Pixels) -> None:
    """Add the pixels, in the byte order of the file, under the keyword for their dtype."""
    keyword = {"f4": "FloatPixelData", "f8": "DoubleFloatPixelData"}.get(pixels.dtype.str[1:], "PixelData")
    stored = pixels if data.is_little_endian else pixels.astype(pixels.dtype.newbyteorder(">"))
    setattr(data, keyword, stored.tobytes())
    if keyword == "PixelData":
        data["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"


def write_frame(path: str | os.PathLike[str], frame: Frame) -> None:
    """Write one file.

    Parameters
    ----------
    path
        Of the file; its folder is created.
    frame
        Values by DICOM keyword, or by ``(group, "creator", element, VR)`` for a private element; ``None`` omits an element.
        ``"pixels"`` is the array (rows, columns[, 3]), ``"syntax"`` a transfer syntax for native pixels.
    """
    pixels = np.asarray(frame.get("pixels", np.zeros((4, 4), np.uint16)))
    values = DEFAULTS | _layout(pixels) | {k: v for k, v in frame.items() if k not in ("pixels", "syntax")}
    values.setdefault("SOPInstanceUID", uid(sorted((str(k), str(v)) for k, v in values.items())))
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = frame.get("syntax", ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = values["SOPClassUID"]
    meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"]
    little, implicit = meta.TransferSyntaxUID.is_little_endian, meta.TransferSyntaxUID.is_implicit_VR
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128, is_implicit_VR=implicit, is_little_endian=little)
    for key, value in values.items():
        _set(data, key, value)
    _set_pixels(data, pixels)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def _set(data: Dataset, key: Any, value: Any) -> None:
    """Add one element, public or private; ``None`` adds nothing."""
    if value is None:
        return
    if isinstance(key, tuple):
        group, creator, element, vr = key
        data.private_block(group, creator, create=True).add_new(element, vr, value)
    else:
        setattr(data, key, value)


def write_series(folder: str | os.PathLike[str], frames: Iterable[Frame], *, shuffle: int | None = None) -> list[Path]:
    """Write frames to a folder, one file each.

    Parameters
    ----------
    folder
        Is created.
    frames
        As for `write_frame`; InstanceNumber counts from 1 for frames without one.
    shuffle
        Seed of a random order of the file names; ``None`` numbers them in order.

    Returns
    -------
    list of Path
        The files, in the order of the frames.

    Examples
    --------
    >>> import dcmxarray as dx, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> paths = dx.testing.write_series(folder, dx.testing.dce(slices=2, times=3))
    >>> len(dx.scan(folder))
    6
    """
    rows: Sequence[Frame] = [{"InstanceNumber": n + 1, **frame} for n, frame in enumerate(frames)]
    names = np.arange(len(rows)) if shuffle is None else np.random.default_rng(shuffle).permutation(len(rows))
    paths = [Path(folder) / f"{name:05d}.dcm" for name in names]
    for path, frame in zip(paths, rows, strict=True):
        write_frame(path, frame)
    return paths
