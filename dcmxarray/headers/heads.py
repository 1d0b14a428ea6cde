"""Heads of a batch of files, read and walked: the values of the wanted elements of each, one behind the other.

``local`` reads local files; the others, those that it could not read, and the odd ones that pydicom reads, add theirs behind.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import files
from . import local, odd
from .values import Buffer, Ints, Lengths, vr_code
from .walk import (
    CUT,
    DONE,
    FAR,
    MORE,
    NOT,
    NOTES,
    ODD,
    PIXEL_AT,
    PIXEL_ELEMENT,
    PIXEL_LENGTH,
    POS,
    SIZE,
    STATE,
    STATUS,
    TOO_LONG,
    UNRESERVED,
)
from .wanted import Wanted

LONG_WINDOW = 1 << 22  # bytes asked for at once where each question takes long

_SAYS = {
    CUT: "the file ends in the middle of an element",
    ODD: "the header is damaged: an element is neither explicit nor implicit VR",
}


@dataclass
class Heads:
    """Offsets (into ``buf``, or FAR - byte of the file), lengths and VRs: (elements, files); a state a file."""

    paths: Sequence[str]
    buf: Buffer
    states: Ints
    at: Ints
    size: Lengths
    vr: Lengths
    problems: list[str]
    used: int = 0

    def is_dicom(self) -> npt.NDArray[np.bool_]:
        """Which of the files are DICOM."""
        return np.asarray(self.states[:, STATUS] != NOT)

    def column(self, name: int) -> Ints:
        """One column of the state."""
        return np.ascontiguousarray(self.states[:, name])

    def add(self, data: bytes) -> int:
        """Keep a value and return its offset."""
        place, self.used = self.used, self.used + len(data)
        if self.used > self.buf.size:
            self.buf = np.concatenate([self.buf[:place], np.empty(self.used, np.uint8)])
        self.buf[place : self.used] = np.frombuffer(data, np.uint8)
        return place


def nothing_found(elements: int, files: int) -> tuple[Ints, Lengths, Lengths]:
    """Offsets, lengths and VRs before the walk."""
    return np.full((elements, files), -1), np.zeros((elements, files), np.uint32), np.zeros((elements, files), np.uint32)


def read_heads(paths: Sequence[str], wanted: Wanted) -> Heads:
    """Read and walk the heads of a batch of files; what can't be read is noted in ``problems``, never raised."""
    n, k = len(paths), len(wanted.elements)
    states, (at, size, vr) = np.zeros((n, STATE), np.int64), nothing_found(k, n)
    heads = Heads(paths, np.empty(0, np.uint8), states, at, size, vr, [""] * n)
    if os.name == "posix" and not any(map(files.is_remote, paths)):
        heads.buf, heads.used = local.read(*files.names(paths), wanted.arrays, states, at, size, vr)
    else:
        states[:, SIZE] = local.CANNOT
    for i in np.flatnonzero((states[:, STATUS] != DONE) | (states[:, SIZE] < 0)).tolist():
        if states[i, SIZE] < 0:
            _elsewhere(heads, i, wanted)
        if states[i, STATUS] == ODD:
            _odd(heads, i, wanted)
        if states[i, STATUS] in _SAYS and not heads.problems[i]:
            heads.problems[i] = _SAYS[int(states[i, STATUS])]
    for j, first in wanted.twins:
        heads.at[j], heads.size[j], heads.vr[j] = heads.at[first], heads.size[first], heads.vr[first]
        states[heads.at[j] <= FAR, NOTES] |= TOO_LONG
    return heads


def _elsewhere(heads: Heads, i: int, wanted: Wanted) -> None:
    """A file that is not local, or that can't be read; then it is noted why."""
    state, base = heads.states[i], 0
    state[STATUS] = MORE
    blocks, seen = np.full(256, UNRESERVED, np.int8), local.nothing_seen(len(wanted.elements))
    try:
        state[SIZE] = files.size_of(heads.paths[i])
        while state[STATUS] == MORE:
            buf = np.empty(min(LONG_WINDOW, int(state[SIZE])) if base else local.WINDOW, np.uint8)
            filled = files.read_some(heads.paths[i], base, buf)
            places: tuple[Any, ...] = heads.at, heads.size, heads.vr, heads.buf, heads.used
            heads.buf, heads.used = local.look(buf, filled, base, i, state, blocks, wanted.arrays, seen, *places)
            base = int(state[POS])
    except OSError as error:
        heads.problems[i] = f"cannot be read: {error.strerror or error}"
        state[STATUS], state[SIZE] = NOT, 0


def _odd(heads: Heads, i: int, wanted: Wanted) -> None:
    found = odd.read(heads.paths[i], wanted)
    if found is None:
        return
    heads.at[:, i], heads.size[:, i], heads.vr[:, i] = -1, 0, 0
    for j, (data, vr) in found.values.items():
        heads.at[j, i] = heads.add(data)
        heads.size[j, i] = len(data)
        heads.vr[j, i] = vr_code(vr) if len(vr) == 2 else 0
    heads.states[i, [STATUS, PIXEL_ELEMENT, PIXEL_AT, PIXEL_LENGTH]] = (DONE, *found.pixels)
