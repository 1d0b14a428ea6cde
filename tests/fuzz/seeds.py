"""What mutants are made of: small files of every kind, and files crafted to break a reader in a known way.  All anonymous."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from dcmxarray import testing

from ..conftest import real_data
from .mutators import elements, pixels, put

SMALL = 40_000  # bytes
_REAL = (  # one small file of each, for its private elements and its codec
    *(f"icometrix+dicom2nifti/tests/data/{n}" for n in ("ge/dti/001", "ge/dti/001_implicit", "ge/dti/002", "philips/dti/001")),
    *(
        f"icometrix+dicom2nifti/tests/data/{n}"
        for n in ("philips/dti/001_implicit", "philips/dti/002", "siemens/dti_classic/001")
    ),
    *(f"icometrix+dicom2nifti/tests/data/{n}" for n in ("siemens/dti/001", "hitachi/anatomical/001", "generic/rgb/001")),
    *("neurolabusc+dcm_qa_nih/In/20180918Si/mr_0003", "neurolabusc+dcm_qa_canon/In", "neurolabusc+dcm_qa_uih/In"),
    *("QIICR+dcmqi/data/segmentations/23x38x3", "ImagingDataCommons+highdicom/data/test_files", "suyashkumar+dicom/testdata"),
    "pydicom+pydicom-data/data_store/data",
)


def _shipped() -> Iterator[bytes]:
    """Small files that pydicom brings along."""
    root = Path(pydicom.__file__).parent / "data"
    for folder in ("test_files", "charset_files"):
        yield from (p.read_bytes() for p in sorted((root / folder).glob("*.dcm")) if p.stat().st_size < SMALL)


def _real() -> Iterator[bytes]:
    for folder in filter(None, map(real_data, _REAL)):
        paths = sorted(p for p in folder.rglob("*") if p.is_file() and _is_dicom(p))
        small = [p for p in paths if p.stat().st_size < SMALL]
        yield from (p.read_bytes() for p in small[:40])
        yield from (_shrunk(p.read_bytes()) for p in ([] if small else paths[:1]))


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _shrunk(data: bytes) -> bytes:
    """The file with 8 x 8 native pixels of 16 bits."""
    for tag in (0x00280010, 0x00280011):
        e = next(e for e in elements(data) if e.tag == tag)
        data = put(data, e, struct.pack("<H", 8))
    e = pixels(data)
    return data if e is None else put(data, e, data[e.value : e.value + 128])


def _written() -> Iterator[bytes]:
    """By this project's writers and pydicom: encodings, layouts, functional groups, private elements, sequences."""
    grey = np.arange(64, dtype=np.uint16).reshape(8, 8)
    private = {
        (0x0019, "SIEMENS MR HEADER", 0x0C, "IS"): 1000,
        (0x0019, "SIEMENS MR HEADER", 0x29, "FD"): [1.0, 2.0],
        (0x0029, "SIEMENS CSA HEADER", 0x10, "OB"): csa("B_value", b"1000"),
        (0x0043, "GEMS_PARM_01", 0x39, "IS"): [1000001000, 8, 0, 0],
        (0x2001, "Philips Imaging DD 001", 0x03, "FL"): 1000.0,
        (0x0065, "Image Private Header", 0x09, "FD"): 1000.0,
    }
    for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"):
        yield written({"pixels": grey, "syntax": UID(syntax), "EchoTime": 4.5, "AcquisitionTime": "120000.5", **private})
    yield written({"pixels": np.ones((5, 7, 3), np.uint8), "ReferencedImageSequence": [pydicom.Dataset(), pydicom.Dataset()]})
    yield written({"pixels": grey.astype(np.float32), "SpecificCharacterSet": "ISO_IR 192", "SeriesDescription": "größe"})
    yield written({"pixels": grey.astype(np.int16), "RescaleSlope": 2.5, "RescaleIntercept": -3, "BitsStored": 12, "HighBit": 11})
    rows = [{"ImagePositionPatient": [0, 0, 3 * k], "FlipAngle": 9, "DiffusionBValue": 9.0 * k, "pixels": grey} for k in range(4)]
    with tempfile.TemporaryDirectory() as folder:
        testing.write_enhanced(f"{folder}/a", rows, {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 2]})
        enhanced = pydicom.dcmread(f"{folder}/a")
    enhanced.SOPInstanceUID = enhanced.file_meta.MediaStorageSOPInstanceUID = "1.2.3"  # not of the folder's name
    for syntax in (True, False):
        yield _saved(enhanced, syntax)


