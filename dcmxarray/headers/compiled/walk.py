"""The compiled walk: finds the offset of each wanted element in the head of a DICOM file (PS3.5 section 7).

It owns the byte grammar of explicit and implicit VR little endian, nested sequences and private blocks.  It never copies,
converts or opens anything.  It trusts no length: every read is inside the window, and every step moves forward.
"""

from __future__ import annotations

import numpy as np

from ...jit import helper
from .loads import u8, u16, u32

# The status of the walk of a file.
DONE = 0  # it reached the pixel data or the end of the file
MORE = 1  # it needs another window, beginning at POS
FOREIGN = 2  # malformed, or in an encoding that only pydicom reads
CUT = 3  # the file ends in the middle of an element
NOT = 4  # not a DICOM file
ZEROS = 5  # zeros where an element should begin

# Columns of the state of a file.
STATE = 14
POS, DEPTH, EXPLICIT, SWITCH, META, STATUS, PIXEL_ELEMENT, PIXEL_AT, PIXEL_LENGTH, GROUP = range(10)
SIZE, SYNTAX, NOTES, MODIFIED = range(10, STATE)
ORPHANS, LEFT_OUT = 1, 2  # NOTES: the file has a private element without a creator, a value left in the file

UNDEFINED = 0xFFFFFFFF
IN_FILE = -2  # an offset IN_FILE - n means byte n of the file: the value is not in the buffer
PIXEL_GROUP = 0x7FE0
ITEM = 0xFFFEE000
MOST = 8192  # bytes; a longer value is left in the file
PADDING = 8192  # so many zeros at the end of a file count as padding
UNRESERVED = -2  # a private block without a creator
ORPHAN = 1 << 16  # flag on a VR: the element's private block has no creator
NO_VR = -2
UN = 0x4E55  # "UN" in little endian
DICM = 0x4D434944  # "DICM" in little endian


_LETTERS = np.uint64(26)
_LONG_VRS = np.zeros(26 * 26, np.uint8)
for _a, _b in ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"):
    _LONG_VRS[26 * (ord(_a) - 65) + ord(_b) - 65] = 1


@helper
def _is_long(v):  # type: ignore[no-untyped-def]
    """Whether a VR, two capital letters, has a 32-bit length (PS3.5 table 7.1-1)."""
    return u8(_LONG_VRS, 26 * ((v & 0xFF) - 65) + (v >> 8) - 65) != 0


@helper
def _letters(v):  # type: ignore[no-untyped-def]
    """Whether two bytes are capital letters, as in every VR."""
    return (np.uint64((v & 0xFF) - 65) < _LETTERS) & (np.uint64((v >> 8) - 65) < _LETTERS)


@helper
def _encoding(buf, at, size):  # type: ignore[no-untyped-def]
    """-1 if the transfer syntax in the file meta group is big endian or deflated, else 0 (PS3.5 section 10)."""
    n = size
    while n > 0 and u8(buf, at + n - 1) & 0xDF == 0:  # NUL or space
        n -= 1
    if n == 19 and u8(buf, at + 18) == 50:  # 1.2.840.10008.1.2.2
        return -1
    if n == 22 and u32(buf, at + 18) == 0x39392E31:  # 1.2.840.10008.1.2.1.99
        return -1
    return 0


@helper
def _plausible(buf, filled, size):  # type: ignore[no-untyped-def]
    """Whether a file without preamble begins like a data set: 1 little endian, -1 big endian, 0 not DICOM."""
    if filled < 12:
        return 0
    group = u16(buf, 0)
    if group == 0x0800:
        return -1 if u8(buf, 2) <= 1 and (_letters(u16(buf, 4)) or u8(buf, 4) == 0) else 0
    if ((group != 2) & (group != 8)) | (u16(buf, 2) > 0x0118):
        return 0
    if _letters(u16(buf, 4)):
        return 1
    return 1 if u32(buf, 4) < 1024 and u32(buf, 4) < size and group == 8 else 0


