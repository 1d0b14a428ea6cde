"""Checks of the options of public functions, made before any work is done.  Opens no file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from .. import parallel

CHOICES = {"missing": ("raise", "fill"), "duplicates": ("raise", "first")}
RESCALE = ("philips_fp", "rwvm")


def check(**options: Any) -> None:
    """Check the values of those options of `open_series`, and of writers, that are passed.

    Raises
    ------
    TypeError
        A value has the wrong type, such as a string where a list of strings is needed.
    ValueError
        A value is none of the choices.
    """
    for name, value in options.items():
        _CHECKS[name](name, value)


def check_names(options: Iterable[str], takes: Iterable[str], what: str) -> None:
    """Check that a function accepts all options that it is passed.

    Parameters
    ----------
    options
        Names that were passed.
    takes
        Names that the function accepts.
    what
        The function, for the message.

    Raises
    ------
    TypeError
        It does not accept one of them.
    """
    known = sorted(takes)
    for name in options:
        if name not in known:
            raise TypeError(f"{what} takes no {name!r}; its options are {', '.join(known)}")


def _choice(name: str, value: Any) -> None:
    if not isinstance(value, str) or value not in CHOICES[name]:
        raise ValueError(f"{name}={value!r} is none of {', '.join(map(repr, CHOICES[name]))}")


def _rescale(name: str, value: Any) -> None:
    if not isinstance(value, (bool, np.bool_)) and not (isinstance(value, str) and value in RESCALE):
        raise ValueError(f"{name}={value!r} is none of True, False, {', '.join(map(repr, RESCALE))}")


def _flag(name: str, value: Any) -> None:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}={value!r} is neither True nor False")


def _series(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (str, int, np.integer, type(None))):
        raise TypeError(f"{name} is a key, a SeriesInstanceUID, SeriesNumber or SeriesDescription, not a {type(value).__name__}")


def _names(name: str, value: Any, is_one: Callable[[Any], bool], what: str) -> None:
    """Check that an option is ``None`` or a collection whose every element passes ``is_one``."""
    if value is None:
        return
    if isinstance(value, (str, bytes)) or not isinstance(value, Collection):
        raise TypeError(f"{name}={value!r} is no list; pass {name}=[{value!r}]")
    for one in value:
        if not is_one(one):
            raise TypeError(f"{name} holds {one!r}; it is a list of {what}")


def _dims(name: str, value: Any) -> None:
    _names(name, value, _is_tag, 'names of coordinates, DICOM keywords, or (group, "creator", element) of private elements')
    if value is not None and len(set(value)) < len(list(value)):
        raise ValueError(f"{name}={list(value)!r} names a dimension twice")
    pixels = [one for one in value or () if one in ("row", "col", "rgb")]
    if pixels:
        raise ValueError(f"{name}={list(value)!r}: {pixels[0]!r} is no choice; row, col and rgb are always the last dims")


def _tags(name: str, value: Any) -> None:
    if value != "all":
        _names(name, value, _is_tag, 'DICOM keywords, (group, element), or (group, "creator", element) of private elements')


def _is_tag(one: Any) -> bool:
    if isinstance(one, str):
        return one != ""
    kinds = {2: (int, int), 3: (int, str, int)}.get(len(one)) if isinstance(one, tuple) else None
    return kinds is not None and all(map(isinstance, one, kinds))


def _scheduler(name: str, value: Any) -> None:
    parallel.check(value)


def _chunks(name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        for size in value.values():
            for one in size if isinstance(size, (tuple, list)) else (size,):
                _chunk(name, one)
    elif value is not None:
        _chunk(name, value)


def _chunk(name: str, value: Any) -> None:
    """Check one chunk size: -1 for the whole dim, a number of cells, ``"auto"``, ``None``, or bytes in dask's form ("64 MiB")."""
    if value is None or value == "auto" or (isinstance(value, str) and _is_bytes(value)):
        return
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or (value < 1 and value != -1):
        raise ValueError(f"{name}: {value!r} is none of 'auto', None, a number above 0, -1 for the whole, or these by dim")


def _is_bytes(text: str) -> bool:
    """Whether dask reads a text as a number of bytes above 0."""
    from dask.utils import parse_bytes

    try:
        return parse_bytes(text) > 0
    except ValueError:
        return False


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    **dict.fromkeys(CHOICES, _choice),
    "rescale": _rescale,
    "series": _series,
    "dims": _dims,
    "tags": _tags,
    "chunks": _chunks,
    "overwrite": _flag,
    "scheduler": _scheduler,
}
