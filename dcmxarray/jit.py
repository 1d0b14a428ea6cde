"""How functions are compiled: by numba, without the interpreter's lock, and cached on disk where possible.

The first call waits for the compiler: 12 ms per function and 2 ms per operation.  A function that Python calls is `compiled`;
one that only compiled code calls is a `helper`, which compiles faster because it has no wrapper for Python.  The cache leans on
names of numba's that are not public, for which pyproject.toml has an upper bound.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import config, njit
from numba.core import event
from numba.core.caching import FunctionCache
from numba.core.registry import CPUDispatcher
from numba.core.runtime.nrt import rtsys

_FOLDER = Path(__file__).parent
_OPTIONS = {"nogil": True, "no_cfunc_wrapper": True}  # C never calls these functions
_MESSAGE = "dcmxarray: compiling, once ..."


@cache
def _sources() -> str:
    """A digest of all source files with compiled functions and of the bounds checks; "" if there are no source files."""
    texts = (path.read_bytes() for path in sorted(_FOLDER.rglob("*.py")))
    compiled_ones = [text for text in texts if b"jit import" in text or b"from numba" in text]
    checks = b"checked" if config.BOUNDSCHECK else b""
    return hashlib.sha256(b"\0".join([*compiled_ones, checks])).hexdigest()[:12] if compiled_ones else ""


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, on its first call; without a cache, once in every process."""
    made = njit(**_OPTIONS)(function)
    if isinstance(made, CPUDispatcher) and _sources():  # with NUMBA_DISABLE_JIT it is the function itself
        with contextlib.suppress(RuntimeError):  # numba found no folder to cache in
            made._cache = _kept(function)
    return made


def helper(function: Callable[..., Any]) -> Any:
    """Compile a function that only compiled functions call; it is cached as a part of them.  From Python it can't be called."""
    made = njit(no_cpython_wrapper=True, **_OPTIONS)(function)
    if isinstance(made, CPUDispatcher):  # with NUMBA_DISABLE_JIT it is the function itself
        made.__class__ = _Helper
    return made


def _kept(function: Callable[..., Any]) -> _Cache:
    """The cache of a function.

    numba discards cached code when the function's own file changes, but not when a helper in another file does.  So the name
    of the cached code contains a digest of all sources.
    """
    name = function.__qualname__
    function.__qualname__ = f"{name}-{_sources()}"
    try:
        return _Cache(function)
    finally:
        function.__qualname__ = name


class _Cache(FunctionCache):  # type: ignore[misc]
    """A cache that loads compiled code without importing all that numba can compile, as numba's own does (0.2 s)."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled code for a signature, or ``None``."""
        rtsys.initialize(target_context)  # the functions that compiled code calls to allocate
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


class _Helper(CPUDispatcher):  # type: ignore[misc]
    """A dispatcher that refuses calls from Python: without its wrapper, numba's own would end the process."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.py_func.__qualname__}() is a helper of compiled functions and can't be called from Python")


class _Compiling(event.Listener):  # type: ignore[misc]
    """While numba compiles: shows a transient message on a terminal, and stops garbage collection (a tenth of the time)."""

    def __init__(self) -> None:
        self.depth = 0
        self.collects = False

    def on_start(self, happening: Any) -> None:
        """A function begins to compile; its helpers begin and end within it."""
        if self.depth == 0:
            self.collects = gc.isenabled()
            gc.disable()
            _say(_MESSAGE if _is_ours(happening) else "")
        self.depth += 1

    def on_end(self, happening: Any) -> None:
        """A function is compiled; the outermost one is the last."""
        self.depth -= 1
        if self.depth == 0:
            if self.collects:
                gc.enable()
            _say(" " * len(_MESSAGE) if _is_ours(happening) else "")


def _is_ours(happening: Any) -> bool:
    """Whether the function of an event belongs to this package."""
    return str(happening.data["dispatcher"].py_func.__module__).startswith(f"{__package__}.")


def _say(text: str) -> None:
    """Write a text over the current line of the terminal, if there is one."""
    if text and sys.stderr is not None and sys.stderr.isatty():
        print(text, end="\r", file=sys.stderr, flush=True)


event.register("numba:compile", _Compiling())
