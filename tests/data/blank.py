"""Overwrite in place what may say who was scanned and where: ``python tests/data/blank.py FILE...``.

Lengths stay, so every offset and everything else in a file stays as the scanner wrote it; a deflated file is deflated anew.
Canon's b-values and directions stay, which stand in ImageComments.
"""

import re
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.datadict import DicomDictionary, dictionary_VR, tag_for_keyword
from pydicom.uid import DeflatedExplicitVRLittleEndian

KEYWORDS = """
PatientID PatientBirthDate PatientBirthTime OtherPatientIDs IssuerOfPatientID PatientAddress PatientTelephoneNumbers
PatientComments AdditionalPatientHistory EthnicGroup Occupation MilitaryRank InsurancePlanIdentification AccessionNumber
AdmissionID StudyID ImageComments InstitutionName InstitutionAddress InstitutionalDepartmentName StationName
PerformedStationName PerformedStationAETitle RequestedProcedureID ScheduledProcedureStepID PerformedProcedureStepID
"""
DIFFUSION = re.compile(rb"b=\d+(\([-\d., ]+\))? *")
TAGS = [tag_for_keyword(word) for word in KEYWORDS.split()] + [tag for tag, entry in DicomDictionary.items() if entry[0] == "PN"]


def filler(tag: int, size: int) -> bytes:
    """A value of the same length that is no one's."""
    text = {"DA": b"19000101", "TM": b"000000"}.get(dictionary_VR(tag), b"anonymous")
    return text[:size].ljust(size)


def values(head: bytes, tag: int, order: str) -> Iterator[slice]:
    """Where the element's values stand, in sequences too."""
    name = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    for match in re.finditer(re.escape(name), head):
        start = match.end()
        explicit = head[start : start + 2] == dictionary_VR(tag).encode()
        size = struct.unpack_from(order + ("H" if explicit else "I"), head, start + 2 * explicit)[0]
        if 0 < size <= 1024 and start + 4 + size <= len(head):
            yield slice(start + 4, start + 4 + size)


def blanked(raw: bytes, order: str, end: int) -> bytes:
    """The file's bytes without them; from ``end`` on they are pixels."""
    head = bytearray(raw[:end])
    for tag in TAGS:
        for place in values(bytes(head), tag, order):
            if not DIFFUSION.fullmatch(head[place]):
                head[place] = filler(tag, place.stop - place.start)
    return bytes(head) + raw[end:]


def blanked_deflated(raw: bytes) -> bytes:
    """`blanked` of what is deflated behind the file meta group."""
    start = 144 + struct.unpack_from("<I", raw, 140)[0]
    new = blanked(zlib.decompress(raw[start:], -zlib.MAX_WBITS), "<", sys.maxsize)
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = packer.compress(new) + packer.flush()
    return raw[:start] + packed + bytes(len(packed) % 2)


def blank(path: Path) -> None:
    """Blank one file, and look whether all else is as before."""
    before = pydicom.dcmread(path)
    raw = path.read_bytes()
    order = "<" if before.original_encoding[1] else ">"
    end = before.get_item("PixelData").value_tell if "PixelData" in before else len(raw)
    is_deflated = before.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    path.write_bytes(blanked_deflated(raw) if is_deflated else blanked(raw, order, end))
    for one, other in zip(before.iterall(), pydicom.dcmread(path).iterall(), strict=True):
        assert one.VR == "SQ" or one == other or one.tag in TAGS, f"{path}: {one.tag} was changed too"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        blank(Path(name))
