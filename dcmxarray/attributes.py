"""Every column of the frame table, one row each: name, DICOM keyword or computed, type, units, meaning, bookkeeping.

The module owns names, types and units, and knows nothing of files, pydicom, xarray or dask.  A column that holds an element has
the keyword of PS3.6 as its name; a computed column, or one value of an element with several, has a lower-case name.
``docs/columns.md`` is made from these rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# A keyword or a path of keywords into sequences, a public element's numbers, or a private element's group, creator and element.
Tag = str | tuple[int, int] | tuple[int, str, int]
Tags = Sequence[Tag] | Literal["all"]
_PRIVATE = re.compile(r"\(([0-9A-F]{4}),(.+),([0-9A-F]{2})\)")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One row of the vocabulary.

    Parameters
    ----------
    name
        Of the coordinate in arrays (``te``); the keyword itself if no shorter name is usual.
    keyword
        The DICOM keyword (PS3.6), "" for a computed column.
    dtype
        ``str``, ``int``, ``float``, ``date``, ``time`` or ``datetime``.
    units
        Of the values in the table, "" for none.
    long_name
        The meaning in a few words, used as the label of plots; "" if the name in PS3.6 says it.
    parts
        The columns of an element with several values, in the order of the values.
    proposed
        Whether an error may propose it as a dim or for a filter: it says how a frame was made, and is neither a UID nor about
        a patient, geometry, storage or display.
    bookkeeping
        Whether it says where and how a frame is stored, not what it shows: two copies of a file may differ in it.
    identifies
        Whether a column that is not a DICOM element can identify a patient, so that stores omit it.  For elements, PS3.15
        Annex E decides.
    """

    name: str
    keyword: str
    dtype: str = "str"
    units: str = ""
    long_name: str = ""
    parts: tuple[str, ...] = ()
    proposed: bool = False
    bookkeeping: bool = False
    identifies: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns in the frame table."""
        return self.parts or (self.keyword or self.name,)


def _plain(dtype: str, keywords: str, proposed: bool = False) -> tuple[Attribute, ...]:
    """Rows for elements of one type without units, from keywords separated by spaces."""
    return tuple(Attribute(keyword, keyword, dtype, proposed=proposed) for keyword in keywords.split())


VOCABULARY: tuple[Attribute, ...] = (
    Attribute("TransferSyntaxUID", "TransferSyntaxUID", bookkeeping=True),
    *_plain("str", "SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID"),
    *_plain("str", "PatientID PatientSex PatientAge StudyID StudyDescription"),
    *_plain("str", "SeriesDescription ProtocolName", proposed=True),
    *_plain("str", "Modality"),
    Attribute("PatientWeight", "PatientWeight", "float", "kg"),
    Attribute("PatientSize", "PatientSize", "float", "m"),
    *_plain("str", "Manufacturer ManufacturerModelName SoftwareVersions BodyPartExamined PatientPosition"),
    *_plain("date", "StudyDate SeriesDate AcquisitionDate ContentDate"),
    *_plain("time", "StudyTime SeriesTime AcquisitionTime ContentTime"),
    *_plain("datetime", "AcquisitionDateTime"),
    *_plain("int", "SeriesNumber", proposed=True),
    *_plain("int", "InstanceNumber"),
    *_plain("int", "AcquisitionNumber TemporalPositionIdentifier NumberOfTemporalPositions", proposed=True),
    Attribute("te", "EchoTime", "float", "ms", "echo time", proposed=True),
    Attribute("fa", "FlipAngle", "float", "degree", "flip angle", proposed=True),
    Attribute("ti", "InversionTime", "float", "ms", "inversion time", proposed=True),
    Attribute("tr", "RepetitionTime", "float", "ms", "repetition time", proposed=True),
    Attribute("TriggerTime", "TriggerTime", "float", "ms", "trigger time", proposed=True),
    Attribute("NominalCardiacTriggerDelayTime", "NominalCardiacTriggerDelayTime", "float", "ms", proposed=True),
    Attribute("FrameReferenceTime", "FrameReferenceTime", "float", "ms", "frame reference time"),
    Attribute("ActualFrameDuration", "ActualFrameDuration", "float", "ms", "frame duration"),
    Attribute("TemporalPositionTimeOffset", "TemporalPositionTimeOffset", "float", "s"),
    Attribute("FrameTime", "FrameTime", "float", "ms", "time between frames"),
    *_plain("int", "EchoNumbers EchoTrainLength NumberOfAverages CardiacNumberOfImages", proposed=True),
    Attribute("SliceThickness", "SliceThickness", "float", "mm", "slice thickness"),
    Attribute("SpacingBetweenSlices", "SpacingBetweenSlices", "float", "mm"),
    Attribute("SliceLocation", "SliceLocation", "float", "mm"),
    Attribute("GantryDetectorTilt", "GantryDetectorTilt", "float", "degree"),
    Attribute("MagneticFieldStrength", "MagneticFieldStrength", "float", "T"),
    Attribute("ImagingFrequency", "ImagingFrequency", "float", "MHz", proposed=True),
    Attribute("PixelBandwidth", "PixelBandwidth", "float", "Hz", proposed=True),
    Attribute("KVP", "KVP", "float", "kV", proposed=True),
    Attribute("XRayTubeCurrent", "XRayTubeCurrent", "float", "mA"),
    Attribute("ExposureTime", "ExposureTime", "float", "ms"),
    *_plain("str", "ConvolutionKernel ScanningSequence SequenceVariant ScanOptions", proposed=True),
    *_plain("str", "MRAcquisitionType SequenceName PulseSequenceName InPlanePhaseEncodingDirection", proposed=True),
    *_plain("str", "ContrastBolusAgent ImageType ComplexImageComponent", proposed=True),
    Attribute("position", "ImagePositionPatient", "float", "mm", parts=("position_x", "position_y", "position_z")),
    Attribute(
        "orientation",
        "ImageOrientationPatient",
        "float",
        parts=("row_x", "row_y", "row_z", "column_x", "column_y", "column_z"),
    ),
    Attribute("spacing", "PixelSpacing", "float", "mm", parts=("spacing_row", "spacing_col")),
    Attribute("imager_spacing", "ImagerPixelSpacing", "float", "mm", parts=("imager_spacing_row", "imager_spacing_col")),
    *_plain("int", "Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation SamplesPerPixel"),
    *_plain("int", "PlanarConfiguration NumberOfFrames InStackPositionNumber TotalPixelMatrixRows TotalPixelMatrixColumns"),
    *_plain("int", "RowPositionInTotalImagePixelMatrix ColumnPositionInTotalImagePixelMatrix"),
    Attribute("segment", "ReferencedSegmentNumber", "int", "", "segment", proposed=True),
    *_plain("str", "StackID DimensionIndexValues DimensionOrganizationType"),
    *_plain("str", "PhotometricInterpretation LossyImageCompression"),
    *_plain("float", "RescaleSlope RescaleIntercept RealWorldValueSlope RealWorldValueIntercept DoseGridScaling"),
    *_plain("str", "RescaleType Units DoseUnits DecayCorrection SpecificCharacterSet"),
)

COMPUTED: tuple[Attribute, ...] = (
    Attribute("b", "", "float", "s/mm2", "b-value", proposed=True),
    Attribute("gradient_x", "", "float", "1", "diffusion gradient direction, patient x (LPS)"),
    Attribute("gradient_y", "", "float", "1", "diffusion gradient direction, patient y (LPS)"),
    Attribute("gradient_z", "", "float", "1", "diffusion gradient direction, patient z (LPS)"),
    Attribute("component", "", "str", "", "magnitude, phase, real or imaginary part", proposed=True),
    Attribute("derived", "", "str", "", "which derived map; missing for an image", proposed=True),
    Attribute("kind", "", "str", "", "ImageType from its third value on, without the complex part", proposed=True),
    Attribute("variant", "", "str", "", "the vendor's own type of image; missing for the usual one", proposed=True),
    Attribute("label", "", "str", "", "label, control or m0 of arterial spin labelling", proposed=True),
    Attribute("window_low", "", "float", "", "lower end of the display range", bookkeeping=True),
    Attribute("window_high", "", "float", "", "upper end of the display range", bookkeeping=True),
    Attribute("dimensions", "", "str", "", "the elements that DimensionIndexValues counts, in its order"),
    Attribute("frame_offset", "", "float", "s", "time since the first frame of the file"),
    Attribute("slice_time", "", "float", "s", "time within the volume"),
    Attribute("scan_time", "", "float", "s", "time since the first dynamic scan, by the vendor"),
    Attribute("tile_row", "", "int", "", "row of the tile"),
    Attribute("tile_col", "", "int", "", "column of the tile"),
    Attribute("acquired", "", "datetime", "", "acquisition date and time"),
    Attribute("segment_label", "", "str", "", "label of the segment"),
    Attribute("segment_category", "", "str", "", "property category of the segment, in words"),
    Attribute("segment_type", "", "str", "", "property type of the segment, in words"),
    Attribute("segment_code", "", "str", "", "property type of the segment, as scheme:code"),
    Attribute("segment_algorithm", "", "str", "", "how the segment was made: AUTOMATIC, SEMIAUTOMATIC or MANUAL"),
    Attribute("real_world_mappings", "", "int", "", "number of real-world value mappings"),
    Attribute("real_world_units", "", "str", "", "units of the real-world value mapping (UCUM)"),
    Attribute("fp_slope", "", "float", "", "slope to the vendor's floating point values"),
    Attribute("fp_intercept", "", "float", "", "intercept to the vendor's floating point values"),
)


def _place(name: str, dtype: str, units: str, long_name: str, identifies: bool = False) -> Attribute:
    """A bookkeeping row that is not a DICOM element."""
    return Attribute(name, "", dtype, units, long_name, bookkeeping=True, identifies=identifies)


PLACES: tuple[Attribute, ...] = (
    _place("path", "str", "", "the file", identifies=True),
    _place("frame", "int", "1", "number of the frame within the file, from 0"),
    _place("pixels", "str", "", "which element holds the pixels: int, float or double"),
    _place("pixel_offset", "int", "bytes", "start of the pixel data in the file; -1 if pydicom has to find it"),
    _place("pixel_length", "int", "bytes", "length of the pixel data; -1 if it is undefined"),
    _place("file_size", "int", "bytes", "size of the file"),
    _place("modified", "int", "ns", "time of the last change of the file, since 1970; 0 if unknown"),
    _place("crop_row", "float", "1", "first row of the frame within the stored image"),
    _place("crop_col", "float", "1", "first column of the frame within the stored image"),
    _place("crop_rows", "float", "1", "rows of the frame, if it is a part of the stored image"),
    _place("crop_columns", "float", "1", "columns of the frame, if it is a part of the stored image"),
    _place("problem", "str", "", "what could not be read; missing if everything could", identifies=True),
)

SPATIAL: tuple[Attribute, ...] = (
    Attribute("slice", "", "float", "mm", "slice position"),
    Attribute("row", "", "float", "mm", "row position"),
    Attribute("col", "", "float", "mm", "column position"),
    Attribute("time", "", "float", "s", "time"),
)

SEGMENT = ("segment_label", "segment_category", "segment_type", "segment_code", "segment_algorithm")

LABELS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription")  # of an array

DIM_ORDER = ("slice", "time", "b", "te", "fa", "ti", "component", "label", "segment", "tile_row", "tile_col")

BY_NAME: dict[str, Attribute] = {a.name: a for a in (*VOCABULARY, *COMPUTED, *SPATIAL)}
BY_COLUMN: dict[str, Attribute] = {column: a for a in (*PLACES, *VOCABULARY, *COMPUTED) for column in a.columns}
BOOKKEEPING = frozenset(column for column, a in BY_COLUMN.items() if a.bookkeeping)


def labels(name: str) -> dict[str, str]:
    """The ``units`` and ``long_name`` of a coordinate or column; those that the vocabulary lacks are left out."""
    attribute = BY_NAME.get(name) or BY_COLUMN.get(name)
    if attribute is None:
        return {}
    pairs = {"units": attribute.units, "long_name": attribute.long_name}
    return {key: text for key, text in pairs.items() if text}


def column_of_tag(tag: Tag) -> str:
    """The name, as a column and as an attribute, of an element that the user asks for.

    It is the keyword or path; ``(gggg,creator,ee)`` of a private element; ``(gggg,eeee)`` of one that PS3.6 does not know.
    """
    if isinstance(tag, str):
        return tag
    return f"({tag[0]:04X},{tag[1]:04X})" if len(tag) == 2 else f"({tag[0]:04X},{tag[1]},{tag[2] & 0xFF:02X})"


_ABOUT_OTHERS = re.compile(
    "UID|Patient|Person|Physician|Operator|Window|LUT|Comment|Accession|SerialNumber|Station|Institution|Address|Request|^Study|ID$"
)


def proposed(column: str) -> bool:
    """Whether an error may propose a column as a dim or for a filter; one that the user added, by its keyword."""
    attribute = BY_COLUMN.get(column)
    return attribute.proposed if attribute else not _ABOUT_OTHERS.search(column)


def tag_of(name: str) -> Tag:
    """The element that the name of a column stands for, the inverse of `column_of_tag`."""
    private = _PRIVATE.fullmatch(name)
    return (int(private[1], 16), private[2], int(private[3], 16)) if private else name


def column_of(name: str) -> str:
    """The column of the frame table for a coordinate: ``te`` -> ``EchoTime``; any other name stays as it is."""
    attribute = BY_NAME.get(name)
    return attribute.keyword if attribute and attribute.keyword and not attribute.parts else name
