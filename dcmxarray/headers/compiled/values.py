"""Compiled converters: bytes of elements, column by column, to numbers, days and microseconds (PS3.5 section 6.2).

They take offsets into a buffer and never raise: what does not convert is marked.  Numbers whose text has more digits than
a float64 holds exactly are left to Arrow's parser, which rounds them correctly.
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

# How a value converted.
ABSENT, GOOD, BAD, LONG = 0, 1, 2, 3

NAT = int(np.iinfo(np.int64).min)
_POWERS = 10.0 ** np.arange(23)
EXACT = 1 << 53
DAY_US = 86_400_000_000
_BLANKS = 1 << 32 | 1 << 13 | 1 << 10 | 1 << 9 | 1  # the padding of PS3.5 6.2, a bit a byte
_TOO_MANY = 99  # digits
_LAST = np.array([23, 59, 60])  # hour, minute, second


def vr_code(vr: str) -> int:
    """A VR as the walk writes it: two bytes, the first the lower."""
    return ord(vr[0]) | ord(vr[1]) << 8


_FL, _FD, _US, _SS, _UL, _SL, _UV, _SV, _UN, _OB, _OW = (
    vr_code(v) for v in ("FL", "FD", "US", "SS", "UL", "SL", "UV", "SV", "UN", "OB", "OW")
)


@helper
def _blank(c):  # type: ignore[no-untyped-def]
    return (_BLANKS >> (c & 63)) & (c < 64) != 0


@helper
def _trim(buf, a, b):  # type: ignore[no-untyped-def]
    """The ends of a value without the padding of PS3.5 6.2."""
    while b > a and _blank(u8(buf, b - 1)):
        b -= 1
    while a < b and _blank(u8(buf, a)):
        a += 1
    return a, b


@helper
def _digits(buf, a, b):  # type: ignore[no-untyped-def]
    """Digits with at most one point: (mantissa, how many, how many after the point, where it ended)."""
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
    """The power of ten that begins at ``a``, and where it ends; -1 where there is none."""
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
    """Text to float64: (value, ABSENT, GOOD, BAD or LONG); exact for up to 2**53 and powers to 22 (Clinger 1990)."""
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
    """Bytes of one value of a binary VR; 0 for text."""
    two = (code == _US) | (code == _SS)
    four = (code == _FL) | (code == _UL) | (code == _SL)
    eight = (code == _FD) | (code == _UV) | (code == _SV)
    return 2 * two + 4 * four + 8 * eight


@helper
def _binary(buf, p, code):  # type: ignore[no-untyped-def]
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
    """Backslash list of exactly as many numbers as there are rows, into their column ``i``; BAD for another count."""
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
    """Whether a number is finite and, where it must be an integer, one that a float64 holds exactly."""
    if not whole:
        return value - value == 0
    return -EXACT <= value <= EXACT and value == float(np.int64(value))


@compiled
def _numbers(buf, at, size, vr, which, usual, whole, ends, out, marks, worst):  # type: ignore[no-untyped-def]
    """`numbers`, into ``out`` full of NaN, and ``marks`` and ``worst`` full of ABSENT."""
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
    """Elements ``which`` of all files to rows of ``out`` (columns, files), element ``e`` to those before ``ends[e + 1]``.

    ``usual`` are the VRs of the dictionary, ``whole`` says what must be an integer.  Returns the worst mark of each element.
    """
    worst = np.full(which.size, ABSENT, np.uint8)
    out[...], marks[...] = np.nan, ABSENT
    _numbers(buf, at, size, vr, which, usual, whole, ends, out, marks, worst)
    return worst


@helper
def _days(y, m, d):  # type: ignore[no-untyped-def]
    """Days from 1970-01-01 in the Gregorian calendar."""
    y -= 1 if m <= 2 else 0
    era = y // 400
    yoe = y - era * 400
    doy = (153 * (m + (-3 if m > 2 else 9)) + 2) // 5 + d - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


@helper
def _digit_run(buf, a, end, b):  # type: ignore[no-untyped-def]
    """The number that the digits from ``a`` to ``end`` write; -1 where one is none, or the value ends at ``b`` before."""
    if end > b:
        return -1
    value = np.int64(0)
    for p in range(a, end):
        digit = u8(buf, p) - 48
        if (digit < 0) | (digit > 9):
            return -1
        value = value * 10 + digit
    return value


@helper
def parse_date(buf, a, b):  # type: ignore[no-untyped-def]
    """DA, also the ACR-NEMA form with points: days since 1970, or NAT where the calendar has no such day."""
    dots = b - a >= 10 and (u8(buf, a + 4) == 46 or u8(buf, a + 4) == 45) and u8(buf, a + 7) == u8(buf, a + 4)
    step = 1 if dots else 0
    y = _digit_run(buf, a, a + 4, b)
    m = _digit_run(buf, a + 4 + step, a + 6 + step, b)
    d = _digit_run(buf, a + 6 + 2 * step, a + 8 + 2 * step, b)
    if y < 1 or not (1 <= m <= 12) or d < 1 or a + 8 + 2 * step < b:
        return NAT
    first = _days(y, m, 1)
    return first + d - 1 if d <= _days(y + m // 12, m % 12 + 1, 1) - first else NAT


@helper
def parse_time(buf, a, b):  # type: ignore[no-untyped-def]
    """TM, also the ACR-NEMA form with colons: microseconds since midnight, or NAT."""
    total, unit = np.int64(0), np.int64(3_600_000_000)
    for k in range(3):
        if a >= b and k > 0:
            return total
        if k > 0 and u8(buf, a) == 58:
            a += 1
        value = _digit_run(buf, a, a + 2, b)
        if value < 0 or value > _LAST[k]:
            return NAT
        total += value * unit
        unit //= 60
        a += 2
    if a == b:
        return total
    if u8(buf, a) != 46:
        return NAT
    scale = np.int64(100_000)
    for p in range(a + 1, b):
        if u8(buf, p) < 48 or u8(buf, p) > 57:
            return NAT
        total += (u8(buf, p) - 48) * scale
        scale //= 10
    return total


@helper
def _before_zone(buf, a, b):  # type: ignore[no-untyped-def]
    """Where the local time of a DT ends: an offset from UTC is dropped."""
    for p in range(a + 8, b):
        if (u8(buf, p) == 43) | (u8(buf, p) == 45):
            b = p
            break
    while b > a and _blank(u8(buf, b - 1)):
        b -= 1
    return b


@helper
def parse_moment(buf, a, b, form):  # type: ignore[no-untyped-def]
    """DA as days since 1970 (form 0), TM as microseconds of the day (1), DT as microseconds since 1970 (2); or NAT."""
    days, clock, start = np.int64(0), np.int64(0), a
    if form == 2:
        b, start = _before_zone(buf, a, b), a + 8
        if b < start:
            return NAT
    if form != 1:
        days = parse_date(buf, a, start if form == 2 else b)
    if (form != 0) & ((form == 1) | (start < b)):
        clock = parse_time(buf, start, b)
    if (days == NAT) | (clock == NAT):
        return NAT
    return days * DAY_US + clock if form == 2 else days + clock


@compiled
def moments(buf, at, size, which, forms, out, marks):  # type: ignore[no-untyped-def]
    """Elements ``which`` of all files to rows of ``out``: days (form 0), microseconds of the day (1) or since 1970 (2)."""
    for e in range(which.size):
        j = which[e]
        for i in range(at.shape[1]):
            value, mark, a, b = np.int64(NAT), ABSENT, at[j, i], at[j, i] + size[j, i]
            if a >= 0:
                a, b = _trim(buf, a, b)
                if a < b:
                    value = parse_moment(buf, a, b, forms[e])
                    mark = BAD if value == NAT else GOOD
            out[e, i], marks[e, i] = value, mark


@compiled
def _texts(buf, at, size, vr, which, usual, data, ends, starts, bits, plain):  # type: ignore[no-untyped-def]
    """Elements ``which`` of all files as trimmed texts, laid out as Arrow's columns are.

    Fills ``data``, where the columns begin in it, offsets of the values (columns, files + 1), validity bits, and ``plain``,
    which says of a column that every byte is ASCII without escapes, and no value binary.
    """
    used = 0
    for e in range(which.size):
        j, odd = which[e], False
        for i in range(at.shape[1]):
            a, b = at[j, i], at[j, i] + size[j, i]
            if a >= 0:
                code = vr[j, i] & 0xFFFF
                odd |= _width(usual[e] if code == 0 else code) > 0
                a, b = _trim(buf, a, b)
                if b > a:
                    bits[e, i >> 3] |= 1 << (i & 7)
                for p in range(a, b):
                    c = u8(buf, p)
                    data[used] = c
                    used += 1
                    odd |= (c >= 128) | (c == 27)
            starts[e, i + 1] = used - ends[e]
        ends[e + 1], plain[e] = used, not odd


def texts_of(buf: Buffer, at: Ints, size: Lengths, vr: Lengths, which: Ints, usual: Ints) -> list[tuple[pa.Array, bool]]:
    """Arrow binary columns of trimmed values, null where empty or absent; and whether each is plain ASCII."""
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
    """Give the LONG numbers of an element, (parts, files), their value, by a correctly rounding parser."""
    for part, i in np.argwhere(marks == LONG):
        text = bytes(buf[at[i] : at[i] + size[i]]).split(b"\\")[part].strip(b" \0\t\r\n")
        out[part, i], marks[part, i] = _settled(text)


def settle_many(buf: Buffer, at: Ints, size: Lengths, out: Floats, marks: Flags) -> None:
    """`settle`, by Arrow's parser and all at once where every value has as many parts as the element."""
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
    try:
        value = float(text)
    except ValueError:
        return np.nan, BAD
    return (value, GOOD) if np.isfinite(value) else (np.nan, BAD)