def written(frame: dict) -> bytes:  # type: ignore[type-arg]
    """A file of `testing.write_frame` as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        testing.write_frame(f"{folder}/a", frame)
        return Path(folder, "a").read_bytes()


def _saved(data: pydicom.Dataset, undefined: bool) -> bytes:
    for e in data:
        if e.VR == "SQ":
            e.is_undefined_length = undefined
    out = io.BytesIO()
    data.save_as(out)
    return out.getvalue()


def csa(name: str, text: bytes) -> bytes:
    """A Siemens CSA header (SV10) with one element."""
    item = struct.pack("<4i", len(text), len(text), 77, len(text)) + text + b"\0" * (-len(text) % 4)
    entry = name.encode().ljust(64, b"\0") + struct.pack("<i4sii", 1, b"IS\0\0", 6, 1) + struct.pack("<i", 77) + item
    return b"SV10\4\3\2\1" + struct.pack("<II", 1, 77) + entry


@cache
def seeds() -> tuple[bytes, ...]:
    """All seeds, in a fixed order, each once."""
    return tuple(dict.fromkeys([*_written(), *_shipped(), *_real()]))


@cache
def images() -> tuple[bytes, ...]:
    """The seeds that hold pixels."""
    return tuple(s for s in seeds() if pixels(s) is not None or _is_deflated(s))


def _is_deflated(data: bytes) -> bool:
    return b"1.2.840.10008.1.2.1.99" in data[:600]


def _with(data: bytes, tag: int, value: bytes) -> bytes:
    """The file with another value of a top-level element."""
    return put(data, next(e for e in elements(data) if e.tag == tag), value)


def _without(data: bytes, tag: int) -> bytes:
    e = next(e for e in elements(data) if e.tag == tag)
    return data[: e.start] + data[e.end :]


def _compressed(stream: bytes, syntax: str, rows: int, columns: int, **more: object) -> bytes:
    """A file with one codestream, whatever its header says."""
    data = pydicom.dcmread(io.BytesIO(written({"pixels": np.zeros((4, 4), np.uint8), **more})))
    data.Rows, data.Columns, data.file_meta.TransferSyntaxUID = rows, columns, UID(syntax)
    data.PixelData = encapsulate([stream])
    data["PixelData"].VR = "OB"
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _deflated(plain: bytes, zeros: int) -> bytes:
    """The file, deflated, with many zeros in an element before its pixels: full flushes make equal blocks."""
    at, end = next(e.start for e in elements(plain) if e.tag >> 16 != 2), pixels(plain)
    assert end is not None
    packer = zlib.compressobj(wbits=-15)
    head = plain[at : end.start] + struct.pack("<HH2sHI", 0x0029, 0x1000, b"OB", 0, zeros)
    first, block, _ = [packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH) for part in (head, bytes(1 << 20), b"")]
    last = packer.compress(plain[end.start :]) + packer.flush()
    return _with(plain[:at], 0x00020010, b"1.2.840.10008.1.2.1.99") + first + block * (zeros >> 20) + last


# Crafted files whose pixels must not load, and those that must have a problem, by how their names begin.
REFUSED = ("frames", "wide", "short", "length", "more", "bits", "no 00280010", "j2k", "50 ", "70 ", "80 other", "80 cut", "90 ")
PROBLEM = (
    "intercept",
    "slope 1e39",
    "slope nan",
    "2024",
    "2360",
    "frames",
    "zeros",
    "binary VR",
    "wide",
    "csa inf",
    "csa 1e",
    "csa nan",
)


@cache
def crafted() -> dict[str, bytes]:
    """Files that lie on purpose, each in one way."""
    full = {
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "NumberOfFrames": 1,
        "AcquisitionTime": "120000",
        "AcquisitionDate": "20240101",
    }
    grey = written({"pixels": np.arange(64, dtype=np.uint16).reshape(8, 8), **full})
    more = grey + b"\xfc\xff\xfc\xffOB\0\0" + struct.pack("<I", 4096) + b"\x55" * 4096
    native, short = pixels(grey), grey[:-64]
    assert native is not None
    huge = grey[: native.at] + struct.pack("<I", 65535 * 65535 * 2 & 0xFFFFFFFF) + grey[native.value :]
    wide = _with(_with(huge, 0x00280010, b"\xff\xff"), 0x00280011, b"\xff\xff")
    half = grey[: native.at] + struct.pack("<I", 64) + grey[native.value :]
    found = {f"intercept {t.decode()}": _with(grey, 0x00281052, t) for t in (b"1e30", b"inf ", b"-1e300", b"1e39")}
    found |= {f"slope {t.decode()}": _with(grey, 0x00281053, t) for t in (b"1e39", b"nan ", b"1e-50 ")}
    found |= {f"bits {n}": _with(grey, 0x00280100, struct.pack("<H", n)) for n in (0, 1, 7, 24, 65535)}
    found |= {f"{t.decode()} is none": _with(grey, tag, t) for tag, t in ((0x00080022, b"20240231"), (0x00080032, b"236060.5"))}
    found |= {f"frames {n}": _with(grey, 0x00280008, str(n).encode()) for n in (2, 800_000, 2**31, -1)}
    found |= {
        f"no {tag:08x}": _without(grey, tag) for tag in (0x00280002, 0x00280004, 0x00280010, 0x00280100, 0x00280103, 0x00280030)
    }
    found |= {"wide": wide, "short": short, "more behind": half + b"\x55" * 4096, "trailing": more, "length of half": half}
    found["binary VR, odd length"] = _odd_text(grey)
    found["zeros"] = grey[: native.start - 200] + b"\0" * 200 + grey[native.start :]
    found |= {f"csa {t.decode()}": written(_mosaic(t)) for t in (b"inf", b"1e9", b"1e300", b"-1", b"0", b"nan", b"99999999999")}
    found["deflated bomb"] = _deflated(grey, 1 << 31)
    return found | _codestreams()


def _odd_text(grey: bytes) -> bytes:
    """SeriesDescription (text) as FD of seven bytes."""
    at = next(e.start for e in elements(grey) if e.tag == 0x00200011)
    return grey[:at] + struct.pack("<HH2sH", 0x0008, 0x103E, b"FD", 7) + b"1234567" + grey[at:]


def _mosaic(text: bytes) -> dict:  # type: ignore[type-arg]
    return {
        "pixels": np.zeros((16, 16), np.uint16),
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"],
        "Manufacturer": "SIEMENS",
        (0x0019, "SIEMENS MR HEADER", 0x29, "FD"): [float(text)],
        (0x0029, "SIEMENS CSA HEADER", 0x10, "OB"): csa("NumberOfImagesInMosaic", text),
    }


def _codestreams() -> dict[str, bytes]:
    """Codestreams that are larger than said, cut, or without their end; none where no encoder is installed."""
    try:
        import imagecodecs as codecs
    except ImportError:
        return {}
    image, colour = np.arange(4096, dtype=np.uint8).reshape(64, 64), np.zeros((64, 64, 3), np.uint8)
    large = bytearray(codecs.jpeg2k_encode(np.zeros((512, 512), np.uint8), codecformat="j2k", level=0, reversible=True))
    for at in (8, 12, 24, 28):  # SIZ: of the image and of its one tile (ISO 15444-1 A.5.1)
        large[at : at + 4] = struct.pack(">I", 30000)
    root = "1.2.840.10008.1.2.4."
    streams = {"50": codecs.jpeg8_encode(image), "70": codecs.ljpeg_encode(image), "80": codecs.jpegls_encode(image)}
    streams["90"] = codecs.jpeg2k_encode(image, codecformat="j2k", level=0, reversible=True)
    found = {"j2k larger than said": _compressed(bytes(large), f"{root}90", 4, 4)}
    for number, stream in streams.items():
        for part in (0.3, 0.7, 0.95):
            found[f"{number} cut at {part}"] = _compressed(stream[: int(len(stream) * part)], root + number, 64, 64)
        found[f"{number} no end"] = _compressed(stream[:-2], root + number, 64, 64)
        found[f"{number} other size"] = _compressed(stream, root + number, 64, 32)
    three = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    return found | {"jpeg-ls colour": _compressed(codecs.jpegls_encode(colour), f"{root}80", 64, 64, **three)}
