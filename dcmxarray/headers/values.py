"""Compiled converters: bytes of elements, column by column, to numbers, days and microseconds (PS3.5 section 6.2).

They take offsets into a buffer and never raise: what does not convert is marked.  Numbers whose text has more digits than
a float64 holds exactly are left to Arrow's parser, which rounds them correctly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..jit import compiled, inlined

Buffer = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.uint8]

# How a value converted.
ABSENT, GOOD, BAD, LONG = 0, 1, 2, 3

NAT = int(np.iinfo(np.int64).min)
_POWERS = 10.0 ** np.arange(23)
EXACT = 1 << 53
DAY_US = 86_400_000_000


def vr_code(vr: str) -> int:
    """A VR as the walk writes it: two bytes, the first the lower."""
    return ord(vr[0]) | ord(vr[1]) << 8


_FL, _FD, _US, _SS, _UL, _SL, _UV, _SV, _UN, _OB, _OW = (
    vr_code(v) for v in ("FL", "FD", "US", "SS", "UL", "SL", "UV", "SV", "UN", "OB", "OW")
)


@inlined
def _blank(c):  # type: ignore[no-untyped-def]
    return c == 32 or c == 0 or c == 9 or c == 10 or c == 13


@compiled
def _digits(buf, a, b):  # type: ignore[no-untyped-def]
    """Digits with at most one point: (mantissa, how many, how many after the point, where it ended)."""
    mantissa, count, after, point = np.int64(0), 0, 0, False
    while a < b:
        c = buf[a]
        if c == 46 and not point:
            point = True
        elif 48 <= c <= 57:
            count += 1
            if mantissa < 10**17:
                mantissa = mantissa * 10 + (np.int64(c) - 48)
                after += 1 if point else 0
            else:
                return mantissa, 99, after, b
        else:
            break
        a += 1
    return mantissa, count, after, a


@compiled
def parse_number(buf, a, b):  # type: ignore[no-untyped-def]
    """Text to float64: (value, ABSENT, GOOD, BAD or LONG); exact for up to 2**53 and powers to 22 (Clinger 1990)."""
    while a < b and _blank(buf[a]):
        a += 1
    while b > a and _blank(buf[b - 1]):
        b -= 1
    if a == b:
        return np.nan, ABSENT
    negative = buf[a] == 45
    if buf[a] == 45 or buf[a] == 43:
        a += 1
    mantissa, count, after, a = _digits(buf, a, b)
    exponent = np.int64(0)
    if a + 1 < b and (buf[a] == 69 or buf[a] == 101) and count > 0:
        a += 1
        minus = buf[a] == 45
        if buf[a] == 45 or buf[a] == 43:
            a += 1
        if a == b:
            return np.nan, BAD
        while a < b and 48 <= buf[a] <= 57 and exponent < 1000:
            exponent = exponent * 10 + (np.int64(buf[a]) - 48)
            a += 1
        exponent = -exponent if minus else exponent
    if a != b or count == 0:
        return np.nan, BAD
    exponent -= after
    if count == 99 or mantissa >= EXACT or exponent > 22 or exponent < -22:
        return np.nan, LONG
    value = float(mantissa)
    value = value * _POWERS[exponent] if exponent >= 0 else value / _POWERS[-exponent]
    return (-value if negative else value), GOOD


@compiled
def _whole(buf, p, n, signed):  # type: ignore[no-untyped-def]
    value = np.uint64(0)
    for k in range(n):
        value |= np.uint64(buf[p + k]) << np.uint64(8 * k)
    if signed and n < 8 and buf[p + n - 1] >= 128:
        return float(np.int64(value)) - 2.0 ** (8 * n)
    return float(np.int64(value)) if signed else float(value)


@inlined
def _width(code):  # type: ignore[no-untyped-def]
    """Bytes of one value of a binary VR; 0 for text."""
    if code == _US or code == _SS:
        return 2
    if code == _FL or code == _UL or code == _SL:
        return 4
    if code == _FD or code == _UV or code == _SV:
        return 8
    return 0


@compiled
def _binary(buf, p, code, width):  # type: ignore[no-untyped-def]
    if code == _FL:
        return np.float64(buf[p : p + 4].copy().view(np.float32)[0])
    if code == _FD:
        return buf[p : p + 8].copy().view(np.float64)[0]
    return _whole(buf, p, width, code == _SS or code == _SL or code == _SV)


@compiled
def _text_parts(buf, a, b, out, marks):  # type: ignore[no-untyped-def]
    """Backslash list of exactly ``out.size`` numbers; BAD for another count."""
    part = 0
    start = a
    for p in range(a, b + 1):
        if p == b or buf[p] == 92:
            if part < out.size:
                out[part], marks[part] = parse_number(buf, start, p)
            part += 1
            start = p + 1
    if part != out.size:
        empty = part == 1 and marks[0] == ABSENT
        out[:] = np.nan
        marks[:] = ABSENT if empty else BAD


@compiled
def numbers(buf, at, size, vr, usual, out, marks):  # type: ignore[no-untyped-def]
    """Fill ``out`` (files, parts) from elements that hold that many numbers each; ``usual`` is the dictionary's VR.

    Returns the worst mark.
    """
    parts = out.shape[1]
    worst = ABSENT
    for i in range(at.size):
        out[i, :] = np.nan
        marks[i, :] = ABSENT
        if at[i] < 0 or size[i] <= 0:
            continue
        code = vr[i] & 0xFFFF
        if code == 0 or code == _UN or code == _OB or code == _OW:
            code = usual
        width = _width(code)
        if width == 0:
            _text_parts(buf, at[i], at[i] + size[i], out[i], marks[i])
        elif size[i] != width * parts:
            marks[i, :] = BAD
        else:
            for k in range(parts):
                out[i, k] = _binary(buf, at[i] + k * width, code, width)
                marks[i, k] = GOOD
        for k in range(parts):
            worst = max(worst, marks[i, k])
    return worst


@compiled
def _days(y, m, d):  # type: ignore[no-untyped-def]
    """Days from 1970-01-01 in the Gregorian calendar."""
    y -= 1 if m <= 2 else 0
    era = y // 400
    yoe = y - era * 400
    doy = (153 * (m + (-3 if m > 2 else 9)) + 2) // 5 + d - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


@compiled
def _digit_run(buf, a, b, n):  # type: ignore[no-untyped-def]
    """``n`` digits from ``a`` on: their number, or -1."""
    if a + n > b:
        return -1
    value = np.int64(0)
    for p in range(a, a + n):
        if buf[p] < 48 or buf[p] > 57:
            return -1
        value = value * 10 + (np.int64(buf[p]) - 48)
    return value


@compiled
def parse_date(buf, a, b):  # type: ignore[no-untyped-def]
    """DA, also the ACR-NEMA form with points: days since 1970, or NAT."""
    dots = b - a >= 10 and (buf[a + 4] == 46 or buf[a + 4] == 45)
    step = 1 if dots else 0
    y = _digit_run(buf, a, b, 4)
    m = _digit_run(buf, a + 4 + step, b, 2)
    d = _digit_run(buf, a + 6 + 2 * step, b, 2)
    if y < 1 or not (1 <= m <= 12) or not (1 <= d <= 31) or a + 8 + 2 * step < b:
        return NAT
    return _days(y, m, d)


@compiled
def parse_time(buf, a, b):  # type: ignore[no-untyped-def]
    """TM, also the ACR-NEMA form with colons: microseconds since midnight, or NAT."""
    total, unit = np.int64(0), np.int64(3_600_000_000)
    for k in range(3):
        if a >= b and k > 0:
            return total
        if k > 0 and buf[a] == 58:
            a += 1
        value = _digit_run(buf, a, b, 2)
        if value < 0 or value > (23 if k == 0 else 60):
            return NAT
        total += value * unit
        unit //= 60
        a += 2
    if a == b:
        return total
    if buf[a] != 46:
        return NAT
    scale = np.int64(100_000)
    for p in range(a + 1, b):
        if buf[p] < 48 or buf[p] > 57:
            return NAT
        total += (np.int64(buf[p]) - 48) * scale
        scale //= 10
    return total


@compiled
def parse_datetime(buf, a, b):  # type: ignore[no-untyped-def]
    """DT as the local time that it states (an offset from UTC is dropped): microseconds since 1970, or NAT."""
    for p in range(a + 8, b):
        if buf[p] == 43 or buf[p] == 45:
            b = p
            break
    while b > a and _blank(buf[b - 1]):
        b -= 1
    if b - a < 8:
        return NAT
    days = parse_date(buf, a, a + 8)
    clock = parse_time(buf, a + 8, b) if b > a + 8 else 0
    return NAT if days == NAT or clock == NAT else days * DAY_US + clock


@compiled
def moments(buf, at, size, form, out, marks):  # type: ignore[no-untyped-def]
    """Fill ``out`` with days (form 0), microseconds of the day (1) or microseconds since 1970 (2); returns whether any is BAD."""
    bad = False
    for i in range(at.size):
        out[i], marks[i] = NAT, ABSENT
        a = at[i]
        b = a + size[i]
        while a >= 0 and b > a and _blank(buf[b - 1]):
            b -= 1
        while a >= 0 and a < b and _blank(buf[a]):
            a += 1
        if a < 0 or b <= a:
            continue
        if form == 0:
            out[i] = parse_date(buf, a, b)
        elif form == 1:
            out[i] = parse_time(buf, a, b)
        else:
            out[i] = parse_datetime(buf, a, b)
        marks[i] = BAD if out[i] == NAT else GOOD
        bad = bad or marks[i] == BAD
    return bad


@compiled
def trims(buf, at, size, begin, length):  # type: ignore[no-untyped-def]
    """Where each text begins and how long it is, without the padding of PS3.5 6.2; -1 long where the element is absent.

    Returns whether every byte is plain ASCII without escapes.
    """
    plain = True
    for i in range(at.size):
        begin[i], length[i] = 0, -1
        if at[i] < 0 or size[i] < 0:
            continue
        a, b = at[i], at[i] + size[i]
        while b > a and _blank(buf[b - 1]):
            b -= 1
        while a < b and _blank(buf[a]):
            a += 1
        begin[i], length[i] = a, b - a
        for p in range(a, b):
            if buf[p] >= 128 or buf[p] == 27:
                plain = False
    return plain


@compiled
def gather(buf, begin, length, starts, out):  # type: ignore[no-untyped-def]
    """Copy the texts one behind the other."""
    for i in range(begin.size):
        p = starts[i]
        for k in range(max(length[i], 0)):
            out[p + k] = buf[begin[i] + k]


def texts(buf: Buffer, at: Ints, size: Ints) -> tuple[pa.Array, bool]:
    """An Arrow binary column of trimmed values, null where absent; and whether it is plain ASCII."""
    begin, length = np.empty_like(at), np.empty_like(at)
    plain = trims(buf, at, size, begin, length)
    starts = np.zeros(at.size + 1, np.int32)
    np.cumsum(np.maximum(length, 0), out=starts[1:])
    data = np.empty(int(starts[-1]), np.uint8)
    gather(buf, begin, length, starts, data)
    valid = pa.py_buffer(np.packbits(length > 0, bitorder="little"))
    return pa.Array.from_buffers(pa.binary(), at.size, [valid, pa.py_buffer(starts), pa.py_buffer(data)]), bool(plain)


def settle(buf: Buffer, at: Ints, size: Ints, out: Floats, marks: Flags) -> None:
    """Give the LONG numbers their value, by Arrow's correctly rounding parser."""
    for i, part in np.argwhere(marks == LONG):
        text = bytes(buf[at[i] : at[i] + size[i]]).split(b"\\")[part].strip(b" \0\t\r\n")
        out[i, part], marks[i, part] = _settled(text)


def settle_many(buf: Buffer, at: Ints, size: Ints, out: Floats, marks: Flags) -> None:
    """`settle`, all at once where every number of a row has as many parts as the column."""
    rows = np.flatnonzero((marks == LONG).any(axis=1))
    if rows.size == 0:
        return None
    column, plain = texts(buf, at[rows], size[rows])
    if plain:
        parts = pc.split_pattern(column.cast(pa.string()), "\\")
        try:
            flat = pc.utf8_ltrim(pc.utf8_trim(parts.flatten(), " \0"), "+").cast(pa.float64())
        except pa.ArrowInvalid:
            return settle(buf, at, size, out, marks)
        if len(flat) == rows.size * out.shape[1] and flat.null_count == 0:
            values = flat.to_numpy().reshape(rows.size, -1)
            long = marks[rows] == LONG
            out[rows] = np.where(long, values, out[rows])
            marks[rows] = np.where(long, GOOD, marks[rows])
            return None
    return settle(buf, at, size, out, marks)


def _settled(text: bytes) -> tuple[float, int]:
    try:
        return float(text), GOOD
    except ValueError:
        return np.nan, BAD
