"""The compiled walk: where, in the head of a DICOM file, each wanted element lies (PS3.5 section 7).

It owns the byte grammar of explicit and implicit VR little endian, nested sequences and private blocks, and never copies,
converts or opens anything.  No length is trusted: every read is bounded by the window, every step moves forward.
"""

from __future__ import annotations

import numpy as np

from ..jit import compiled, inlined

# How the walk of a file stands.
DONE = 0  # pixel data, or the end of the file, reached
MORE = 1  # another window is needed, beginning at POS
ODD = 2  # not understood, or an encoding that pydicom reads
CUT = 3  # the file ends in the middle of an element
NOT = 4  # no DICOM file

# Columns of the state of a file.
POS, DEPTH, EXPLICIT, SWITCH, META, STATUS, PIXEL_ELEMENT, PIXEL_AT, PIXEL_LENGTH, GROUP, SIZE, SYNTAX, NOTES = range(13)
STATE = 13
ORPHANS, TOO_LONG = 1, 2  # NOTES: the file has a private element without a creator, a value left in the file

UNDEFINED = 0xFFFFFFFF
FAR = -2  # an offset of FAR - n says: at byte n of the file, not in the buffer
PIXEL_GROUP = 0x7FE0
ITEM = 0xFFFEE000
LARGE = 8192  # bytes; a longer value is left in the file and only noted
UNRESERVED = -2  # a private block without a creator
ORPHAN = 1 << 16  # flag on a VR: the element's private block has no creator
UN = 0x4E55  # "UN", as two bytes


@compiled
def _at(b, p):  # type: ignore[no-untyped-def]
    """A byte; the unsigned index spares the test for negative ones, so that neighbouring bytes become one load."""
    return np.int64(b[np.uint64(p)])


@compiled
def _u16(b, p):  # type: ignore[no-untyped-def]
    return _at(b, p) | (_at(b, p + 1) << 8)


@compiled
def _u32(b, p):  # type: ignore[no-untyped-def]
    return _u16(b, p) | (_u16(b, p + 2) << 16)


_LETTERS = np.uint64(26)
_LONG_VRS = np.zeros(26 * 26, np.bool_)
for _a, _b in ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"):
    _LONG_VRS[26 * (ord(_a) - 65) + ord(_b) - 65] = True


@compiled
def _is_long(v):  # type: ignore[no-untyped-def]
    """Whether a VR, two capital letters, has a 32-bit length (PS3.5 table 7.1-1)."""
    return _LONG_VRS[np.uint64(26 * ((v & 0xFF) - 65) + (v >> 8) - 65)]


@compiled
def _letters(b, p):  # type: ignore[no-untyped-def]
    return np.uint64(_at(b, p) - 65) < _LETTERS and np.uint64(_at(b, p + 1) - 65) < _LETTERS


@compiled
def _encoding(buf, at, size):  # type: ignore[no-untyped-def]
    """-1 big endian or deflated, else 0: from the transfer syntax of the file meta group (PS3.5 section 10)."""
    n = size
    while n > 0 and (buf[at + n - 1] == 0 or buf[at + n - 1] == 32):
        n -= 1
    if n == 19 and buf[at + 18] == 50:  # 1.2.840.10008.1.2.2
        return -1
    if n == 22 and buf[at + 18] == 49 and buf[at + 20] == 57 and buf[at + 21] == 57:  # 1.2.840.10008.1.2.1.99
        return -1
    return 0


@compiled
def _plausible(buf, filled, size):  # type: ignore[no-untyped-def]
    """Whether a file without preamble begins like a data set: 1 little endian, -1 big endian, 0 no DICOM."""
    if filled < 12:
        return 0
    group = _u16(buf, 0)
    if group == 0x0800:
        return -1 if buf[2] <= 1 and (_letters(buf, 4) or buf[4] == 0) else 0
    if group != 2 and group != 8:
        return 0
    if _u16(buf, 2) > 0x0118:
        return 0
    if _letters(buf, 4):
        return 1
    return 1 if _u32(buf, 4) < min(size, 1024) and group == 8 else 0


@compiled
def begin(buf, filled, size, state):  # type: ignore[no-untyped-def]
    """Set the state of a file whose first window is ``buf[:filled]``."""
    state[:] = 0
    state[SWITCH] = -1
    state[PIXEL_AT] = -1
    state[PIXEL_LENGTH] = -1
    state[SIZE] = size
    state[META] = 1
    state[EXPLICIT] = 1
    state[STATUS] = MORE
    if filled >= 132 and buf[128] == 68 and buf[129] == 73 and buf[130] == 67 and buf[131] == 77:
        state[POS] = 132
        return
    found = _plausible(buf, filled, size)
    if found == 0:
        state[STATUS] = NOT
    elif found < 0:
        state[STATUS] = ODD


@compiled
def _creator(buf, at, length, names, spans):  # type: ignore[no-untyped-def]
    """Which of the wanted private creators a value is, or -1."""
    n = length
    while n > 0 and (buf[at + n - 1] == 32 or buf[at + n - 1] == 0):
        n -= 1
    for c in range(spans.size - 1):
        lo = spans[c]
        if spans[c + 1] - lo != n:
            continue
        same = True
        for k in range(n):
            if names[lo + k] != buf[at + k]:
                same = False
                break
        if same:
            return c
    return -1


@compiled
def _private(tag, blocks, private):  # type: ignore[no-untyped-def]
    """The column of a private element by (group, creator, last byte), or -1.

    Where no creator reserves block 0x10 (some anonymisers strip it), any wanted creator's element is meant.
    """
    creator = blocks[(tag >> 8) & 0xFF]
    unreserved = creator == UNRESERVED and (tag >> 8) & 0xFF == 0x10
    if creator < 0 and not unreserved:
        return -1
    for k in range(private.shape[0]):
        if private[k, 0] == (tag >> 16) and private[k, 2] == (tag & 0xFF) and (private[k, 1] == creator or unreserved):
            return private[k, 3]
    return -1


