"""Compiled reading of the heads of local files: open, window by window, close; without the interpreter's lock.

Each window is walked while it is in the cache, and only the wanted values are kept.  A Python loop spends as long on itself
as on the system, and two threads that run one wait for each other.  POSIX only; `heads` reads elsewhere, and what could not be
read here.
"""

from __future__ import annotations

import os

import numpy as np
from numba import types

from ..jit import compiled
from .walk import CUT, MORE, POS, SIZE, STATUS, UNRESERVED, begin, walk

_int, _long, _address = types.intc, types.int64, types.uintp
_open = types.ExternalFunction("open", _int(_address, _int))
_close = types.ExternalFunction("close", _int(_int))
_pread = types.ExternalFunction("pread", _long(_int, _address, _address, _long))
_seek = types.ExternalFunction("lseek", _long(_int, _long, _int))

WINDOW = 16384
CANNOT = -1  # the size of a file that can't be read here
_END = os.SEEK_END
_A_FILE = 1024  # bytes of values that a file mostly has


@compiled
def _keep(buf, seen, f, at, size, vr, kept, used):  # type: ignore[no-untyped-def]
    """Copy the seen values behind those kept so far, and note where they lie; ``seen`` is empty again."""
    places, sizes, kinds = seen
    need = used
    for j in range(places.size):
        if places[j] >= 0:
            need += sizes[j]
    if need > kept.size:
        larger = np.empty(2 * need, np.uint8)
        larger[:used] = kept[:used]
        kept = larger
    for j in range(places.size):
        place = places[j]
        if place == -1:
            continue
        places[j] = -1
        at[j, f], size[j, f], vr[j, f] = place, sizes[j], kinds[j]
        if place >= 0:
            at[j, f] = used
            for k in range(sizes[j]):
                kept[used + k] = buf[place + k]
            used += sizes[j]
    return kept, used


@compiled
def look(buf, filled, base, f, state, blocks, wanted, seen, at, size, vr, kept, used):  # type: ignore[no-untyped-def]
    """Walk ``buf[:filled]``, which holds file ``f`` from byte ``base`` on; returns the values kept, and how many bytes of it."""
    if base == 0:
        begin(buf, filled, state[SIZE], state)
        blocks[:] = UNRESERVED
    if state[STATUS] != MORE:
        return kept, used
    before = state[POS]
    walk(buf, filled, base, state, blocks, wanted, seen[0], seen[1], seen[2])
    if state[STATUS] == MORE and state[POS] <= before and base == before:
        state[STATUS] = CUT
    return _keep(buf, seen, f, at, size, vr, kept, used)


@compiled
def nothing_seen(count):  # type: ignore[no-untyped-def]
    """Places, lengths and VRs of the elements of a window, none yet."""
    return np.full(count, -1, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64)


@compiled
def read(names, starts, flags, wanted, states, at, size, vr):  # type: ignore[no-untyped-def]
    """Read and walk the files of those names; fills the states and the places, and returns the values, one behind the other.

    The size of what could not be read is CANNOT.
    """
    buf, blocks, seen = np.empty(WINDOW, np.uint8), np.full(256, UNRESERVED, np.int8), nothing_seen(at.shape[0])
    kept, used = np.empty(_A_FILE * states.shape[0], np.uint8), 0
    for f in range(states.shape[0]):
        state, base = states[f], np.int64(0)
        handle = _open(np.uintp(names.ctypes.data + starts[f]), np.int32(flags))
        n = np.int64(-1)
        if handle >= 0:
            state[SIZE] = _seek(handle, np.int64(0), np.int32(_END))
            n = _pread(handle, np.uintp(buf.ctypes.data), np.uintp(WINDOW), base)
        while n >= 0:
            kept, used = look(buf, n, base, f, state, blocks, wanted, seen, at, size, vr, kept, used)
            if state[STATUS] != MORE:
                break
            base = state[POS]
            n = _pread(handle, np.uintp(buf.ctypes.data), np.uintp(WINDOW), base)
        if n < 0:
            state[SIZE] = CANNOT
        if handle >= 0:
            _close(handle)
    return kept, used
