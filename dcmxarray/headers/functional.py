"""Functional groups of enhanced multi-frame files: which of their elements (leaves) fill which columns of each frame."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from ..attributes import BY_NAME, column_of_tag
from ..sources import files
from . import by_pydicom
from .columns import columns
from .compiled import groups
from .compiled.walk import IN_FILE, ITEM, LEFT_OUT, NOTES, PIXEL_AT, STATE
from .element import Element
from .heads import Heads, nothing_found
from .vendors import FRAMED, LEAVES

# (sequence, leaf) -> columns: PS3.3 C.7.6.16.2, C.8.13.5, C.8.15.3, C.8.22.5; A.70 for legacy converted.
_LEAVES: dict[tuple[str, str], str] = {
    ("PlanePositionSequence", "ImagePositionPatient"): "position",
    ("PlaneOrientationSequence", "ImageOrientationPatient"): "orientation",
    ("PixelMeasuresSequence", "PixelSpacing"): "spacing",
    ("PixelMeasuresSequence", "SliceThickness"): "SliceThickness",
    ("PixelMeasuresSequence", "SpacingBetweenSlices"): "SpacingBetweenSlices",
    ("FrameContentSequence", "FrameAcquisitionDateTime"): "AcquisitionDateTime",
    ("FrameContentSequence", "FrameAcquisitionDuration"): "ActualFrameDuration",
    ("FrameContentSequence", "FrameAcquisitionNumber"): "AcquisitionNumber",
    ("FrameContentSequence", "TemporalPositionIndex"): "TemporalPositionIdentifier",
    ("FrameContentSequence", "StackID"): "StackID",
    ("FrameContentSequence", "InStackPositionNumber"): "InStackPositionNumber",
    ("FrameContentSequence", "DimensionIndexValues"): "DimensionIndexValues",
    ("TemporalPositionSequence", "TemporalPositionTimeOffset"): "TemporalPositionTimeOffset",
    ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"): "NominalCardiacTriggerDelayTime",
    ("MREchoSequence", "EffectiveEchoTime"): "te",
    ("MRTimingAndRelatedParametersSequence", "RepetitionTime"): "tr",
    ("MRTimingAndRelatedParametersSequence", "FlipAngle"): "fa",
    ("MRModifierSequence", "InversionTimes"): "ti",
    ("MRDiffusionSequence", "DiffusionBValue"): "_b",
    ("DiffusionGradientDirectionSequence", "DiffusionGradientOrientation"): "_gradient",
    ("MRArterialSpinLabelingSequence", "ASLContext"): "_label",
    ("MRImageFrameTypeSequence", "FrameType"): "ImageType",
    ("MRImageFrameTypeSequence", "ComplexImageComponent"): "ComplexImageComponent",
    ("CTImageFrameTypeSequence", "FrameType"): "ImageType",
    ("PETFrameTypeSequence", "FrameType"): "ImageType",
    ("ParametricMapFrameTypeSequence", "FrameType"): "ImageType",
    ("PixelValueTransformationSequence", "RescaleSlope"): "RescaleSlope",
    ("PixelValueTransformationSequence", "RescaleIntercept"): "RescaleIntercept",
    ("PixelValueTransformationSequence", "RescaleType"): "RescaleType",
    ("RealWorldValueMappingSequence", "RealWorldValueSlope"): "RealWorldValueSlope",
    ("RealWorldValueMappingSequence", "RealWorldValueIntercept"): "RealWorldValueIntercept",
    ("MeasurementUnitsCodeSequence", "CodeValue"): "real_world_units",
    ("MeasurementUnitsCodeSequence", "CodingSchemeDesignator"): "_units_scheme",
    ("SegmentIdentificationSequence", "ReferencedSegmentNumber"): "segment",
    ("PlanePositionSlideSequence", "RowPositionInTotalImagePixelMatrix"): "RowPositionInTotalImagePixelMatrix",
    ("PlanePositionSlideSequence", "ColumnPositionInTotalImagePixelMatrix"): "ColumnPositionInTotalImagePixelMatrix",
    ("DetectorInformationSequence", "ImagePositionPatient"): "position",
    ("DetectorInformationSequence", "ImageOrientationPatient"): "orientation",
    **{
        ("UnassignedPerFrameConvertedAttributesSequence", keyword): name
        for keyword, name in {
            "EchoTime": "te",
            "FlipAngle": "fa",
            "InversionTime": "ti",
            "TriggerTime": "TriggerTime",
            "InstanceNumber": "InstanceNumber",
            "AcquisitionTime": "AcquisitionTime",
            "FrameReferenceTime": "FrameReferenceTime",
        }.items()
    },
}
_RECODED = ("1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")  # big endian, deflated
_NESTED = ("DiffusionGradientDirectionSequence", "MeasurementUnitsCodeSequence")
_SHARED = ("SharedFunctionalGroupsSequence", "DetectorInformationSequence", "RealWorldValueMappingSequence")
_FRAMED = ("PerFrameFunctionalGroupsSequence",)
_PLAIN = {"_gradient": ("_gradient_x", "_gradient_y", "_gradient_z"), "_b": ("_b",)}
_TEXTS = ("DimensionIndexValues", "CodingSchemeDesignator", "ASLContext")
_UCUM = "UCUM"
MAPPING = ("RealWorldValueSlope", "RealWorldValueIntercept", "real_world_units", "real_world_mappings")


def _element(leaf: str, name: str) -> Element:
    """The wanted element of a leaf's keyword that fills column ``name``."""
    tag = tag_for_keyword(leaf)
    attribute = BY_NAME.get(name)
    vr = dictionary_VR(tag or 0).split(" ")[0]
    if leaf in _TEXTS:
        return Element((name,), tag or 0, vr, "str")
    return Element(attribute.columns if attribute else _PLAIN[name], tag or 0, vr, attribute.dtype if attribute else "float")


