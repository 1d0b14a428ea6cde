"""Converts the values of walked heads to columns: one vectorized conversion per element; texts in the file's character set.

A value that can't be converted becomes null, and the file's problem names its column.  It never raises.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydicom.charset import convert_encodings, decode_bytes

from ..sources import files
from .compiled.moments import moments
from .compiled.values import BAD, EXACT, GOOD, LONG, Ints, numbers, settle_many, texts_of, vr_code
from .compiled.walk import IN_FILE, LEFT_OUT, NOTES, ORPHAN, ORPHANS

if TYPE_CHECKING:
    from .element import Element
    from .heads import Heads

Column = Any  # a numpy array, or an Arrow array of strings
_FORMS = {"date": 0, "time": 1, "datetime": 2}
_FORMATS = {"US": "<u2", "SS": "<i2", "UL": "<u4", "SL": "<i4", "FL": "<f4", "FD": "<f8", "UV": "<u8", "SV": "<i8"}
_BINARY = {vr_code(vr): np.dtype(form) for vr, form in _FORMATS.items()}
_IS_BINARY = np.isin(np.arange(1 << 16), list(_BINARY))
_UN = vr_code("UN")
_UNKNOWN = (0, _UN)  # values in implicit VR (PS3.5 section 6.2.2)
_UNITS = {"date": "D", "time": "us", "datetime": "us"}
_DELIMITERS = {0x5C, 0x5E, 0x3D}  # \\ ^ = end the character set that an escape sequence chose (PS3.5 6.1.2.5.3)
_MOST_BULK = 1 << 22  # bytes that are read of one large element


@dataclass(frozen=True)
class _Plan:
    """Which elements are converted together, in the form of the converters' arguments."""

    numbers: tuple[Ints, Ints, Any, Ints]  # indices of elements, dictionary VRs, whether integer, ends of their output rows
    moments: tuple[Ints, Ints]  # indices of elements, forms (see _FORMS)
    texts: tuple[Ints, Ints]  # indices of elements, dictionary VRs


@lru_cache(maxsize=64)
def _plan(elements: tuple[Element, ...]) -> _Plan:
    """Group the elements by the converter that takes them; large ones have none."""
    near = [(j, e) for j, e in enumerate(elements) if not e.large]
    texts = [(j, vr_code(e.vr)) for j, e in near if e.dtype == "str"]
    moments = [(j, _FORMS[e.dtype]) for j, e in near if e.dtype in _FORMS]
    numbers = [(j, e) for j, e in near if e.dtype in ("float", "int")]
    ends = np.cumsum([0, *(len(e.columns) for _, e in numbers)])
    whole = np.array([e.dtype == "int" for _, e in numbers], np.bool_)
    places, usual = _pairs([(j, vr_code(e.vr)) for j, e in numbers])
    return _Plan((places, usual, whole, ends), _pairs(moments), _pairs(texts))


def _pairs(rows: list[tuple[int, int]]) -> tuple[Ints, Ints]:
    """Two contiguous arrays from a list of pairs."""
    both = np.array(rows, np.int64).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


def columns(heads: Heads, elements: tuple[Element, ...]) -> dict[str, Column]:
    """Convert every element of a batch that is not large.

    Returns
    -------
    Columns by name, one row per file: numbers as float64, dates and times as numpy's datetime64 and timedelta64, texts as
    Arrow strings.
    """
    if (heads.states[:, NOTES] & ORPHANS).any():
        _settle_orphans(heads, elements)
    if (heads.states[:, NOTES] & LEFT_OUT).any():
        _leave_out(heads, elements)
    plan = _plan(elements)
    found = _numbers(heads, elements, plan) | _moments(heads, elements, plan) | _strings(heads, elements, plan)
    return {name: found[name] for e in elements if not e.large for name in e.columns}