@inlined
def _element(buf, p, hi, explicit):  # type: ignore[no-untyped-def]
    """VR (0 where implicit, -1 where there is none), length and place of the value; the place is -1 past the window."""
    if not explicit:
        return 0, _u32(buf, p + 4), p + 8
    if not _letters(buf, p + 4):
        return -1, 0, p
    code = _u16(buf, p + 4)
    if not _is_long(code):
        return code, _u16(buf, p + 6), p + 8
    if p + 12 > hi:
        return code, 0, -1
    return code, _u32(buf, p + 8), p + 12


@compiled
def _note_private(buf, tag, value, length, hi, state, blocks, wanted):  # type: ignore[no-untyped-def]
    """The column of a private element, or -1; notes creators on the way (PS3.5 section 7.8)."""
    _, _, private, names, spans, _ = wanted
    element = tag & 0xFFFF
    if tag >> 16 != state[GROUP]:
        state[GROUP] = tag >> 16
        blocks[:] = UNRESERVED
    if 0x10 <= element <= 0xFF and value + length <= hi:
        blocks[element] = _creator(buf, value, length, names, spans)
    return _private(tag, blocks, private) if element >= 0x1000 else -1


@compiled
def _begins(buf, p, state):  # type: ignore[no-untyped-def]
    """Behind the file meta group: 0 implicit, 1 explicit VR, -1 for pydicom; what the bytes show wins."""
    if state[SYNTAX] < 0 or _u16(buf, p) == 0x0800:
        return -1
    return 1 if _letters(buf, p + 4) else 0


@compiled
def walk(buf, hi, base, state, blocks, wanted, at, size, vr):  # type: ignore[no-untyped-def]
    """Walk one window ``buf[:hi]``, which holds the file from byte ``base`` on; ends with the state's STATUS.

    ``at``, ``size`` and ``vr`` are this file's offsets (into ``buf``), lengths and VRs by column; ``wanted`` is the tuple
    (sorted tags, their columns, private rows, creators' names, their spans, far columns) of `headers.wanted`.
    """
    tags, columns, far = wanted[0], wanted[1], wanted[5]
    limit = state[SIZE] - base
    p, depth, switch, j = state[POS] - base, state[DEPTH], state[SWITCH], 0
    explicit, meta, status = state[EXPLICIT] == 1, state[META] == 1, MORE
    while True:
        if p + 8 > hi:
            status = DONE if p == limit and depth == 0 else (MORE if p + 8 <= limit else CUT)
            break
        group = _u16(buf, p)
        tag = (group << 16) | _u16(buf, p + 2)
        if group == 0xFFFE:
            if depth == 0:
                status = ODD
                break
            length = _u32(buf, p + 4)
            p += 8
            if tag == ITEM:
                depth += 1 if length == UNDEFINED else 0
                p += 0 if length == UNDEFINED else length
                continue
            depth -= 1
            if depth == switch:
                explicit, switch = True, -1
            continue
        if meta and group != 2:
            begins = _begins(buf, p, state)
            if begins < 0:
                status = ODD
                break
            meta, explicit = False, begins == 1
        code, length, value = _element(buf, p, hi, explicit)
        if code < 0:
            status = DONE if tag == 0 and depth == 0 else ODD
            break
        if value < 0:
            status = MORE if p + 12 <= limit else CUT
            break
        if length == UNDEFINED and not (depth == 0 and group == PIXEL_GROUP and tag & 0xFFFF >= 8):
            if code == UN and switch < 0:  # UN of undefined length holds implicit VR (PS3.5 section 6.2.2)
                switch, explicit = depth, False
            depth += 1
            p = value
            continue
        if depth == 0:
            if group == PIXEL_GROUP and tag & 0xFFFF >= 8:
                state[PIXEL_ELEMENT], state[PIXEL_AT] = tag & 0xFFFF, base + value
                state[PIXEL_LENGTH] = -1 if length == UNDEFINED else length
                status = DONE
                break
            column, creator = -1, False
            if group & 1:
                column = _note_private(buf, tag, value, length, hi, state, blocks, wanted)
                creator = 0x10 <= tag & 0xFFFF <= 0xFF and length < 128
            if column < 0:
                if j > 0 and tags[j - 1] >= tag:
                    j = 0
                while j < tags.size and tags[j] < tag:
                    j += 1
                if j < tags.size and tags[j] == tag:
                    column = columns[j]
            if column >= 0 or creator:
                distant = column >= 0 and (far[column] or length > LARGE)
                if value + length > limit or (value + length > hi and not distant):
                    status = CUT if value + length > limit else MORE
                    break
                if column >= 0:
                    orphan = group & 1 and tag & 0xFFFF >= 0x1000 and blocks[(tag >> 8) & 0xFF] == UNRESERVED
                    at[column] = FAR - (base + value) if distant else value
                    size[column], vr[column] = length, code | (ORPHAN if orphan else 0)
                    state[NOTES] |= (ORPHANS if orphan else 0) | (TOO_LONG if distant and not far[column] else 0)
                    if meta and column == 0 and not distant:  # TransferSyntaxUID is the first column
                        state[SYNTAX] = _encoding(buf, value, length)
        p = value + length
    state[POS], state[DEPTH], state[SWITCH], state[STATUS] = base + p, depth, switch, status
    state[EXPLICIT], state[META] = 1 if explicit else 0, 1 if meta else 0
