"""Compiled reading of the heads of local files, without the interpreter's lock: opens, reads in windows, walks, closes.

Each window is walked while it is in the processor's cache, and only the wanted values are kept.  A loop in Python would take
as long as the system calls within it, and threads would wait for each other's lock.  POSIX only: on other systems, and for
files that can't be read here, `headers.heads` reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from ...jit import compiled, helper
from ...sources.system import BYTES, status
from .walk import CUT, MODIFIED, MORE, POS, SIZE, STATUS, UNRESERVED, begin, walk

_int, _long, _address = types.intc, types.int64, types.uintp
_open = types.ExternalFunction("open", _int(_address, _int))
_close = types.ExternalFunction("close", _int(_int))
_pread = types.ExternalFunction("pread", _long(_int, _address, _address, _long))

WINDOW = 16384
CANNOT = -1  # the size of a file that can't be read here
_A_FILE = 1024  # bytes of values that most files have at most
_UNREAD = -1  # a number of bytes: no window of the file is read yet


@helper
def _keep(buf, seen, f, at, size, vr, kept, used):  # type: ignore[no-untyped-def]
    """Append the values in ``seen`` to ``kept``, note their offsets for file ``f``, and clear ``seen``.

    Returns the number of bytes of ``kept`` that are used.
    """
    for j in range(seen.shape[1]):
        place, length = seen[0, j], seen[1, j]
        if place != -1:
            seen[0, j] = -1
            at[j, f], size[j, f], vr[j, f] = place if place < 0 else used, length, seen[2, j]
        if place >= 0:
            for k in range(length):
                kept[used + k] = buf[place + k]
            used += length
    return used


@compiled
def _read(  # type: ignore[no-untyped-def]
    names, starts, flags, layout, f, end, n, base, window, wanted, states, blocks, seen, at, size, vr, said, buf, kept, used
):
    """Walk files ``f`` to ``end``.  Unless ``n`` is _UNREAD, ``buf`` holds ``n`` bytes of the first, from byte ``base`` on.

    ``names`` and ``window`` are the addresses of the names and of ``buf``.  Returns the file at which it stopped, ``end`` or the
    one for whose values ``kept`` has no room, and the number of bytes of ``kept`` that are used.
    """
    while f < end:
        state, handle, before_f = states[f], np.int32(-1), used
        if n == _UNREAD:
            handle = _open(np.uintp(names + starts[f]), np.int32(flags))
            if handle >= 0:
                state[SIZE], state[MODIFIED] = status(handle, layout, said)
                if state[SIZE] >= 0:
                    n = _pread(handle, np.uintp(window), np.uintp(WINDOW), base)
        while n >= 0:
            if used + n > kept.size:
                if handle >= 0:
                    _close(handle)
                return f, before_f
            if base == 0:
                begin(buf, n, state[SIZE], state)
                blocks[:] = UNRESERVED
            before = state[POS]
            if state[STATUS] == MORE:
                walk(buf, n, base, state, blocks, wanted, seen)
            if state[STATUS] == MORE and state[POS] <= before and base == before:
                state[STATUS] = CUT
            used = _keep(buf, seen, f, at, size, vr, kept, used)
            if state[STATUS] != MORE or handle < 0:
                break
            base = state[POS]
            n = _pread(handle, np.uintp(window), np.uintp(WINDOW), base)
        if n < 0:
            state[SIZE] = CANNOT
        if handle >= 0:
            _close(handle)
        f, n, base = f + 1, np.int64(_UNREAD), np.int64(0)
    return f, used


class Room(NamedTuple):
    """The arrays that a walk writes: private blocks, elements seen in a window, and offsets, lengths and VRs for all files."""

    blocks: Any
    seen: Any
    at: Any
    size: Any
    vr: Any


def room(at: Any, size: Any, vr: Any) -> Room:
    """The arrays for a walk that has seen nothing yet."""
    return Room(np.full(256, UNRESERVED, np.int8), np.full((3, len(at)), -1), at, size, vr)


def read(names: Any, starts: Any, flags: int, layout: Any, wanted: Any, states: Any, room: Room) -> tuple[Any, int]:
    """Read and walk files; fills in ``states`` and ``room``.

    Parameters
    ----------
    names, starts, flags
        As `sources.files.names` returns them.
    layout
        As `sources.system.layout` returns it.
    wanted
        The arrays of `headers.elements.Wanted`.
    states
        A row per file; SIZE becomes CANNOT if the file can't be read or is not a regular file.
    room
        Offsets refer to the buffer that is returned.

    Returns
    -------
    A buffer of the wanted values, and how many bytes of it are used.
    """
    buf, kept = np.empty(WINDOW, np.uint8), np.empty(_A_FILE * len(states) + WINDOW, np.uint8)
    said = np.zeros(BYTES // 8, np.int64)
    f = used = 0
    while True:
        place = names.ctypes.data, starts, flags, layout, f, len(states), _UNREAD, 0, buf.ctypes.data
        f, used = _read(*place, wanted, states, *room, said, buf, kept, used)
        if f == len(states):
            return kept, used
        room.at[:, f] = -1
        kept = np.concatenate([kept[:used], np.empty(2 * kept.size, np.uint8)])


def look(buf: Any, n: int, base: int, f: int, wanted: Any, states: Any, room: Room, kept: Any, used: int) -> tuple[Any, int]:
    """Walk one window in memory: ``buf[:n]`` holds file ``f`` from byte ``base`` on.

    Returns
    -------
    The buffer of values, ``kept`` or a larger copy, and how many bytes of it are used.
    """
    if used + n > kept.size:
        kept = np.concatenate([kept[:used], np.empty(used + 2 * n, np.uint8)])
    none = np.zeros(0, np.int64)
    place = 0, none, 0, none, f, f + 1, n, base, 0
    return kept, _read(*place, wanted, states, *room, none, buf, kept, used)[1]