def _settle_orphans(heads: Heads, elements: tuple[Element, ...]) -> None:
    """Drop private elements without a creator, unless Manufacturer names the vendor to whom the element belongs."""
    j = next(k for k, e in enumerate(elements) if e.columns == ("Manufacturer",))
    files = np.flatnonzero(heads.states[:, NOTES] & ORPHANS)
    spans = zip(heads.at[j, files].tolist(), heads.size[j, files].tolist(), strict=True)
    makers = [bytes(heads.buf[a : a + n]).decode("latin-1").lower() for a, n in spans]
    others = {m: np.array([not e.vendor or e.vendor not in m for e in elements], np.bool_) for m in set(makers)}
    foreign = np.stack([others[m] for m in makers], axis=1) & ((heads.vr[:, files] & ORPHAN) != 0)
    heads.at[:, files] = np.where(foreign, -1, heads.at[:, files])


def _leave_out(heads: Heads, elements: tuple[Element, ...]) -> None:
    """Drop values that are too long for a column, and note a problem."""
    for j, i in np.argwhere(heads.at <= IN_FILE):
        if not elements[j].large:
            heads.note(i, f"{elements[j].columns[0]} is too long for a column")
            heads.at[j, i] = -1


def _numbers(heads: Heads, elements: tuple[Element, ...], plan: _Plan) -> dict[str, Column]:
    """The columns of numbers: float64, NaN where missing."""
    which, usual, whole, ends = plan.numbers
    out = np.empty((ends[-1], heads.at.shape[1]))
    marks = np.empty(out.shape, np.uint8)
    worst = numbers(heads.buf, heads.at, heads.size, heads.vr, which, usual, whole, ends, out, marks)
    found: dict[str, Column] = {}
    for e, j in enumerate(which.tolist()):
        rows = slice(ends[e], ends[e + 1])
        found |= zip(elements[j].columns, out[rows], strict=True)
        if worst[e] > GOOD:
            _settle(heads, elements[j], j, out[rows], marks[rows], worst[e])
    return found


def _settle(heads: Heads, element: Element, j: int, out: Any, marks: Any, worst: int) -> None:
    """Convert numbers with many digits, which the compiled converter marks LONG, and note a problem for the invalid ones."""
    if worst == LONG:
        settle_many(heads.buf, heads.at[j], heads.size[j], out, marks)
        if element.dtype == "int":
            broken = (marks == GOOD) & ((out != np.round(out)) | (np.abs(out) > EXACT))
            marks[broken], out[broken] = BAD, np.nan
    for i in np.flatnonzero((marks == BAD).any(axis=0)):
        count = len(element.columns)
        heads.note(i, f"{'/'.join(element.columns)} does not hold {count} number{'s'[: count - 1]}")


def _moments(heads: Heads, elements: tuple[Element, ...], plan: _Plan) -> dict[str, Column]:
    """The columns of dates and times: datetime64 and timedelta64, NaT where missing."""
    which, forms = plan.moments
    out, marks = np.empty((which.size, heads.at.shape[1]), np.int64), np.empty((which.size, heads.at.shape[1]), np.uint8)
    moments(heads.buf, heads.at, heads.size, which, forms, out, marks)
    found = {}
    for e, j in enumerate(which.tolist()):
        element = elements[j]
        unit = "timedelta64" if element.dtype == "time" else "datetime64"
        found[element.columns[0]] = out[e].view(f"{unit}[{_UNITS[element.dtype]}]")
    for e, i in np.argwhere(marks == BAD):
        heads.note(i, f"{elements[which[e]].columns[0]} is not a valid {elements[which[e]].dtype}")
    return found


def _charsets(elements: tuple[Element, ...], plan: _Plan, raw: list[tuple[pa.Array, bool]]) -> list[str]:
    """SpecificCharacterSet of every file, "" where it is absent."""
    for j, (column, _) in zip(plan.texts[0].tolist(), raw, strict=True):
        if elements[j].columns == ("SpecificCharacterSet",):
            return [(v or b"").decode("ascii", "replace") for v in column.to_pylist()]
    return [""] * (len(raw[0][0]) if raw else 0)