def _tag(keyword: str) -> int:
    """The tag of a keyword."""
    return tag_for_keyword(keyword) or 0


@lru_cache(maxsize=1)
def plan() -> tuple[tuple[Element, ...], tuple[Any, ...]]:
    """The wanted leaves, and the arrays that `headers.compiled.groups.walk_groups` takes.

    Returns
    -------
    The leaves sorted by tag, of which the last counts real-world value mappings; and the tags of shared roots, of per-frame
    roots, of the sequences to enter below them, of each leaf's sequence, and of each leaf.
    """
    rows = [(_tag(s), _element(leaf, name)) for (s, leaf), name in _LEAVES.items()]
    rows += [(leaf.sequence, Element(leaf.columns, leaf.tag, leaf.vr, leaf.dtype)) for leaf in LEAVES]
    rows.append((_tag("RealWorldValueMappingSequence"), Element(("real_world_mappings",), ITEM, "UL", "int")))
    rows.sort(key=lambda row: row[1].tag)
    inner = sorted({parent for parent, _ in rows} | {_tag(s) for s in _NESTED})
    arrays = (
        np.array([_tag(s) for s in _SHARED], np.int64),
        np.array([*(_tag(s) for s in _FRAMED), *FRAMED], np.int64),
        np.array(inner, np.int64),
        np.array([parent for parent, _ in rows], np.int64),
        np.array([element.tag for _, element in rows], np.int64),
    )
    return tuple(element for _, element in rows), arrays


def header_bytes(path: str, end: int, syntax: str) -> Any:
    """The bytes of a header in little endian.

    Parameters
    ----------
    path
        The file.
    end
        The offset at which its pixel data begin.
    syntax
        Its transfer syntax; big endian and deflated files are recoded by pydicom.

    Returns
    -------
    An array of bytes; ``None`` if the header can't be recoded.
    """
    if syntax in _RECODED:
        return by_pydicom.recoded(path)
    buf = np.empty(max(end, 0), np.uint8)
    return buf[: files.read_some(path, 0, buf)]


def per_frame(known: Heads, i: int, count: int, syntax: str = "") -> dict[str, Any] | None:
    """Read the functional groups of file ``i``, which has ``count`` frames; problems are noted in ``known``.

    Returns
    -------
    Columns with a row per frame: the per-frame value, else the shared one, else null.  ``None`` if the header has no
    functional groups.
    """
    path = known.paths[i]
    buf = header_bytes(path, int(known.states[i, PIXEL_AT]), syntax)
    if buf is None or buf.size == 0:
        return None
    wanted, arrays = plan()
    rows, k = count + 1, len(wanted)
    at, size, vr = nothing_found(k, rows)
    start, explicit = _data_set(buf)
    items = groups.walk_groups(buf, start, explicit, arrays, at, size, vr)
    if not (at != -1).any():
        return None
    if 0 < items != count:
        known.note(i, f"{count} frames, but functional groups of {items}")
    own = at[:, 1:] != -1
    at, size, vr = (np.where(own, a[:, 1:], a[:, :1]) for a in (at, size, vr))
    heads = Heads([path] * count, buf, np.zeros((count, STATE), np.int64), at[:-1], size[:-1], vr[:-1], [""] * count)
    heads.states[:, NOTES] = np.where((at <= IN_FILE).any(axis=0), LEFT_OUT, 0)
    columns = _mapped(_merged(heads, wanted[:-1]), size[-1])
    columns["dimensions"] = pa.array([dimensions(buf, start, explicit)] * count, pa.string())
    for text in sorted({part for problem in set(heads.problems) - {""} for part in problem.split("; ")}):
        known.note(i, text)
    return columns


