"""Mutators of DICOM files: bytes and a random generator in, other bytes out.

Each one knows the grammar (PS3.5 sections 7 and A.4) only as far as it needs to break it at the right place.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

Mutator = Callable[[bytes, random.Random], bytes]

MOST = 600  # elements of a file that are found
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
LONG = set(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT = b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
VRS = [*SHORT, *sorted(LONG), b"ZZ", b"??", b"\0\0", b"us"]
SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"]
SYNTAXES += [f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 92, 201, 202, 203)]
SYNTAXES += ["1.2.840.10008.1.2.8.1", "1.2.840.113619.5.2", "1.2.3", ""]
NUMBERS = [0, 1, 2, 3, 7, 8, 12, 16, 24, 32, 64, 255, 256, 4096, 32767, 32768, 65535]
LENGTHS = [0, 1, 2, 3, 7, 8, 255, 8192, 8193, 16384, 65535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFD, 0xFFFFFFFE, UNDEFINED]
TEXTS = b"| |0|-1|0.1|1e30|1e39|-1e300|1e999|inf|nan|NaN\\1|1\\2\\3|\\\\|1\\\\3|1\\1e39\\inf|800000|2147483648".split(b"|")
TEXTS += [b"99999999999999999999", b"a" * 70, b"9" * 400, b"\0\0", b"\xff\xfe", b"\x1b$B0!\x1b(B\\x"]
TEXTS += b"20240231|236060.5|2024|2024|1200|12:00:00|20240101120000.5+0100|../../x|/|M\\P|RGB|PALETTE COLOR|YBR_FULL_422".split(
    b"|"
)
TEXTS += b"\\ISO 2022 IR 87|ISO 2022 IR 6\\ISO 2022 IR 149|GB18030|ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC|SIEMENS|UIH".split(b"|")
TEXTS += [b"GE MEDICAL SYSTEMS", b"Philips"]
MARKERS = [b"\xff\xd9", b"\xff\xd8", b"\xff\xc0", b"\xff\xda", b"\xff\xff", b"\xff\x4f", b"\xff\x93"]  # of JPEG and JPEG 2000
SEQUENCES = [(0x0008, 0x1140), (0x5200, 0x9229), (0x5200, 0x9230), (0x0029, 0x1010), (0x0040, 0x9096)]
COUNTS = {0x00191029, 0x0051100B, 0x00020010}  # elements outside of group 28 that count or decide


class Element(NamedTuple):
    """An element or item: where it begins, its tag and VR, where its length stands, on how many bytes, and its value."""

    start: int
    tag: int
    vr: bytes
    at: int
    width: int
    value: int
    end: int


@lru_cache(maxsize=512)
def elements(data: bytes) -> list[Element]:
    """Elements, nested ones, items and fragments, as far as they can be followed."""
    found: list[Element] = []
    p, explicit, meta, inside = (132 if data[128:132] == b"DICM" else 0), True, True, False
    while p + 8 <= len(data) and len(found) < MOST:
        group, number = struct.unpack_from("<HH", data, p)
        vr = data[p + 4 : p + 6]
        if meta and group != 2:
            meta, explicit = False, vr.isalpha()
        if group == 0xFFFE or not explicit:
            vr, at, width = b"", p + 4, 4
        else:
            at, width = (p + 8, 4) if vr in LONG else (p + 6, 2)
        value, tag = at + width, group << 16 | number
        length = int.from_bytes(data[at:value], "little")
        nested = length == UNDEFINED or vr == b"SQ" or (tag == ITEM and not inside)
        inside = inside or tag in PIXELS
        found.append(Element(p, tag, vr, at, width, value, value if nested else max(value, min(value + length, len(data)))))
        p = found[-1].end
    return found


def put(data: bytes, e: Element, value: bytes, length: int | None = None) -> bytes:
    """The file with another value of an element, and its length, or one that is not."""
    written = len(value) if length is None else length
    number = (written & (256**e.width - 1)).to_bytes(e.width, "little")
    return data[: e.at] + number + value + data[e.end :]


def _one(data: bytes, rng: random.Random) -> Element:
    return rng.choice(elements(data) or [Element(0, 0, b"", 0, 4, 4, len(data))])


def cut(data: bytes, rng: random.Random) -> bytes:
    """Ends at or near a boundary, or anywhere."""
    e = _one(data, rng)
    inside = rng.randint(e.value, max(e.value, e.end))
    return data[: rng.choice([e.start, e.at, e.value, e.end, inside, e.end - 1, rng.randint(0, len(data))])]


def length(data: bytes, rng: random.Random) -> bytes:
    """A length that is not the value's."""
    e = _one(data, rng)
    true, left = e.end - e.value, len(data) - e.value
    lie = rng.choice([*LENGTHS, true + 1, true - 1, true + 2, true * 2, left, left + 1, left - 1, left - 8, rng.getrandbits(32)])
    return put(data, e, data[e.value : e.end], lie & 0xFFFFFFFF)


