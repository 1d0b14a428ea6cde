"""Crafted files as bytes: a small good image, and the kinds of damage that headers come with."""

import struct
import zlib

import numpy as np

from dcmxarray.headers.compiled.moments import moments

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
DEFLATED, BIG, JPEG_LS = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.80"
MR = "1.2.840.10008.5.1.4.1.1.4"
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
UNDEFINED = 0xFFFFFFFF
PIXELS = 0x7FE00010
SIZE = 4  # rows and columns of the image


def element(tag, vr, value=b"", length=None, order="<", implicit=False):
    """One element; ``length`` may lie."""
    length = len(value) if length is None else length
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack("<I", length) + value
    if vr in LONG:
        return head + vr.encode() + b"\0\0" + struct.pack(f"{order}I", length) + value
    return head + vr.encode() + struct.pack(f"{order}H", length & 0xFFFF) + value


def item(value=b"", length=None):
    """One item of a sequence, or one fragment."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value) if length is None else length) + value


END_OF_ITEM, END_OF_SEQUENCE = struct.pack("<HHI", 0xFFFE, 0xE00D, 0), struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def text(value):
    """A text value, padded."""
    return value.encode() + b" " * (len(value) % 2)


def short(*values):
    return struct.pack(f"<{len(values)}H", *values)


def begin(syntax=EXPLICIT):
    """Preamble and file meta group."""
    meta = element(0x00020002, "UI", text(MR)) + element(0x00020010, "UI", text(syntax).replace(b" ", b"\0"))
    return b"\0" * 128 + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta


def elements(changes=None):
    """Of the small image: tag -> (VR, value); ``changes`` replace or, where ``None``, leave out."""
    known = {
        0x00080008: ("CS", text("ORIGINAL\\PRIMARY\\M")),
        0x00080016: ("UI", MR.encode() + b"\0"),
        0x00080018: ("UI", b"1.2.3.4\0"),
        0x00080020: ("DA", b"20260101"),
        0x00080031: ("TM", b"101500"),
        0x00080060: ("CS", b"MR"),
        0x00080070: ("LO", b"MAKER "),
        0x00180050: ("DS", b"5 "),
        0x0020000D: ("UI", b"1.2.3\0"),
        0x0020000E: ("UI", b"1.2.3.9\0"),
        0x00200013: ("IS", b"1 "),
        0x00200032: ("DS", text("0\\0\\0")),
        0x00200037: ("DS", text("1\\0\\0\\0\\1\\0")),
        0x00280002: ("US", short(1)),
        0x00280004: ("CS", b"MONOCHROME2 "),
        0x00280010: ("US", short(SIZE)),
        0x00280011: ("US", short(SIZE)),
        0x00280030: ("DS", text("1\\1")),
        0x00280100: ("US", short(16)),
        0x00280101: ("US", short(16)),
        0x00280102: ("US", short(15)),
        0x00280103: ("US", short(0)),
        PIXELS: ("OW", bytes(range(2 * SIZE * SIZE))),
    } | (changes or {})
    return {tag: pair for tag, pair in sorted(known.items()) if pair is not None}


def header(changes=None, implicit=False):
    """The elements before the pixel data."""
    rows = elements((changes or {}) | {PIXELS: None})
    return b"".join(element(tag, vr, value, implicit=implicit) for tag, (vr, value) in rows.items())


def image(changes=None, syntax=EXPLICIT):
    """A small image; ``changes`` are as for `elements`."""
    body = b"".join(element(t, vr, v, implicit=syntax == IMPLICIT) for t, (vr, v) in elements(changes).items())
    return begin(syntax) + (deflated(body) if syntax == DEFLATED else body)


def deflated(data):
    """As a deflated data set stands in the file."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def bomb(megabytes):
    """A deflated data set of zeros in one private element, which inflates a thousandfold."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [packer.compress(header() + element(0x60010010, "OB", b"", length=megabytes << 20))]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(megabytes)]
    return begin(DEFLATED) + b"".join(parts) + packer.flush()


def csa(**tags):
    """A CSA header (the form with "SV10"): name -> texts."""
    out = b"SV10\4\3\2\1" + struct.pack("<ii", len(tags), 77)
    for name, values in tags.items():
        out += struct.pack("<64s4s4siii", name.encode(), b"", b"DS", 0, len(values), 77)
        for value in values:
            data = value.encode() + b"\0"
            out += struct.pack("<4i", len(data), len(data), 77, 0) + data + bytes(-len(data) % 4)
    return out


def mosaic(**changes):
    """A mosaic whose CSA header says ``NumberOfImagesInMosaic`` and so on; ``extra`` are further elements."""
    extra = changes.pop("extra", {})
    tags = {name: [value] if isinstance(value, str) else value for name, value in changes.items()}
    private = {0x00290010: ("LO", b"SIEMENS CSA HEADER"), 0x00291010: ("OB", csa(**tags))}
    return image({0x00080008: ("CS", text("ORIGINAL\\PRIMARY\\M\\MOSAIC"))} | private | extra)


def groups(items, frames, leaf=b""):
    """A multi-frame image with functional groups of ``items`` frames, whose NumberOfFrames says ``frames``."""
    place = element(0x00209113, "SQ", item(leaf or element(0x00200032, "DS", text("0\\0\\1"))))
    pixels = bytes(2 * SIZE * SIZE * frames)
    per_frame = ("SQ", b"".join(item(place) for _ in range(items)))
    return image({0x00280008: ("IS", text(str(frames))), 0x52009230: per_frame, PIXELS: ("OW", pixels)})


def zeroed(data, at, count):
    return data[:at] + bytes(count) + data[at + count :]


def deep(levels):
    """Sequences within sequences, none of which ends."""
    return begin() + header() + (element(0x00400555, "SQ", b"", UNDEFINED) + item(b"", UNDEFINED)) * levels


def many_elements(count):
    """A header of so many small private elements before the pixel data."""
    private = b"".join(element(0x60010000 | k & 0xFFFF, "SH", b"ab") for k in range(0x1000, 0x1000 + count))
    return begin() + header() + private + element(PIXELS, "OW", bytes(2 * SIZE * SIZE))


def _frames(said, syntax=EXPLICIT, pixels=None):
    changes = {0x00280008: ("IS", text(str(said)))}
    if pixels is not None:
        changes[PIXELS] = ("OW", pixels)
    return image(changes, syntax)


def _encapsulated(said):
    body = header({0x00280008: ("IS", text(str(said)))})
    fragments = item() + item(b"ab") + END_OF_SEQUENCE
    return begin(JPEG_LS) + body + element(PIXELS, "OB", fragments, UNDEFINED)


_PLACE = image().index(short(0x28, 0x10))  # of Rows and, behind it, Columns
_HALF = len(begin()) + len(header()) // 2

# Each is no image, or an image of which something is wrong: its row has a problem.
BAD = {
    "cut in an element": image()[: _HALF + 3],
    "cut before the pixels": begin() + header(),
    "cut behind the meta group": begin(),
    "cut in the pixels": image()[:-5],
    "zeros in the header": zeroed(image(), _PLACE, 20),
    "zeros to the far end": (begin() + header())[:_HALF] + bytes(100_000),
    "zeros in an implicit header": begin(IMPLICIT)
    + header(implicit=True)
    + bytes(64)
    + element(PIXELS, "", b"ab", implicit=True),
    "odd length of a binary VR": image({0x00080070: ("US", b"abc")}),
    "800,000 frames": _frames(800_000),
    "frames of 1 pixel": _frames(300_000, pixels=bytes(100_000)),
    "two frames, pixels of one": _frames(2),
    "frames that are no number": _frames("1A", pixels=bytes(64)),
    "no frames, pixels of two": _frames(0, pixels=bytes(64)),
    "encapsulated, more frames than fragments": _encapsulated(50),
    "deflated, more frames than bytes": _frames(800_000, DEFLATED),
    "groups of fewer frames": groups(2, 3),
    "mosaic of inf": mosaic(NumberOfImagesInMosaic="inf"),
    "mosaic of 1e9": mosaic(NumberOfImagesInMosaic="1e9"),
    "mosaic of 1e300": mosaic(NumberOfImagesInMosaic="1e300"),
    "mosaic of 30 on 4 x 4 pixels": mosaic(NumberOfImagesInMosaic="30"),
    "mosaic of a word": mosaic(NumberOfImagesInMosaic="many"),
    "slope of a word": image({0x00281053: ("DS", b"one ")}),
    "slope inf": image({0x00281053: ("FD", struct.pack("<d", float("inf")))}),
    "slope 1e400": image({0x00281053: ("DS", b"1e400 ")}),
    "no such day": image({0x00080020: ("DA", b"20240231")}),
    "no such time": image({0x00080031: ("TM", b"236060.5")}),
    "a number beyond int64": image({0x00200013: ("IS", b"1e300 ")}),
    "deflated bomb": bomb(80),
    "deflated, damaged": image(syntax=DEFLATED)[:-120],
    "nested 100,000 deep": deep(100_000),
    "an item of a lying length": begin() + header() + element(0x00081140, "SQ", item(b"", 0x7FFFFFFF), UNDEFINED),
    "no VR": begin() + header() + b"\x10\x00\x10\x00" + b"\xff\xff\xff\xff" * 10,
}

# Odd, and read all the same.
GOOD = {
    "plain": image(),
    "implicit": image(syntax=IMPLICIT),
    "deflated": image(syntax=DEFLATED),
    "padded": begin() + header() + element(PIXELS, "OW", bytes(range(2 * SIZE * SIZE))) + bytes(512),
    "a huge finite slope": image({0x00281053: ("DS", b"1e200 ")}),
    "bits of 65535": image({0x00280100: ("US", short(65535))}),
    "a leap day": image({0x00080020: ("DA", b"20240229")}),
    "a leap second": image({0x00080031: ("TM", b"235960.12345678")}),
    "times of a mosaic that are none": mosaic(
        NumberOfImagesInMosaic="4",
        extra={0x00190010: ("LO", b"SIEMENS MR HEADER "), 0x00191029: ("LO", b"1\\x\\3\\4 ")},
    ),
    "frames": _frames(2, pixels=bytes(64)),
    "100,000 elements": many_elements(50_000),
}


def moment(text, form):
    """One date (0), time (1) or both (2) as the header pass converts it."""
    data = np.frombuffer(text.encode(), np.uint8)
    at, size, one = np.zeros((1, 1), np.int64), np.full((1, 1), data.size, np.uint32), np.zeros(1, np.int64)
    out, marks = np.empty((1, 1), np.int64), np.empty((1, 1), np.uint8)
    moments(data, at, size, one, np.array([form]), out, marks)
    return int(out[0, 0])