_POINTERS = ("DimensionIndexPointer", "DimensionIndexPrivateCreator")
_MOST_DIMENSIONS = 64


def dimensions(buf: Any, start: int, explicit: bool) -> str | None:
    """The names of the elements that DimensionIndexValues counts, separated by backslashes (PS3.3 C.7.6.17).

    Parameters
    ----------
    buf, start, explicit
        As for `headers.compiled.groups.walk_groups`.

    Returns
    -------
    Keywords, ``(gggg,creator,ee)`` for private elements, ``ggggeeee`` for unknown ones; ``None`` if the file has no dimensions.
    """
    root, leaves = np.array([_tag("DimensionIndexSequence")], np.int64), np.array([_tag(p) for p in _POINTERS], np.int64)
    none = np.zeros(0, np.int64)
    at, size, vr = nothing_found(len(leaves), _MOST_DIMENSIONS + 1)
    wanted = none, root, none, np.repeat(root, leaves.size), leaves
    walked = groups.walk_groups(buf, start, explicit, wanted, at, size, vr)
    spans = [
        [bytes(buf[a : a + n]) if a >= 0 else b"" for a, n in zip(at[:, k], size[:, k], strict=True)]
        for k in range(1, min(int(walked), _MOST_DIMENSIONS) + 1)
    ]
    return "\\".join(_pointed(*span) for span in spans) or None


def _pointed(pointer: bytes, creator: bytes) -> str:
    """The name of the element that a DimensionIndexPointer (in little endian) names."""
    group, element = (int.from_bytes(part, "little") for part in (pointer[:2], pointer[2:4]))
    if group % 2:
        return column_of_tag((group, creator.decode("latin-1").strip(" \0"), element & 0xFF))
    return keyword_for_tag(group << 16 | element) or f"{group:04X}{element:04X}"


def _merged(heads: Heads, wanted: tuple[Element, ...]) -> dict[str, Any]:
    """Columns of all leaves; if several leaves fill one column, each row takes the first value that is not missing."""
    out: dict[str, Any] = {}
    left = np.flatnonzero((heads.at != -1).any(axis=1)).tolist()
    while left:
        firsts = {wanted[j].columns: j for j in reversed(left)}
        chosen = sorted(firsts.values())
        part = replace(heads, at=heads.at[chosen], size=heads.size[chosen], vr=heads.vr[chosen])
        for name, values in columns(part, tuple(wanted[j] for j in chosen)).items():
            out[name] = _filled(out[name], values) if name in out else values
        left = [j for j in left if j not in chosen]
    return out


def _mapped(columns: dict[str, Any], mappings: Any) -> dict[str, Any]:
    """Columns with the number of mappings of each frame; of several mappings none is taken, and of units those in UCUM."""
    if not mappings.any():
        return columns
    for name in set(MAPPING) & set(columns):
        alone = mappings == 1
        if isinstance(columns[name], pa.Array):
            scheme = columns["_units_scheme"].to_pylist() if "_units_scheme" in columns else [_UCUM] * len(alone)
            columns[name] = pc.if_else(pa.array(alone & [s in (_UCUM, None) for s in scheme]), columns[name], None)
        else:
            columns[name] = np.where(alone, columns[name], np.nan)
    return columns | {"real_world_mappings": np.where(mappings > 0, mappings, np.nan)}


def _filled(known: Any, values: Any) -> Any:
    """``known``, with its missing values taken from ``values``."""
    if isinstance(known, pa.Array):
        return pc.coalesce(known, values)
    missing = np.isnat(known) if known.dtype.kind in "mM" else np.isnan(known)
    return np.where(missing, values, known)


def _data_set(buf: Any) -> tuple[int, bool]:
    """The offset at which the data set begins, after the file meta group, and whether it is explicit VR."""
    p = 132 if bytes(buf[128:132]) == b"DICM" else 0
    while p + 12 < buf.size and buf[p] == 2 and buf[p + 1] == 0:
        if bytes(buf[p + 4 : p + 6]) in (b"OB", b"UN", b"OW", b"SQ", b"UT"):
            p += 12 + int.from_bytes(bytes(buf[p + 8 : p + 12]), "little")
        else:
            p += 8 + int.from_bytes(bytes(buf[p + 6 : p + 8]), "little")
    vr = bytes(buf[p + 4 : p + 6])
    return p, vr.isalpha() and vr.isupper()
