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
Lengths = npt.NDArray[np.uint32]
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
def _trim(buf, a, b):  # type: ignore[no-untyped-def]
    """The ends of a value without the padding of PS3.5 6.2."""
    while b > a and _blank(buf[b - 1]):
        b -= 1
    while a < b and _blank(buf[a]):
        a += 1
    return a, b


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
    a, b = _trim(buf, a, b)
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
def _text_parts(buf, a, b, i, out, marks):  # type: ignore[no-untyped-def]
    """Backslash list of exactly as many numbers as ``out`` has rows, into its column ``i``; BAD for another count."""
    part = 0
    start = a
    for p in range(a, b + 1):
        if p == b or buf[p] == 92:
            if part < out.shape[0]:
                out[part, i], marks[part, i] = parse_number(buf, start, p)
            part += 1
            start = p + 1
    if part != out.shape[0]:
        empty = part == 1 and marks[0, i] == ABSENT
        for k in range(out.shape[0]):
            out[k, i] = np.nan
            marks[k, i] = ABSENT if empty else BAD


@compiled
def _numbers(buf, at, size, vr, usual, whole, out, marks):  # type: ignore[no-untyped-def]
    """One element of every file: ``out`` is (parts, files); returns the worst mark."""
    worst = ABSENT
    for i in range(at.size):
        for k in range(out.shape[0]):
            out[k, i] = np.nan
            marks[k, i] = ABSENT
        if at[i] < 0 or size[i] <= 0:
            continue
        code = vr[i] & 0xFFFF
        if code == 0 or code == _UN or code == _OB or code == _OW:
            code = usual
        width = _width(code)
        if width == 0:
            _text_parts(buf, at[i], at[i] + size[i], i, out, marks)
        else:
            for k in range(out.shape[0]):
                if size[i] == width * out.shape[0]:
                    out[k, i] = _binary(buf, at[i] + k * width, code, width)
                    marks[k, i] = GOOD
                else:
                    marks[k, i] = BAD
        for k in range(out.shape[0]):
            if whole and marks[k, i] == GOOD and out[k, i] != np.rint(out[k, i]):
                marks[k, i], out[k, i] = BAD, np.nan
            worst = max(worst, marks[k, i])
    return worst


@compiled
def numbers(buf, at, size, vr, which, usual, whole, ends, out, marks):  # type: ignore[no-untyped-def]
    """Elements ``which`` of all files to rows of ``out`` (columns, files), element ``e`` to those before ``ends[e + 1]``.

    ``usual`` are the VRs of the dictionary, ``whole`` says what must be an integer.  Returns the worst mark of each element.
    """
    worst = np.zeros(which.size, np.uint8)
    for e in range(which.size):
        j, rows = which[e], slice(ends[e], ends[e + 1])
        worst[e] = _numbers(buf, at[j], size[j], vr[j], usual[e], whole[e], out[rows], marks[rows])
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
def moments(buf, at, size, which, forms, out, marks):  # type: ignore[no-untyped-def]
    """Elements ``which`` of all files to rows of ``out``: days (form 0), microseconds of the day (1) or since 1970 (2)."""
    for e in range(which.size):
        for i in range(at.shape[1]):
            out[e, i], marks[e, i] = NAT, ABSENT
            if at[which[e], i] < 0:
                continue
            a, b = _trim(buf, at[which[e], i], at[which[e], i] + size[which[e], i])
            if a == b:
                continue
            if forms[e] == 0:
                out[e, i] = parse_date(buf, a, b)
            elif forms[e] == 1:
                out[e, i] = parse_time(buf, a, b)
            else:
                out[e, i] = parse_datetime(buf, a, b)
            marks[e, i] = BAD if out[e, i] == NAT else GOOD


@compiled
def texts(buf, at, size, vr, which, usual):  # type: ignore[no-untyped-def]
    """Elements ``which`` of all files as trimmed texts, laid out as Arrow's columns are.

    Returns (data, where the columns begin in it, offsets of the values (columns, files + 1), validity bits, plain): ``plain``
    says of a column that every byte is ASCII without escapes, and no value binary.
    """
    count = at.shape[1]
    total = 0
    for e in range(which.size):
        for i in range(count):
            if at[which[e], i] >= 0:
                total += size[which[e], i]
    data, ends = np.empty(total, np.uint8), np.zeros(which.size + 1, np.int64)
    starts, bits = np.zeros((which.size, count + 1), np.int32), np.zeros((which.size, (count + 7) // 8), np.uint8)
    plain = np.ones(which.size, np.bool_)
    used = 0
    for e in range(which.size):
        j = which[e]
        for i in range(count):
            if at[j, i] >= 0:
                code = vr[j, i] & 0xFFFF
                if _width(usual[e] if code == 0 else code) > 0:
                    plain[e] = False
                a, b = _trim(buf, at[j, i], at[j, i] + size[j, i])
                if b > a:
                    bits[e, i >> 3] |= np.uint8(1 << (i & 7))
                for p in range(a, b):
                    c = buf[p]
                    data[used] = c
                    used += 1
                    if c >= 128 or c == 27:
                        plain[e] = False
            starts[e, i + 1] = used - ends[e]
        ends[e + 1] = used
    return data, ends, starts, bits, plain


def texts_of(buf: Buffer, at: Ints, size: Lengths, vr: Lengths, which: Ints, usual: Ints) -> list[tuple[pa.Array, bool]]:
    """Arrow binary columns of trimmed values, null where empty or absent; and whether each is plain ASCII."""
    data, ends, starts, bits, plain = texts(buf, at, size, vr, which, usual)
    whole = pa.py_buffer(data)
    return [
        (
            pa.Array.from_buffers(
                pa.binary(),
                at.shape[1],
                [pa.py_buffer(bits[e]), pa.py_buffer(starts[e]), whole.slice(int(ends[e]), int(ends[e + 1] - ends[e]))],
            ),
            bool(plain[e]),
        )
        for e in range(which.size)
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
            out[:, files] = np.where(long, values, out[:, files])
            marks[:, files] = np.where(long, GOOD, marks[:, files])
            return None
    return settle(buf, at, size, out, marks)


def _settled(text: bytes) -> tuple[float, int]:
    try:
        return float(text), GOOD
    except ValueError:
        return np.nan, BAD