def _strings(heads: Heads, elements: tuple[Element, ...], plan: _Plan) -> dict[str, Column]:
    """The columns of texts, null where missing; plain ASCII is not copied."""
    which, usual = plan.texts
    raw = texts_of(heads.buf, heads.at, heads.size, heads.vr, which, usual)
    plain = [is_ascii and not _hides_numbers(heads, elements[j], j) for j, (_, is_ascii) in zip(which.tolist(), raw, strict=True)]
    charsets = _charsets(elements, plan, raw) if not all(plain) else []
    found = {}
    for j, (column, _), as_it_is in zip(which.tolist(), raw, plain, strict=True):
        if as_it_is:
            found[elements[j].columns[0]] = pa.Array.from_buffers(pa.string(), len(column), column.buffers())
        else:
            found[elements[j].columns[0]] = _decoded_column(heads, elements[j], j, column, charsets)
    return found


def _hides_numbers(heads: Heads, element: Element, j: int) -> bool:
    """Whether a file may hold an element of binary numbers as UN."""
    return vr_code(element.vr) in _BINARY and bool((heads.vr[j] & (ORPHAN - 1) == _UN).any())


def _decoded_column(heads: Heads, element: Element, j: int, raw: pa.Array, charsets: list[str]) -> pa.Array:
    """A column of texts some of which are not plain ASCII, or which a file holds as binary numbers."""
    at, size, vr = heads.at[j], heads.size[j], heads.vr[j] & (ORPHAN - 1)
    values = [_decode(v, c) for v, c in zip(raw.to_pylist(), charsets, strict=True)]
    binary = _IS_BINARY[vr] | (np.isin(vr, _UNKNOWN) & (vr_code(element.vr) in _BINARY))
    for i in np.flatnonzero(binary & (at >= 0)):
        form, data = _BINARY[int(vr[i]) if _IS_BINARY[vr[i]] else vr_code(element.vr)], heads.buf[at[i] : at[i] + size[i]]
        whole = data.size % form.itemsize == 0
        values[i] = "\\".join(f"{v:.17g}" for v in data.view(form).tolist()) or None if whole else None
        if not whole:
            heads.note(i, f"{element.columns[0]} has a length that does not fit its VR")
    return pa.array(values, pa.string())


_CACHE: dict[tuple[bytes, str], str] = {}
_SHORT = 256  # bytes; longer texts are not cached


def _decode(value: bytes | None, charset: str) -> str | None:
    """Decode a text in the file's character set (PS3.3 C.12.1.1.2), cached; bytes that can't be decoded are replaced."""
    if value is None:
        return None
    key = value, charset
    if len(value) > _SHORT:
        return _decoded(value, charset)
    if key not in _CACHE:
        if len(_CACHE) > 1 << 16:
            _CACHE.clear()
        _CACHE[key] = _decoded(value, charset)
    return _CACHE[key]


def _decoded(value: bytes, charset: str) -> str:
    """`_decode` without the cache; Latin-1 if the character set is invalid."""
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    try:
        with warnings.catch_warnings():  # invalid character sets are frequent; the text is decoded below all the same
            warnings.simplefilter("ignore")
            return _by_charset(value, charset)
    except Exception:  # noqa: BLE001 - pydicom raises many types for an invalid character set
        return value.decode("latin-1").strip(" \0")


def _by_charset(value: bytes, charset: str) -> str:
    """Decode the values of a backslash list by pydicom."""
    encodings = convert_encodings([c.strip() for c in charset.split("\\")]) if charset else ["iso8859"]
    return "\\".join(decode_bytes(v, encodings, _DELIMITERS) for v in _split(value, encodings)).strip(" \0")


def _split(value: bytes, encodings: list[str]) -> list[bytes]:
    """The values of a backslash list; not split in multi-byte sets without escapes, where the byte may be half a character."""
    whole = {"gb18030", "gbk", "shift_jis"}
    return [value] if whole & set(encodings) else value.split(b"\\")


def large_bytes(heads: Heads, i: int, j: int) -> bytes:
    """Read large element ``j`` of file ``i``; b"" if the file does not have it or can't be read."""
    if heads.at[j, i] > IN_FILE:
        return b""
    out = np.empty(min(int(heads.size[j, i]), _MOST_BULK), np.uint8)
    try:
        return out[: files.read_some(heads.paths[i], int(IN_FILE - heads.at[j, i]), out)].tobytes()
    except OSError:
        return b""
