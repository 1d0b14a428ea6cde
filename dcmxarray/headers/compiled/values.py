"""Compiled converters from bytes of elements to numbers and texts (PS3.5 section 6.2), column by column.

They take offsets into a buffer and never raise; values that can't be converted are marked.  Numbers with more digits than a
float64 holds exactly are marked LONG and parsed by Arrow, which rounds correctly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...jit import compiled, helper
from .loads import f32, f64, s16, s32, s64, u8, u16, u32, u64

Buffer = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Lengths = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.uint8]

# The result of a conversion: no value, converted, not convertible, left to a parser that rounds correctly.
ABSENT, GOOD, BAD, LONG = 0, 1, 2, 3

_POWERS = 10.0 ** np.arange(23)
EXACT = 1 << 53
_BLANKS = 1 << 32 | 1 << 13 | 1 << 10 | 1 << 9 | 1  # NUL, tab, LF, CR and space, one bit each (padding, PS3.5 6.2)
_TOO_MANY = 99  # stands for a number of digits that int64 can't hold


def vr_code(vr: str) -> int:
    """A VR as the walk encodes it: two bytes in little endian."""
    return ord(vr[0]) | ord(vr[1]) << 8


_FL, _FD, _US, _SS, _UL, _SL, _UV, _SV, _UN, _OB, _OW = (
    vr_code(v) for v in ("FL", "FD", "US", "SS", "UL", "SL", "UV", "SV", "UN", "OB", "OW")
)


@helper
def _blank(c):  # type: ignore[no-untyped-def]
    """Whether a byte is padding."""
    return (_BLANKS >> (c & 63)) & (c < 64) != 0


@helper
def _trim(buf, a, b):  # type: ignore[no-untyped-def]
    """Begin and end of a value without its padding (PS3.5 6.2)."""
    while b > a and _blank(u8(buf, b - 1)):
        b -= 1
    while a < b and _blank(u8(buf, a)):
        a += 1
    return a, b


@helper
def _digits(buf, a, b):  # type: ignore[no-untyped-def]
    """Parse digits with at most one point: (mantissa, digits, digits after the point, offset of the end)."""
    mantissa, count, after, point = np.int64(0), 0, 0, 0
    while a < b:
        digit = u8(buf, a) - 48
        if (digit >= 0) & (digit <= 9):
            if mantissa >= 10**17:
                return mantissa, _TOO_MANY, after, b
            mantissa = mantissa * 10 + digit
            count += 1
            after += point
        elif (digit == -2) & (point == 0):
            point = 1
        else:
            break
        a += 1
    return mantissa, count, after, a


@helper
def _exponent(buf, a, b):  # type: ignore[no-untyped-def]
    """Parse an exponent that begins at ``a``: its value, and the offset of its end or -1 if it has no digits."""
    sign = u8(buf, a)
    a += (sign == 45) | (sign == 43)
    start, power = a, np.int64(0)
    while a < b:
        digit = u8(buf, a) - 48
        if (digit < 0) | (digit > 9) | (power >= 1000):
            break
        power = power * 10 + digit
        a += 1
    return (-power if sign == 45 else power), (a if a > start else -1)


@helper
def parse_number(buf, a, b):  # type: ignore[no-untyped-def]
    """Parse a number to float64: (value, mark).

    It is exact for mantissas below 2**53 and powers of ten up to 22 (Clinger 1990); all others are marked LONG.
    """
    a, b = _trim(buf, a, b)
    if a == b:
        return np.nan, ABSENT
    sign = u8(buf, a)
    mantissa, count, after, a = _digits(buf, a + ((sign == 45) | (sign == 43)), b)
    exponent = -after
    if (a + 1 < b) & (count > 0) and u8(buf, a) | 32 == 101:
        power, a = _exponent(buf, a + 1, b)
        exponent += power
    if (a != b) | (count == 0):
        return np.nan, BAD
    if (count == _TOO_MANY) | (mantissa >= EXACT) | (exponent > 22) | (exponent < -22):
        return np.nan, LONG
    value = -float(mantissa) if sign == 45 else float(mantissa)
    return (value * _POWERS[exponent] if exponent >= 0 else value / _POWERS[-exponent]), GOOD


@helper
def _width(code):  # type: ignore[no-untyped-def]
    """The number of bytes of one value of a binary VR; 0 for text."""
    two = (code == _US) | (code == _SS)
    four = (code == _FL) | (code == _UL) | (code == _SL)
    eight = (code == _FD) | (code == _UV) | (code == _SV)
    return 2 * two + 4 * four + 8 * eight


@helper
def _binary(buf, p, code):  # type: ignore[no-untyped-def]
    """The number of binary VR ``code`` at ``p``, as float64."""
    if code == _US:
        return float(u16(buf, p))
    if code == _SS:
        return float(s16(buf, p))
    if code == _UL:
        return float(u32(buf, p))
    if code == _SL:
        return float(s32(buf, p))
    if code == _FL:
        return float(f32(buf, p))
    if code == _FD:
        return f64(buf, p)
    return float(s64(buf, p)) if code == _SV else float(u64(buf, p))


@helper
def _texts_to_numbers(buf, a, b, i, first, last, out, marks):  # type: ignore[no-untyped-def]
    """Parse a backslash list into column ``i`` of rows ``first`` to ``last``; BAD if it has another number of values."""
    row = first
    start = a
    for p in range(a, b + 1):
        if p == b or u8(buf, p) == 92:
            if row < last:
                out[row, i], marks[row, i] = parse_number(buf, start, p)
            row += 1
            start = p + 1
    if row != last:
        mark = ABSENT if row == first + 1 and marks[first, i] == ABSENT else BAD
        for k in range(first, last):
            out[k, i], marks[k, i] = np.nan, mark


@helper
def _holds(value, whole):  # type: ignore[no-untyped-def]
    """Whether a number is finite and, if ``whole``, an integer that float64 holds exactly."""
    if not whole:
        return value - value == 0
    return -EXACT <= value <= EXACT and value == float(np.int64(value))


@compiled
def _numbers(buf, at, size, vr, which, usual, whole, ends, out, marks, worst):  # type: ignore[no-untyped-def]
    """The loop of `numbers`; ``out`` is filled with NaN before, ``marks`` and ``worst`` with ABSENT."""
    for e in range(which.size):
        j, first, last = which[e], ends[e], ends[e + 1]
        for i in range(at.shape[1]):
            a, length, code = at[j, i], np.int64(size[j, i]), vr[j, i] & 0xFFFF
            if a < 0 or length == 0:
                continue
            if (code == 0) | (code == _UN) | (code == _OB) | (code == _OW):
                code = usual[e]
            width = _width(code)
            if width == 0:
                _texts_to_numbers(buf, a, a + length, i, first, last, out, marks)
            for k in range(first, last):
                if width > 0:
                    marks[k, i] = BAD
                    if length == width * (last - first):
                        out[k, i], marks[k, i] = _binary(buf, a + (k - first) * width, code), GOOD
                if marks[k, i] == GOOD and not _holds(out[k, i], whole[e]):
                    out[k, i], marks[k, i] = np.nan, BAD
                if marks[k, i] > worst[e]:
                    worst[e] = marks[k, i]


def numbers(
    buf: Buffer, at: Ints, size: Lengths, vr: Lengths, which: Ints, usual: Ints, whole: Any, ends: Ints, out: Floats, marks: Flags
) -> Flags:
    """Convert elements to numbers.

    Parameters
    ----------
    buf, at, size, vr
        As in `headers.heads.Heads`.
    which
        Indices of the elements.
    usual
        Their VRs in the dictionary, for files that don't name one.
    whole
        Which of them must be integers.
    ends
        Element ``which[e]`` fills rows ``ends[e]`` to ``ends[e + 1]`` of the output.
    out, marks
        The numbers, NaN where missing, and how each was converted; overwritten: (columns, files).

    Returns
    -------
    The largest mark of each element.
    """
    worst = np.full(which.size, ABSENT, np.uint8)
    out[...], marks[...] = np.nan, ABSENT
    _numbers(buf, at, size, vr, which, usual, whole, ends, out, marks, worst)
    return worst


@compiled
def _texts(buf, at, size, vr, which, usual, data, ends, starts, bits, plain):  # type: ignore[no-untyped-def]
    """Copy elements ``which`` as trimmed texts, in the memory layout of Arrow's columns.

    Fills ``data`` with the bytes of all columns, ``ends`` with the offsets of the columns in it, ``starts`` with the offsets
    of the values (columns, files + 1), ``bits`` with the validity bits, and ``plain`` with whether all bytes of a column are
    ASCII without escapes and no value is binary.
    """
    used = 0
    for e in range(which.size):
        j, other = which[e], False
        for i in range(at.shape[1]):
            a, b = at[j, i], at[j, i] + size[j, i]
            if a >= 0:
                code = vr[j, i] & 0xFFFF
                other |= _width(usual[e] if code == 0 else code) > 0
                a, b = _trim(buf, a, b)
                if b > a:
                    bits[e, i >> 3] |= 1 << (i & 7)
                for p in range(a, b):
                    c = u8(buf, p)
                    data[used] = c
                    used += 1
                    other |= (c >= 128) | (c == 27)
            starts[e, i + 1] = used - ends[e]
        ends[e + 1], plain[e] = used, not other


def texts_of(buf: Buffer, at: Ints, size: Lengths, vr: Lengths, which: Ints, usual: Ints) -> list[tuple[pa.Array, bool]]:
    """Elements ``which`` as texts; ``usual`` are their VRs in the dictionary.

    Returns
    -------
    For each element an Arrow binary column of its trimmed values, null if empty or absent, and whether it is plain ASCII.
    """
    n, count = which.size, at.shape[1]
    data, ends = np.empty(int(np.where(at[which] >= 0, size[which], 0).sum()), np.uint8), np.zeros(n + 1, np.int64)
    starts, bits = np.zeros((n, count + 1), np.int32), np.zeros((n, (count + 7) // 8), np.uint8)
    plain = np.empty(n, np.bool_)
    _texts(buf, at, size, vr, which, usual, data, ends, starts, bits, plain)
    whole = pa.py_buffer(data)
    return [
        (
            pa.Array.from_buffers(
                pa.binary(),
                count,
                [pa.py_buffer(bits[e]), pa.py_buffer(starts[e]), whole.slice(int(ends[e]), int(ends[e + 1] - ends[e]))],
            ),
            bool(plain[e]),
        )
        for e in range(n)
    ]


def settle(buf: Buffer, at: Ints, size: Lengths, out: Floats, marks: Flags) -> None:
    """Parse the LONG numbers of one element by Python, which rounds correctly; ``out`` and ``marks`` are (values, files)."""
    for part, i in np.argwhere(marks == LONG):
        text = bytes(buf[at[i] : at[i] + size[i]]).split(b"\\")[part].strip(b" \0\t\r\n")
        out[part, i], marks[part, i] = _settled(text)


def settle_many(buf: Buffer, at: Ints, size: Lengths, out: Floats, marks: Flags) -> None:
    """Do the same as `settle`, by Arrow and for all files at once, if every file has the expected number of values."""
    files = np.flatnonzero((marks == LONG).any(axis=0))
    if files.size == 0:
        return None
    one, none = np.zeros(1, np.int64), np.zeros((1, files.size), np.uint32)
    ((column, plain),) = texts_of(buf, at[files][None], size[files][None], none, one, one)
    if plain:
        parts = pc.split_pattern(column.cast(pa.string()), "\\")
        try:
            flat = pc.utf8_ltrim(pc.utf8_trim(parts.flatten(), " \0"), "+").cast(pa.float64())
        except pa.ArrowInvalid:
            return settle(buf, at, size, out, marks)
        if len(flat) == files.size * out.shape[0] and flat.null_count == 0:
            values = flat.to_numpy().reshape(files.size, -1).T
            long = marks[:, files] == LONG
            finite = np.isfinite(values)
            out[:, files] = np.where(long, np.where(finite, values, np.nan), out[:, files])
            marks[:, files] = np.where(long, np.where(finite, GOOD, BAD), marks[:, files])
            return None
    return settle(buf, at, size, out, marks)


def _settled(text: bytes) -> tuple[float, int]:
    """A number parsed by Python, and its mark."""
    try:
        value = float(text)
    except ValueError:
        return np.nan, BAD
    return (value, GOOD) if np.isfinite(value) else (np.nan, BAD)
