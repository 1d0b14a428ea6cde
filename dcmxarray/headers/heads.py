"""Heads of a batch of files in one buffer, walked: where each wanted element of each file lies.

The first window of every file goes into one buffer, the second windows of those that need one behind it; the few longer
headers, and the odd files that pydicom reads, add just the bytes of their values.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import files
from . import odd
from .values import Buffer, Ints, vr_code
from .walk import (
    CUT,
    DONE,
    FAR,
    MORE,
    NOT,
    ODD,
    PIXEL_AT,
    PIXEL_ELEMENT,
    PIXEL_LENGTH,
    POS,
    SIZE,
    STATE,
    STATUS,
    UNRESERVED,
    walk,
    walk_rows,
)
from .wanted import Wanted

WINDOW = 16384
LONG_WINDOW = 1 << 22
AT_ONCE = 64  # files read before they are walked, so that their heads are still in the cache

_SAYS = {
    CUT: "the file ends in the middle of an element",
    ODD: "the header is damaged: an element is neither explicit nor implicit VR",
}


@dataclass
class Heads:
    """Offsets (into ``buf``, or FAR - byte of the file), lengths and VRs: (files, elements); a state a file."""

    paths: Sequence[str]
    buf: Buffer
    states: Ints
    at: Ints
    size: Ints
    vr: Ints
    problems: list[str] = field(default_factory=list)

    def is_dicom(self) -> npt.NDArray[np.bool_]:
        """Which of the files are DICOM."""
        return np.asarray(self.states[:, STATUS] != NOT)

    def column(self, name: int) -> Ints:
        """One column of the state."""
        return np.ascontiguousarray(self.states[:, name])


def read_heads(paths: Sequence[str], wanted: Wanted) -> Heads:
    """Read and walk the heads of a batch of files; what can't be read is noted in ``problems``, never raised."""
    n, k = len(paths), len(wanted.elements)
    heads = Heads(
        paths,
        _buffer(2 * n * WINDOW),
        np.zeros((n, STATE), np.int64),
        np.full((n, k), -1, np.int64),
        np.zeros((n, k), np.int64),
        np.zeros((n, k), np.int64),
        [""] * n,
    )
    blocks = np.full((n, 256), UNRESERVED, np.int8)
    for first in range(0, n, AT_ONCE):
        some = np.arange(first, min(first + AT_ONCE, n))
        start = np.zeros(some.size, np.int64)
        _walk(heads, blocks, wanted, some, some, start, _windows(heads, some, start, first))
    used = n + _second_windows(heads, blocks, wanted)
    _rest(heads, blocks, wanted, used * WINDOW)
    return heads


_KEPT = threading.local()


def _buffer(size: int) -> Buffer:
    """A buffer of this thread's, used again for the next batch: fresh pages cost as much as reading into them."""
    if getattr(_KEPT, "buffer", None) is None or _KEPT.buffer.size < size:
        _KEPT.buffer = np.empty(size, np.uint8)
    return np.asarray(_KEPT.buffer[:size])


def _windows(heads: Heads, some: Ints, offsets: Ints, first: int) -> Ints:
    """Read windows of some files into the buffer's rows from ``first`` on; returns how much of each there was."""
    rows = heads.buf.reshape(-1, WINDOW)[first : first + some.size]
    filled, sizes, errors = files.read_heads([heads.paths[i] for i in some.tolist()], offsets, rows)
    heads.states[some, SIZE] = sizes
    for k, text in errors.items():
        heads.problems[some[k]] = f"cannot be read: {text}"
    return filled


def _walk(heads: Heads, blocks: Any, wanted: Wanted, rows: Ints, which: Ints, bases: Ints, filled: Ints) -> None:
    walk_rows(
        heads.buf,
        WINDOW,
        rows,
        which,
        bases,
        filled,
        heads.states,
        blocks,
        wanted.arrays,
        heads.at,
        heads.size,
        heads.vr,
    )


def _second_windows(heads: Heads, blocks: Any, wanted: Wanted) -> int:
    """Go on where the first window was not enough; returns how many files that were."""
    which = np.flatnonzero(heads.states[:, STATUS] == MORE)
    for k in range(0, which.size, AT_ONCE):
        some = which[k : k + AT_ONCE]
        bases = heads.states[some, POS].copy()
        rows = len(heads.paths) + k + np.arange(some.size)
        filled = _windows(heads, some, bases, int(rows[0]))
        _walk(heads, blocks, wanted, rows, some, bases, filled)
    return which.size


def _read(heads: Heads, i: Any, base: int, out: Buffer) -> int:
    try:
        return files.read_some(heads.paths[i], int(base), out)
    except OSError as error:
        heads.problems[i] = f"cannot be read: {error.strerror or error}"
        return 0


def _rest(heads: Heads, blocks: Any, wanted: Wanted, used: int) -> None:
    """Longer headers window by window, and the odd files, behind the bytes in use; then name what is damaged."""
    extra = Extra(used)
    for i in np.flatnonzero(heads.states[:, STATUS] != DONE):
        if heads.states[i, STATUS] == MORE:
            _long(heads, int(i), blocks[i], wanted, extra)
        if heads.states[i, STATUS] == ODD:
            _odd(heads, int(i), wanted, extra)
        if heads.states[i, STATUS] in _SAYS and not heads.problems[i]:
            heads.problems[i] = _SAYS[int(heads.states[i, STATUS])]
    if extra.end <= heads.buf.size:
        np.concatenate(extra.pieces or [heads.buf[:0]], out=heads.buf[used : extra.end])
    else:
        heads.buf = np.concatenate([heads.buf[:used], *extra.pieces])


@dataclass
class Extra:
    """Bytes of values that lie in no window; each gets a place behind the windows."""

    end: int
    pieces: list[Buffer] = field(default_factory=list)

    def add(self, data: Buffer) -> int:
        """Keep the bytes and return their offset."""
        place = self.end
        self.pieces.append(data)
        self.end += data.size
        return place


def _long(heads: Heads, i: int, blocks: Any, wanted: Wanted, extra: Extra) -> None:
    state = heads.states[i]
    buf = np.empty(min(LONG_WINDOW, int(state[SIZE])), np.uint8)
    while state[STATUS] == MORE:
        base = int(state[POS])
        filled = _read(heads, i, base, buf)
        at = np.full(len(wanted.elements), -1, np.int64)
        walk(buf, 0, filled, base, state, blocks, wanted.arrays, at, heads.size[i], heads.vr[i])
        for j in np.flatnonzero(at >= 0):
            heads.at[i, j] = extra.add(buf[at[j] : at[j] + heads.size[i, j]].copy())
        distant = at <= FAR
        heads.at[i, distant] = at[distant]
        if state[STATUS] == MORE and state[POS] <= base:
            state[STATUS] = CUT


def _odd(heads: Heads, i: int, wanted: Wanted, extra: Extra) -> None:
    found = odd.read(heads.paths[i], wanted)
    if found is None:
        return
    heads.at[i], heads.size[i], heads.vr[i] = -1, 0, 0
    for j, (data, vr) in found.values.items():
        heads.at[i, j] = extra.add(np.frombuffer(data, np.uint8))
        heads.size[i, j] = len(data)
        heads.vr[i, j] = vr_code(vr) if len(vr) == 2 else 0
    heads.states[i, [STATUS, PIXEL_ELEMENT, PIXEL_AT, PIXEL_LENGTH]] = (DONE, *found.pixels)
