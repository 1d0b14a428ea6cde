"""How functions are compiled: numba, without the interpreter's lock, kept on disk where there is a place to keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """Compile when it is first called; on a read-only system without a cache folder, anew in every process."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no folder to cache in
        return njit(nogil=True)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile into the caller."""
    return njit(inline="always")(function)