def vr(data: bytes, rng: random.Random) -> bytes:
    """Another VR, with the length where it stood."""
    e = _one(data, rng)
    return data[: e.start + 4] + rng.choice(VRS) + data[e.start + 6 :]


def recoded(data: bytes, rng: random.Random) -> bytes:
    """Another VR, with the length where it belongs."""
    e, new = _one(data, rng), rng.choice(VRS)
    n = e.end - e.value
    head = new + (b"\0\0" + struct.pack("<I", n & 0xFFFFFFFF) if new in LONG else struct.pack("<H", n & 0xFFFF))
    return data[: e.start + 4] + head + data[e.value :]


def tag(data: bytes, rng: random.Random) -> bytes:
    """Another tag: of another element, of an item or delimiter, of pixels, or any."""
    e, other = _one(data, rng), _one(data, rng).tag
    new = rng.choice([other, ITEM, ITEM_END, SEQUENCE_END, *PIXELS, 0x52009229, 0x52009230, 0, 0x00020010, rng.getrandbits(32)])
    return data[: e.start] + struct.pack("<HH", new >> 16, new & 0xFFFF) + data[e.start + 4 :]


def value(data: bytes, rng: random.Random) -> bytes:
    """A value that lies or means nothing; its length is right."""
    e = _one(data, rng)
    text = rng.choice([*TEXTS, bytes(rng.randrange(256) for _ in range(rng.randrange(1, 40)))])
    return put(data, e, text + b" " * (len(text) % 2) if rng.random() < 0.8 else text)


def count(data: bytes, rng: random.Random) -> bytes:
    """A count, a size or a scale that lies."""
    them = [
        e for e in elements(data) if e.tag >> 16 in (0x0028, 0x5200) or e.tag in (0x00280008, 0x00191029, 0x0051100B, 0x00020010)
    ]
    if not them:
        return value(data, rng)
    e = rng.choice(them)
    if e.vr in (b"US", b"SS") or (not e.vr and e.end - e.value == 2):
        return put(data, e, struct.pack("<H", rng.choice(NUMBERS)))
    text = rng.choice(TEXTS)
    return put(data, e, text + b" " * (len(text) % 2))


