"""Reads and walks the heads of a batch of files, and collects the values of their wanted elements in one buffer.

``compiled.local`` reads local files.  This module reads remote files, those that ``compiled.local`` could not read, and, by
pydicom, those that the walk could not; it appends their values to the buffer.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FATAL, HeaderError, one_line
from ..sources import files, system
from . import by_pydicom
from .compiled import local
from .compiled.values import Buffer, Ints, Lengths, vr_code
from .compiled.walk import (
    CUT,
    DONE,
    FOREIGN,
    IN_FILE,
    LEFT_OUT,
    MODIFIED,
    MORE,
    NOT,
    NOTES,
    PIXEL_AT,
    PIXEL_ELEMENT,
    PIXEL_LENGTH,
    POS,
    SIZE,
    STATE,
    STATUS,
    ZEROS,
)
from .elements import Wanted

LONG_WINDOW = 1 << 22  # bytes per request after the first window, as each request to a remote file takes long

_SAYS = {
    CUT: "the file ends in the middle of an element",
    FOREIGN: "the header is damaged: an element is neither explicit nor implicit VR",
    ZEROS: "the header is damaged: zeros stand where an element should begin",
}


@dataclass
class Heads:
    """Where the wanted elements of a batch of files are.

    ``at``, ``size`` and ``vr`` have the shape (elements, files): offset into ``buf``, length in bytes, and VR.  An offset is -1
    for an absent element, and IN_FILE - n for a value that was left in the file at byte n.  ``states`` has a row per file, with
    the columns that `headers.compiled.walk` names; ``used`` is the number of bytes of ``buf`` that hold values.
    """

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
        """One column of ``states``, contiguous."""
        return np.ascontiguousarray(self.states[:, name])

    def note(self, i: Any, text: str) -> None:
        """Append to the problem of file ``i``."""
        self.problems[i] = f"{self.problems[i]}; {text}" if self.problems[i] else text

    def add(self, data: bytes) -> int:
        """Append a value to ``buf`` and return its offset."""
        place, self.used = self.used, self.used + len(data)
        if self.used > self.buf.size:
            self.buf = np.concatenate([self.buf[:place], np.empty(self.used, np.uint8)])
        self.buf[place : self.used] = np.frombuffer(data, np.uint8)
        return place


def nothing_found(elements: int, files: int) -> tuple[Ints, Lengths, Lengths]:
    """Offsets, lengths and VRs before the walk: every element is absent."""
    return np.full((elements, files), -1), np.zeros((elements, files), np.uint32), np.zeros((elements, files), np.uint32)


def no_heads(paths: Sequence[str], wanted: Wanted) -> Heads:
    """Heads of files before they are read."""
    n, k = len(paths), len(wanted.elements)
    return Heads(paths, np.empty(0, np.uint8), np.zeros((n, STATE), np.int64), *nothing_found(k, n), [""] * n)


def unread_heads(paths: Sequence[str], problems: Sequence[str], wanted: Wanted) -> Heads:
    """Heads of files that could not be read, with their problems."""
    heads = no_heads(paths, wanted)
    heads.states[:, STATUS], heads.problems = NOT, list(problems)
    return heads


def read_heads(paths: Sequence[str], wanted: Wanted) -> Heads:
    """Read and walk the heads of a batch of files; a file that can't be read has a problem and raises nothing."""
    heads, layout = no_heads(paths, wanted), system.layout() if os.name == "posix" else None
    states, room = heads.states, local.room(heads.at, heads.size, heads.vr)
    if layout is not None and not any(map(files.is_remote, paths)):
        heads.buf, heads.used = local.read(*files.names(paths), layout, wanted.arrays, states, room)
    else:
        states[:, SIZE] = local.CANNOT
    for i in np.flatnonzero((states[:, STATUS] != DONE) | (states[:, SIZE] < 0)).tolist():
        if states[i, SIZE] < 0:
            _elsewhere(heads, i, wanted)
        if states[i, STATUS] == FOREIGN:
            _foreign(heads, i, wanted)
        if states[i, STATUS] in _SAYS and not heads.problems[i]:
            heads.problems[i] = _SAYS[int(states[i, STATUS])]
    for j, first in wanted.twins:
        heads.at[j], heads.size[j], heads.vr[j] = heads.at[first], heads.size[first], heads.vr[first]
        states[heads.at[j] <= IN_FILE, NOTES] |= LEFT_OUT
    return heads


def _elsewhere(heads: Heads, i: int, wanted: Wanted) -> None:
    """Read file ``i`` by Python, if it is remote or `compiled.local` could not; if that fails too, note why."""
    state, base = heads.states[i], 0
    state[STATUS] = MORE
    room = local.room(heads.at, heads.size, heads.vr)
    try:
        size, state[MODIFIED] = files.status(heads.paths[i])
        state[SIZE] = size
        while state[STATUS] == MORE:
            buf = np.empty(min(LONG_WINDOW, max(size, 1)) if base else local.WINDOW, np.uint8)
            filled = files.read_some(heads.paths[i], base, buf)
            window = buf, filled, base, i, wanted.arrays, heads.states
            heads.buf, heads.used = local.look(*window, room, heads.buf, heads.used)
            base = int(state[POS])
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever its type, it affects this file only
        heads.problems[i] = f"cannot be read: {getattr(error, 'strerror', None) or one_line(error) or type(error).__name__}"
        state[STATUS], state[SIZE] = NOT, 0


def _foreign(heads: Heads, i: int, wanted: Wanted) -> None:
    """Read file ``i`` by pydicom, and replace what the walk found if pydicom finds more."""
    try:
        found = by_pydicom.read(heads.paths[i], wanted)
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001 - pydicom raises many kinds on damaged bytes
        if isinstance(error, HeaderError):
            heads.problems[i] = one_line(error)
        return
    if found.problem and len(found.values) < np.count_nonzero(heads.at[:, i] != -1):
        return  # the walk found more; its result and its problem stay
    heads.problems[i] = found.problem
    heads.at[:, i], heads.size[:, i], heads.vr[:, i] = -1, 0, 0
    for j, (data, vr) in found.values.items():
        heads.at[j, i] = IN_FILE if wanted.elements[j].vr == "SQ" else heads.add(data)
        heads.size[j, i] = len(data)
        heads.vr[j, i] = vr_code(vr) if len(vr) == 2 else 0
    heads.states[i, [STATUS, PIXEL_ELEMENT, PIXEL_AT, PIXEL_LENGTH]] = (DONE, *found.pixels)
