"""Elements in sequences, by a path of keywords: read by pydicom, from those files alone for which a user asks.

A path begins at the top level of a file; in a multi-frame file it may also begin in the functional groups of each frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from ..errors import FATAL
from .asked import columns_of_numbers
from .by_pydicom import top_level
from .columns import columns
from .compiled.values import vr_code
from .compiled.walk import STATE
from .element import Element
from .heads import Heads, nothing_found

_SHARED, _FRAMED = 0x52009229, 0x52009230  # functional groups
_CHARSET = Element(("SpecificCharacterSet",), 0x00080005, "CS", "str")


def nested_columns(heads: Heads, file: Any, frame: Any, elements: tuple[Element, ...]) -> dict[str, Any]:
    """Columns of elements in sequences, with a row per frame.

    Parameters
    ----------
    heads
        Of the files; problems are noted there.
    file, frame
        (rows,) the file of each row, and the number of its frame in the file.
    elements
        With ``within``.
    """
    if not elements:
        return {}
    roots = sorted({e.within[0] for e in elements} | {_SHARED, _FRAMED})
    values = np.full((len(elements), len(file)), None, object)
    bounds = np.searchsorted(file, np.arange(len(heads.paths) + 1))
    for i in np.flatnonzero(heads.is_dicom()).tolist():
        rows = range(bounds[i], bounds[i + 1])
        try:
            data = top_level(heads.paths[i], roots)
            for row in rows:
                values[:, row] = [_text(_of_frame(data, int(frame[row]), (*e.within, e.tag))) for e in elements]
        except FATAL:
            raise
        except BaseException as error:  # noqa: BLE001 - pydicom raises many kinds on damaged bytes
            heads.note(i, f"its sequences can't be read ({type(error).__name__})")
    return _converted(heads, file, elements, values)


def _of_frame(data: Any, frame: int, path: tuple[int, ...]) -> list[Any]:
    """The values at a path: at the top level, else in the groups of one frame, else in those of all frames."""
    groups = data[_FRAMED].value if _FRAMED in data else []
    own = [groups[frame]] if frame < len(groups) else []
    if path[0] == _FRAMED:
        return _values(own, path[1:])
    shared = data[_SHARED].value if _SHARED in data else []
    return _values([data], path) or _values(own, path) or _values(shared, path)


def _values(items: Any, path: tuple[int, ...]) -> list[Any]:
    """The values at a path in all of some items, in their order."""
    found = [item[Tag(path[0])].value for item in items if Tag(path[0]) in item]
    if len(path) > 1:
        return [value for items in found for value in _values(items, path[1:])]
    several = [list(value) if isinstance(value, (MultiValue, list, tuple)) else [value] for value in found]
    return [value for values in several for value in values if value is not None and value != ""]


def _text(values: list[Any]) -> str | None:
    """Values as one text, separated by backslashes."""
    return "\\".join(map(str, values)) or None


def _converted(known: Heads, file: Any, elements: tuple[Element, ...], values: Any) -> dict[str, Any]:
    """Columns from texts, by the converters of the header pass; their problems are noted in ``known``."""
    plan = (_CHARSET, *elements)
    heads = Heads(
        [known.paths[i] for i in file],
        np.empty(0, np.uint8),
        np.zeros((len(file), STATE), np.int64),
        *nothing_found(len(plan), len(file)),
        [""] * len(file),
    )
    texts = np.vstack([np.full(len(file), "ISO_IR 192", object), values])
    data = [[b"" if text is None else text.encode() for text in row] for row in texts]
    heads.buf = np.frombuffer(b"".join(one for row in data for one in row) + b"\0" * 8, np.uint8)
    heads.size[:] = [[len(one) for one in row] for row in data]
    ends = np.cumsum(heads.size.ravel(), dtype=np.int64).reshape(heads.size.shape)
    heads.at[:] = np.where(texts == None, -1, ends - heads.size)  # noqa: E711 - cell by cell
    heads.vr[:] = np.array([vr_code("DS" if e.dtype in ("int", "float") else "LO") for e in plan])[:, None]
    found = columns(heads, plan)
    heads.vr[1:] = np.array([vr_code(e.vr) for e in elements])[:, None]
    found |= columns_of_numbers(plan, heads, found)
    for i, problem in {(int(file[row]), text) for row, text in enumerate(heads.problems) if text}:
        known.note(i, problem)
    return {name: found[name] for e in elements for name in e.columns}
