"""The compiled walk of nested sequences: shared and per-frame functional groups (PS3.3 C.7.6.16), and vendors' equivalents.

One pass over the header in memory notes the offset and length of each wanted leaf (element in a sequence) of each frame,
without a Python object per frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...jit import compiled, helper
from .loads import u16, u32
from .walk import IN_FILE, ITEM, UN, UNDEFINED, _is_long, _letters

DEPTH = 32
LONG = 1024  # bytes; a longer value is left in the file, as every frame would repeat it
SQ = 0x5153  # "SQ", as two bytes


@helper
def _find(values, value):  # type: ignore[no-untyped-def]
    """The index of a value, or -1."""
    for k in range(values.size):
        if values[k] == value:
            return k
    return -1


@helper
def _leaf(parents, leaves, parent, tag):  # type: ignore[no-untyped-def]
    """The index of a leaf in a sequence, or -1; ``leaves`` are sorted."""
    k, end = 0, leaves.size
    while k < end:
        middle = (k + end) >> 1
        if leaves[middle] < tag:
            k = middle + 1
        else:
            end = middle
    while k < leaves.size and leaves[k] == tag:
        if parents[k] == parent:
            return k
        k += 1
    return -1


def walk_groups(buf: Any, start: int, explicit: bool, wanted: tuple[Any, ...], at: Any, size: Any, vr: Any) -> int:
    """Find the leaves of every frame; stops at the first damage.

    Parameters
    ----------
    buf, start, explicit
        The header in little endian, the offset at which its data set begins, and whether it is explicit VR.
    wanted
        Five arrays: tags of the root sequences with one item for all frames, and of those with an item for each frame; tags of
        the sequences below the roots that are entered; of each wanted leaf, sorted by its tag, that of its sequence and its own.
        A leaf with the tag of an item counts the items of the sequence, in ``size``.
    at, size, vr
        Offsets, lengths and VRs, filled in: (leaves, 1 + frames).  Column 0 is what all frames share, column i + 1 is frame i.

    Returns
    -------
    The number of items with a frame each.
    """
    levels = np.zeros(DEPTH, np.int64), np.zeros(DEPTH, np.int64), np.zeros(DEPTH, np.bool_)
    return int(_walk_groups(buf, start, explicit, *wanted, at, size, vr, *levels))


@compiled
def _walk_groups(  # type: ignore[no-untyped-def]
    buf, start, explicit, shared, framed, inner, parents, leaves, at, size, vr, tags, ends, plain
):
    """The loop of `walk_groups`; for each open level ``tags`` holds the tag of its sequence, of an item that of its sequence too,
    ``ends`` where it ends, -1 for a delimiter, and ``plain`` whether it is implicit VR within UN.
    """
    n = buf.size
    depth, frames, row, p = 0, 0, -1, start
    while p + 8 <= n:
        while depth > 0 and ends[depth - 1] >= 0 and p >= ends[depth - 1]:
            depth -= 1
        tag = (u16(buf, p) << 16) | u16(buf, p + 2)
        if tag >> 16 == 0xFFFE:
            length = u32(buf, p + 4)
            p += 8
            if tag == ITEM:
                if depth == 0 or depth >= DEPTH:
                    return frames
                if depth == 1:
                    frames += 1 if _find(framed, tags[0]) >= 0 else 0
                    row = frames if _find(framed, tags[0]) >= 0 else 0
                if row >= 0 and row < at.shape[1]:
                    k = _leaf(parents, leaves, tags[depth - 1], ITEM)
                    if k >= 0:
                        at[k, row] = p
                        size[k, row] += 1
                tags[depth], plain[depth] = tags[depth - 1], plain[depth - 1]
                ends[depth] = -1 if length == UNDEFINED else p + length
                depth += 1
            elif depth > 0:
                depth -= 1
            continue
        implicit = not explicit or (depth > 0 and plain[depth - 1])
        code, length, value = 0, u32(buf, p + 4), p + 8
        if not implicit:
            if not _letters(u16(buf, p + 4)):
                return frames
            code, length = u16(buf, p + 4), u16(buf, p + 6)
            if _is_long(code):
                if p + 12 > n:
                    return frames
                length, value = u32(buf, p + 8), p + 12
        if depth == 0:
            wanted = _find(framed, tag) >= 0 or _find(shared, tag) >= 0
        else:
            wanted = _find(inner, tag) >= 0
        if length == UNDEFINED or (wanted and (code == SQ or code == 0 or code == UN)):
            if depth >= DEPTH:
                return frames
            tags[depth] = tag
            ends[depth] = -1 if length == UNDEFINED else value + length
            plain[depth] = implicit or code == UN
            depth += 1
            p = value
            continue
        if value + length > n:
            return frames
        if depth >= 2 and row >= 0 and row < at.shape[1]:
            k = _leaf(parents, leaves, tags[depth - 1], tag)
            if k >= 0:
                at[k, row], size[k, row], vr[k, row] = IN_FILE - value if length > LONG else value, length, code
        p = value + length
    return frames