@helper
def begin(buf, filled, size, state):  # type: ignore[no-untyped-def]
    """Initialize the state of a file from its first window ``buf[:filled]``; ``size`` is that of the file."""
    modified = state[MODIFIED]
    state[:] = 0
    state[MODIFIED] = modified
    state[SWITCH] = -1
    state[PIXEL_AT] = -1
    state[PIXEL_LENGTH] = -1
    state[SIZE] = size
    state[META] = 1
    state[EXPLICIT] = 1
    state[STATUS] = MORE
    if filled >= 132 and u32(buf, 128) == DICM:
        state[POS] = 132
        return
    found = _plausible(buf, filled, size)
    if found == 0:
        state[STATUS] = NOT
    elif found < 0:
        state[STATUS] = FOREIGN


@helper
def _creator(buf, at, length, names, spans):  # type: ignore[no-untyped-def]
    """The index of the wanted private creator that a value equals, or -1."""
    n = length
    while n > 0 and u8(buf, at + n - 1) & 0xDF == 0:  # NUL or space
        n -= 1
    for c in range(spans.size - 1):
        lo = spans[c]
        if spans[c + 1] - lo == n:
            k = 0
            while k < n and u8(names, lo + k) == u8(buf, at + k):
                k += 1
            if k == n:
                return c
    return -1


@helper
def _private(tag, blocks, private):  # type: ignore[no-untyped-def]
    """The column of a private element by (group, creator, last byte), or -1.

    Without a creator for block 0x10 (some anonymisers remove it), the element of any wanted creator is taken.
    """
    creator = blocks[(tag >> 8) & 0xFF]
    unreserved = (creator == UNRESERVED) & ((tag >> 8) & 0xFF == 0x10)
    if (creator < 0) & (not unreserved):
        return -1
    for k in range(private.shape[0]):
        if (private[k, 0] == tag >> 16) & (private[k, 2] == tag & 0xFF) & ((private[k, 1] == creator) | unreserved):
            return private[k, 3]
    return -1


@helper
def _element(buf, p, hi, explicit):  # type: ignore[no-untyped-def]
    """VR (0 if implicit), length and offset of the value; the offset is -1 if past the window, NO_VR if the VR is invalid."""
    if not explicit:
        return 0, u32(buf, p + 4), p + 8
    code = u16(buf, p + 4)
    if not _letters(code):
        return code, 0, NO_VR
    if not _is_long(code):
        return code, u16(buf, p + 6), p + 8
    if p + 12 > hi:
        return code, 0, -1
    return code, u32(buf, p + 8), p + 12


@helper
def _note_private(buf, tag, value, length, hi, state, blocks, wanted):  # type: ignore[no-untyped-def]
    """The column of a private element, or -1; records private creators in ``blocks`` (PS3.5 section 7.8)."""
    element = tag & 0xFFFF
    if tag >> 16 != state[GROUP]:
        state[GROUP] = tag >> 16
        blocks[:] = UNRESERVED
    if (element >= 0x10) & (element <= 0xFF) & (value + length <= hi):
        blocks[element] = _creator(buf, value, length, wanted[3], wanted[4])
    return _private(tag, blocks, wanted[2]) if element >= 0x1000 else -1


@helper
def _large_column(tag, wanted):  # type: ignore[no-untyped-def]
    """The column of a large public element, or -1."""
    k = np.searchsorted(wanted[0], tag)
    column = wanted[1][k] if wanted[0][k] == tag else -1
    return column if column >= 0 and wanted[5][column] else -1


@helper
def _begins(buf, p, state):  # type: ignore[no-untyped-def]
    """The encoding after the file meta group: 0 implicit VR, 1 explicit VR, -1 one that pydicom reads.

    The bytes decide between implicit and explicit VR, whatever the transfer syntax says.
    """
    if state[SYNTAX] < 0 or u16(buf, p) == 0x0800:
        return -1
    return 1 if _letters(u16(buf, p + 4)) else 0


@helper
def _at_zeros(buf, p, hi, limit, depth):  # type: ignore[no-untyped-def]
    """The status at an element whose tag and length are zero; zeros up to the end of the file are padding."""
    if depth > 0 or limit - p > PADDING:
        return ZEROS
    if hi < limit:
        return MORE
    while p < hi and u8(buf, p) == 0:
        p += 1
    return DONE if p == hi else ZEROS


