"""Writes enhanced multi-frame files (PS3.3 C.7.6.16): one file with a functional group for each frame."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, EnhancedMRImageStorage, ExplicitVRLittleEndian

from .writer import DEFAULTS, _layout, uid

# The sequences of the functional groups, and the elements in each.
GROUPS: dict[str, tuple[str, ...]] = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "FrameContentSequence": (
        *("FrameAcquisitionDateTime", "TemporalPositionIndex", "StackID", "InStackPositionNumber", "DimensionIndexValues"),
        "FrameAcquisitionDuration",
    ),
    "MREchoSequence": ("EffectiveEchoTime",),
    "MRTimingAndRelatedParametersSequence": ("FlipAngle", "RepetitionTime"),
    "MRDiffusionSequence": ("DiffusionBValue", "DiffusionDirectionality"),
    "DiffusionGradientDirectionSequence": ("DiffusionGradientOrientation",),
    "CardiacSynchronizationSequence": ("NominalCardiacTriggerDelayTime",),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
    "RealWorldValueMappingSequence": ("RealWorldValueSlope", "RealWorldValueIntercept"),
    "MRImageFrameTypeSequence": ("FrameType", "ComplexImageComponent"),
}
_WHERE = {keyword: sequence for sequence, keywords in GROUPS.items() for keyword in keywords}


def _group(values: Mapping[str, Any]) -> Dataset:
    """The functional group of one frame."""
    group = Dataset()
    for keyword, value in values.items():
        sequence = _WHERE[keyword]
        parent = group
        if sequence == "DiffusionGradientDirectionSequence":
            parent = _item(group, "MRDiffusionSequence")
        setattr(_item(parent, sequence), keyword, value)
    return group


def _item(parent: Dataset, sequence: str) -> Dataset:
    """The item of a sequence, which is added if it is missing."""
    if sequence not in parent:
        setattr(parent, sequence, Sequence([Dataset()]))
    return getattr(parent, sequence)[0]


def write_enhanced(
    path: str | os.PathLike[str],
    frames: Iterable[Mapping[str, Any]],
    shared: Mapping[str, Any] | None = None,
    **elements: Any,
) -> None:
    """Write one enhanced MR file.

    Parameters
    ----------
    path
        Of the file; its folder is created.
    frames
        For each frame, keywords of the functional groups and ``"pixels"``, (rows, columns).
    shared
        Keywords of the shared functional groups.
    elements
        Top-level elements by keyword.

    Examples
    --------
    >>> import dcmxarray as dx, tempfile, numpy as np
    >>> path = tempfile.mkdtemp() + "/enhanced.dcm"
    >>> frames = [{"ImagePositionPatient": [0, 0, 5.0 * k], "pixels": np.zeros((4, 4), "u2")} for k in range(3)]
    >>> dx.testing.write_enhanced(path, frames, {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 2]})
    >>> dict(dx.open_series(path).sizes)
    {'slice': 3, 'row': 4, 'col': 4}
    """
    rows = [dict(frame) for frame in frames]
    pixels = [np.asarray(row.pop("pixels")) for row in rows]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    meta.MediaStorageSOPInstanceUID = UID(uid("enhanced", str(path)))
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128, is_implicit_VR=False, is_little_endian=True)
    grouped = set(_WHERE)
    top = {k: v for k, v in DEFAULTS.items() if k not in grouped and k != "SOPClassUID"} | _layout(pixels[0]) | elements
    for keyword, value in top.items():
        setattr(data, keyword, value)
    data.SOPClassUID, data.SOPInstanceUID = EnhancedMRImageStorage, meta.MediaStorageSOPInstanceUID
    data.NumberOfFrames = len(rows)
    data.SharedFunctionalGroupsSequence = Sequence([_group(shared or {})])
    data.PerFrameFunctionalGroupsSequence = Sequence([_group(row) for row in rows])
    data.PixelData = np.stack(pixels).tobytes()
    data["PixelData"].VR = "OW"
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
