"""Compiled converters from bytes of elements to dates and times (PS3.5 section 6.2), column by column.

They take offsets into a buffer and never raise; values that can't be converted are marked.
"""

from __future__ import annotations

import numpy as np

from ...jit import compiled, helper
from .loads import u8
from .values import ABSENT, BAD, GOOD, _blank, _trim

NAT = int(np.iinfo(np.int64).min)
DAY_US = 86_400_000_000
_LAST = np.array([23, 59, 60])  # the largest hour, minute and second


@helper
def _days(y, m, d):  # type: ignore[no-untyped-def]
    """Days since 1970-01-01 in the Gregorian calendar."""
    y -= 1 if m <= 2 else 0
    era = y // 400
    yoe = y - era * 400
    doy = (153 * (m + (-3 if m > 2 else 9)) + 2) // 5 + d - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


@helper
def _digit_run(buf, a, end, b):  # type: ignore[no-untyped-def]
    """The number in the digits from ``a`` to ``end``; -1 if one is no digit or the value ends earlier, at ``b``."""
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
    """Parse DA, also with points or hyphens (ACR-NEMA): days since 1970, or NAT if there is no such day."""
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
    """Parse TM, also with colons (ACR-NEMA): microseconds since midnight, or NAT."""
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
    """The offset at which the local time of a DT ends; what follows is its offset from UTC, which is ignored."""
    for p in range(a + 8, b):
        if (u8(buf, p) == 43) | (u8(buf, p) == 45):
            b = p
            break
    while b > a and _blank(u8(buf, b - 1)):
        b -= 1
    return b


@helper
def parse_moment(buf, a, b, form):  # type: ignore[no-untyped-def]
    """Parse DA to days since 1970 (form 0), TM to microseconds of the day (1), DT to microseconds since 1970 (2); or NAT."""
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
    """Convert elements ``which`` to dates and times, and fill rows of ``out`` and ``marks``: (elements, files).

    The unit depends on the element's form: days since 1970 (0), microseconds of the day (1) or since 1970 (2).
    """
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