@helper
def walk(buf, hi, base, state, blocks, wanted, seen):  # type: ignore[no-untyped-def]
    """Walk one window ``buf[:hi]``, which holds the file from byte ``base`` on, and update ``state`` and ``seen``.

    The rows of ``seen`` are the offsets (into ``buf``), lengths and VRs by column.  ``wanted`` is the tuple (sorted tags, their
    columns, rows of private elements, names of creators, their offsets, which columns are large) of `headers.elements.Wanted`.
    """
    tags, columns, large = wanted[0], wanted[1], wanted[5]
    limit = state[SIZE] - base
    p, depth, switch, j = state[POS] - base, state[DEPTH], state[SWITCH], 0
    explicit, meta, status, stays = state[EXPLICIT] == 1, state[META] == 1, MORE, False
    while True:
        if p + 8 > hi:
            status = DONE if p == limit and depth == 0 and not meta else (MORE if p + 8 <= limit else CUT)
            break
        group = u16(buf, p)
        tag = (group << 16) | u16(buf, p + 2)
        if group == 0xFFFE:
            if depth == 0:
                status = FOREIGN
                break
            length = u32(buf, p + 4)
            p += 8
            if tag == ITEM:
                depth += 1 if length == UNDEFINED else 0
                p += 0 if length == UNDEFINED else length
                continue
            depth -= 1
            if depth == switch:
                explicit, switch = True, -1
            continue
        if tag == 0 and u32(buf, p + 4) == 0:
            status = _at_zeros(buf, p, hi, limit, depth)
            break
        if meta and group != 2:
            begins = _begins(buf, p, state)
            if begins < 0:
                status = FOREIGN
                break
            meta, explicit = False, begins == 1
        code, length, value = _element(buf, p, hi, explicit)
        if value < 0:
            status = FOREIGN if value == NO_VR else (MORE if p + 12 <= limit else CUT)
            break
        element = tag & 0xFFFF
        if (depth == 0) & (group == PIXEL_GROUP) & (element >= 8):
            state[PIXEL_ELEMENT], state[PIXEL_AT] = element, base + value
            state[PIXEL_LENGTH] = -1 if length == UNDEFINED else length
            status = DONE
            break
        if length == UNDEFINED:
            if (code == UN) & (switch < 0):  # UN of undefined length holds implicit VR (PS3.5 section 6.2.2)
                switch, explicit = depth, False
            column = _large_column(tag, wanted) if depth == 0 else -1
            if column >= 0:  # a sequence: noted, without its length
                seen[0, column], seen[1, column], seen[2, column] = IN_FILE - (base + value), 0, code
            depth += 1
            p = value
            continue
        if depth == 0:
            column, private = -1, group & 1 == 1
            if private:
                column = _note_private(buf, tag, value, length, hi, state, blocks, wanted)
            if column < 0:
                if tags[j - 1] >= tag:  # the first element, or out of order
                    j = 0
                while tags[j] < tag:  # the last entry is greater than every tag
                    j += 1
                column = columns[j] if (tags[j] == tag) & (meta | (group != 2)) else -1  # group 2 in the file meta only
            end = value + length
            if (column >= 0) | (private & (element >= 0x10) & (element <= 0xFF) & (length < 128)):
                stays = (column >= 0) & (large[column] | (length > MOST))
                if (end > limit) | ((end > hi) & (not stays)):
                    status = CUT if end > limit else MORE
                    break
            if column >= 0:
                orphan = private & (element >= 0x1000) & (blocks[(tag >> 8) & 0xFF] == UNRESERVED)
                seen[0, column] = IN_FILE - (base + value) if stays else value
                seen[1, column], seen[2, column] = length, code | ORPHAN * orphan
                state[NOTES] |= ORPHANS * orphan | LEFT_OUT * (stays & (not large[column]))
                if meta & (column == 0) & (not stays):  # TransferSyntaxUID is the first column
                    state[SYNTAX] = _encoding(buf, value, length)
        p = value + length
    state[POS], state[DEPTH], state[SWITCH], state[STATUS] = base + p, depth, switch, status
    state[EXPLICIT], state[META] = 1 if explicit else 0, 1 if meta else 0
