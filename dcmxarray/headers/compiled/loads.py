"""Loads of little endian numbers from any byte of a buffer, for compiled code; one machine instruction each.

They don't check bounds; the caller does.  With NUMBA_BOUNDSCHECK=1 in the environment they do, and raise IndexError.
numba's own indexing takes twice as long to compile, and a view of the bytes as another type ten times.
"""

from __future__ import annotations

import sys
from typing import Any

from numba import config, types
from numba.extending import intrinsic

from ...jit import helper


def _load(bits: int, signed: bool, result: Any) -> Any:
    """A compiled function (buffer, offset in bytes) -> number of ``bits`` bits, as a numba type ``result``."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        whole = context.get_value_type(getattr(types, f"uint{bits}"))
        place = builder.bitcast(builder.gep(data, [args[1]]), whole.as_pointer())
        value = builder.load(place, align=1)
        if bits > 8 and sys.byteorder == "big":
            value = builder.bswap(value)
        if isinstance(result, types.Float):
            return builder.bitcast(value, context.get_value_type(result))
        return value if bits == 64 else (builder.sext if signed else builder.zext)(value, context.get_value_type(types.int64))

    @intrinsic  # type: ignore[untyped-decorator]
    def load(typing: Any, buffer: Any, place: Any) -> Any:
        return result(buffer, types.int64), lower

    return _checked(load, bits // 8) if config.BOUNDSCHECK else load


def _checked(load: Any, width: int) -> Any:
    """``load`` with a check of its bounds; ``width`` is in bytes.  A negative offset is an error too."""

    @helper
    def checked(buffer: Any, place: Any) -> Any:
        if place < 0 or place + width > buffer.size:
            raise IndexError("a load outside of its buffer")
        return load(buffer, place)

    return checked


u8 = _load(8, False, types.int64)
u16 = _load(16, False, types.int64)
u32 = _load(32, False, types.int64)
u64 = _load(64, False, types.uint64)
s16 = _load(16, True, types.int64)
s32 = _load(32, True, types.int64)
s64 = _load(64, True, types.int64)
f32 = _load(32, True, types.float32)
f64 = _load(64, True, types.float64)