def flip(data: bytes, rng: random.Random) -> bytes:
    """A few bits or bytes of the header's first part, or of any."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 8]) if out else 0):
        out[rng.randrange(rng.choice([len(out), min(len(out), 2048)]))] ^= rng.choice([1, 2, 4, 8, 16, 32, 64, 128, 255])
    return bytes(out)


def block(data: bytes, rng: random.Random) -> bytes:
    """A run of zeros, or of 0xFF, over what was there."""
    at = rng.choice([_one(data, rng).start, rng.randint(0, len(data))])
    n = rng.choice([2, 8, 16, 100, 512, 4096])
    fill = rng.choice([b"\0", b"\0", b"\xff", b" "]) * n
    return data[:at] + fill[: len(data) - at] + data[at + n :]


def insert(data: bytes, rng: random.Random) -> bytes:
    """Bytes between two elements: delimiters, items, creators, garbage."""
    e = _one(data, rng)
    tags = [(0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD), (0x0029, 0x0010), (0x7FE0, 0x0010), (0x0008, 0xE000)]
    header = struct.pack("<HHI", *rng.choice(tags), rng.choice(LENGTHS))
    creator = struct.pack("<HH2sH", 0x0019, rng.choice([0x10, 0x11, 0xFF]), b"LO", 20) + b"SIEMENS MR HEADER   "
    return data[: e.start] + rng.choice([header, creator, rng.randbytes(rng.randrange(1, 64)), b"\0" * 8]) + data[e.start :]


def pad(data: bytes, rng: random.Random) -> bytes:
    """A private element that moves the rest across the borders of the windows in which a header is read."""
    e = _one(data, rng)
    n = rng.choice([8192, 8194, 16384, 32768, 65536]) - rng.randrange(0, 600)
    group = max(9, (e.tag >> 16) | 1) & 0xFFFF
    head = struct.pack("<HH", group, 0x10FE) + (b"OB\0\0" if e.vr else b"") + struct.pack("<I", n)
    return data[: e.start] + head + b"\x41" * n + data[e.start :]


def double(data: bytes, rng: random.Random) -> bytes:
    """An element that stands twice, there or elsewhere."""
    e, at = _one(data, rng), rng.choice([_one(data, rng).start, -1])
    at = e.end if at < 0 else at
    return data[:at] + data[e.start : e.end] * rng.choice([1, 1, 2, 50]) + data[at:]


def remove(data: bytes, rng: random.Random) -> bytes:
    """An element less."""
    e = _one(data, rng)
    return data[: e.start] + data[e.end :]


def move(data: bytes, rng: random.Random) -> bytes:
    """Two elements change places."""
    a, b = sorted([_one(data, rng), _one(data, rng)])
    if a.end > b.start:
        return data
    return data[: a.start] + data[b.start : b.end] + data[a.end : b.start] + data[a.start : a.end] + data[b.end :]


def nest(data: bytes, rng: random.Random) -> bytes:
    """Some elements inside a sequence, of a length that is right, undefined or wrong; seldom, very deep."""
    a, b = sorted([_one(data, rng), _one(data, rng)])
    explicit, depth = bool(a.vr), rng.choice([1, 1, 1, 2, 9, 1500])
    heads = struct.pack("<HH", *rng.choice(SEQUENCES))
    heads += rng.choice([b"SQ\0\0", b"UN\0\0"]) if explicit else b""
    inner = data[a.start : b.end]
    n = rng.choice([UNDEFINED, len(inner) + 8, len(inner), rng.getrandbits(16)])
    head = heads + struct.pack("<IHHI", n, 0xFFFE, 0xE000, rng.choice([UNDEFINED, len(inner)]))
    tail = rng.choice([b"", struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)])
    return data[: a.start] + head * depth + inner + tail * depth + data[b.end :]


def syntax(data: bytes, rng: random.Random) -> bytes:
    """Another transfer syntax is said; or the data set is deflated; or the preamble or the file meta group is gone."""
    found = elements(data)
    meta_end = next((e.start for e in found if e.tag >> 16 != 2), 132)
    what = rng.randrange(6)
    if what == 0:
        return data[132:] if data[128:132] == b"DICM" else b"\0" * 128 + b"DICM" + data
    if what == 1:
        return data[meta_end:]
    said = next((e for e in found if e.tag == 0x00020010), None)
    if said is None:
        return data
    uid = SYNTAXES[2] if what == 2 else rng.choice(SYNTAXES)
    body = zlib.compress(data[meta_end:], wbits=-15) if what == 2 else data[meta_end:]
    return put(data[:meta_end], said, uid.encode() + b"\0" * (len(uid) % 2)) + body


def fragments(data: bytes) -> list[Element]:
    """The items of encapsulated pixel data, the offset table first; [] where they are native."""
    found = elements(data)
    first = next((k for k, e in enumerate(found) if e.tag in PIXELS), len(found))
    return [e for e in found[first + 1 :] if e.tag == ITEM]


def pixels(data: bytes) -> Element | None:
    """The pixel data element."""
    return next((e for e in elements(data) if e.tag in PIXELS), None)


def cut_pixels(data: bytes, rng: random.Random) -> bytes:
    """The file ends inside of the pixel data."""
    e = pixels(data)
    ends = [at for f in fragments(data)[1:] for at in (f.start, f.value, f.end)]
    return data if e is None else data[: rng.choice([rng.randint(e.value, len(data)), len(data) - rng.randint(0, 20), *ends])]


def pixel_length(data: bytes, rng: random.Random) -> bytes:
    """Native pixel data of another length, or encapsulated data with one."""
    e = pixels(data)
    if e is None:
        return data
    n = rng.choice([*LENGTHS, (e.end - e.value) // 2 & ~1, (e.end - e.value) * 2, len(data) - e.value - 8])
    return data[: e.at] + struct.pack("<I", n & 0xFFFFFFFF)[: e.width] + data[e.value :]


def fragment(data: bytes, rng: random.Random) -> bytes:
    """A fragment whose length lies, that is split, twice there, empty or gone."""
    parts = fragments(data)
    if not parts:
        return pixel_length(data, rng)
    e = rng.choice(parts)
    inner, what = data[e.value : e.end], rng.randrange(6)
    if what == 0:
        return put(data, e, inner, rng.choice([*LENGTHS, len(inner) - 2, len(inner) + 2, len(data)]))
    k = rng.randint(0, len(inner)) & ~1
    split = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(x)) + x for x in (inner[:k], inner[k:]))
    whole = data[e.start : e.end]
    empty = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    return data[: e.start] + [split, whole * 2, empty, b"", whole + whole[:8]][what - 1] + data[e.end :]


def offsets(data: bytes, rng: random.Random) -> bytes:
    """An offset table that lies."""
    parts = fragments(data)
    if not parts:
        return data
    true = [f.start - parts[0].end for f in parts[1:]]
    told = [rng.choice([0, 8, 1 << 31, UNDEFINED, *true]) for _ in range(rng.choice([0, 1, 2, 3, 9]))]
    return put(data, parts[0], struct.pack(f"<{len(told)}I", *(t & UNDEFINED for t in told)))


def _in_stream(data: bytes, rng: random.Random) -> tuple[int, int]:
    """Ends of a codestream, or of native pixel data."""
    parts = [e for e in fragments(data)[1:] if e.end > e.value]
    e = rng.choice(parts) if parts else pixels(data)
    return (0, len(data)) if e is None else (e.value, max(e.value + 1, e.end))


def stream_flip(data: bytes, rng: random.Random) -> bytes:
    """Some bits of a codestream, more often of its head."""
    a, b = _in_stream(data, rng)
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8]) if a < len(data) else 0):
        out[rng.randrange(a, min(len(data), rng.choice([b, a + 120])))] ^= 1 << rng.randrange(8)
    return bytes(out)


def marker(data: bytes, rng: random.Random) -> bytes:
    """A marker of JPEG or JPEG 2000 put in, changed or taken away; the size that a frame header says."""
    a, b = _in_stream(data, rng)
    places = [k for k in range(a, min(b, len(data)) - 10) if data[k] == 0xFF and data[k + 1] > 1][:400]
    at = rng.choice(places or [a])
    sizes = struct.pack(">H", rng.choice(NUMBERS)), struct.pack(">I", rng.choice([*NUMBERS, 30000, 1 << 24]))
    put_at = at + rng.choice([2, 4, 5, 7, 8, 12, 16, 20])
    new = rng.choice([*MARKERS, bytes([255, rng.randrange(256)])])
    size = rng.choice(sizes)
    changed = [data[:at] + new + data[at + 2 :], data[:put_at] + size + data[put_at + len(size) :]]
    return rng.choice([*changed, changed[1], data[:at] + new + data[at:], data[:at] + data[at + 2 :]])


HEADER: tuple[Mutator, ...] = (
    *(cut, length, length, vr, recoded, tag, value, value, count, count, flip, block),
    *(insert, pad, double, remove, move, nest, syntax),
)
PIXEL: tuple[Mutator, ...] = (
    *(cut_pixels, pixel_length, fragment, fragment, offsets, stream_flip, stream_flip, marker, marker, marker),
    *(count, count, value, syntax, length, tag, remove, flip, block),
)


def splice(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """The head of one file and the tail of another, joined between elements or anywhere."""
    other = rng.choice(others)
    a, b = _one(data, rng).start, _one(other, rng).start
    if rng.random() < 0.3:
        a, b = rng.randint(0, len(data)), rng.randint(0, len(other))
    return data[:a] + other[b:]
