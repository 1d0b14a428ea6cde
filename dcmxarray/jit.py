"""How functions are compiled: numba, without the interpreter's lock, kept on disk where there is a place to keep them.

Compiling is what a first call waits for: 12 ms a function and 2 ms an operation.  So only what Python calls is `compiled`;
what compiled code calls is a `helper`.
"""

from __future__ import annotations

import gc
import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import event

_FOLDER = Path(__file__).parent
_OPTIONS = {"nogil": True, "no_cfunc_wrapper": True}  # C never calls back
_SAYS = "dcmxarray: compiling, once ..."


@cache
def _sources() -> str:
    """A digest of all sources of compiled functions; "" where they are no files."""
    texts = (path.read_bytes() for path in sorted(_FOLDER.rglob("*.py")))
    compiled_ones = [text for text in texts if b"jit import" in text or b"from numba" in text]
    return hashlib.sha256(b"\0".join(compiled_ones)).hexdigest()[:12] if compiled_ones else ""


def compiled(function: Callable[..., Any]) -> Any:
    """Compile what Python calls, when it is first called; where nothing can be kept, anew in every process.

    numba keeps a function until its own file changes, whatever becomes of the helpers that are compiled into it; so the name
    under which it keeps it says all sources.
    """
    name = function.__qualname__
    function.__qualname__ = f"{name}-{_sources()}"
    try:
        return njit(cache=bool(_sources()), **_OPTIONS)(function)
    except RuntimeError:  # numba found no folder to cache in
        return njit(**_OPTIONS)(function)
    finally:
        function.__qualname__ = name


def helper(function: Callable[..., Any]) -> Any:
    """Compile what only compiled functions call, and keep it within them.  Never call it from Python: that ends the process."""
    return njit(no_cpython_wrapper=True, **_OPTIONS)(function)


class _Compiling(event.Listener):  # type: ignore[misc]
    """While it compiles: says so on a terminal, in a line that vanishes; and no search for garbage, a tenth of the time."""

    def __init__(self) -> None:
        self.depth = 0
        self.collects = False

    def on_start(self, happening: Any) -> None:
        """Of one function; of its helpers while it is being compiled."""
        if self.depth == 0:
            self.collects = gc.isenabled()
            gc.disable()
            _say(_SAYS if _is_ours(happening) else "")
        self.depth += 1

    def on_end(self, happening: Any) -> None:
        """Of one function; of the first last."""
        self.depth -= 1
        if self.depth == 0:
            if self.collects:
                gc.enable()
            _say(" " * len(_SAYS) if _is_ours(happening) else "")


def _is_ours(happening: Any) -> bool:
    return str(happening.data["dispatcher"].py_func.__module__).startswith(f"{__package__}.")


def _say(text: str) -> None:
    if text and sys.stderr is not None and sys.stderr.isatty():
        print(text, end="\r", file=sys.stderr, flush=True)


event.register("numba:compile", _Compiling())
