"""Compiled reading of the heads of local files: open, window by window, close; without the interpreter's lock.

Each window is walked while it is in the cache, and only the wanted values are kept.  A Python loop spends as long on itself
as on the system, and two threads that run one wait for each other.  POSIX only; `heads` reads elsewhere, and what could not be
read here.
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
_A_FILE = 1024  # bytes of values that a file mostly has
_UNREAD = -1


@helper
def _keep(buf, seen, f, at, size, vr, kept, used):  # type: ignore[no-untyped-def]
    """Copy the seen values behind those kept so far, and note where they lie; ``seen`` is empty again."""
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
    """Walk the files from ``f`` to ``end``; ``n`` bytes of the first, from ``base`` on, are in ``buf`` unless ``n`` is _UNREAD.

    ``names`` and ``window`` are where the names and ``buf`` lie.  Returns before which file it stopped, as there was no room in
    ``kept`` for its values, and how many bytes of it are used.
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
    """What a walk works in: private blocks, what it saw in a window, and where the values of all files lie."""

    blocks: Any
    seen: Any
    at: Any
    size: Any
    vr: Any


def room(at: Any, size: Any, vr: Any) -> Room:
    """Room to walk in, nothing seen yet."""
    return Room(np.full(256, UNRESERVED, np.int8), np.full((3, len(at)), -1), at, size, vr)


def read(names: Any, starts: Any, flags: int, layout: Any, wanted: Any, states: Any, room: Room) -> tuple[Any, int]:
    """Read and walk the files of those names; fills the states and the places, and returns the values, one behind the other.

    ``layout`` is that of `system`.  The size of what could not be read, or is no plain file, is CANNOT.
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
    """Walk ``buf[:n]``, which holds file ``f`` from byte ``base`` on; returns the values kept, and how many bytes of it."""
    if used + n > kept.size:
        kept = np.concatenate([kept[:used], np.empty(used + 2 * n, np.uint8)])
    none = np.zeros(0, np.int64)
    place = 0, none, 0, none, f, f + 1, n, base, 0
    return kept, _read(*place, wanted, states, *room, none, buf, kept, used)[1]
