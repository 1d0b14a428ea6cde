"""Walked heads become columns: one vectorized conversion an element, in the file's character set.

A value that does not convert becomes null and is named in the file's problem; it never loses the batch.
"""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydicom.charset import convert_encodings, decode_bytes

from .. import files
from .values import ABSENT, BAD, GOOD, LONG, moments, numbers, settle_many, texts, vr_code
from .walk import FAR, ORPHAN

if TYPE_CHECKING:
    from .heads import Heads
    from .wanted import Element, Wanted

Column = Any  # a numpy array, or an Arrow array of strings
_FORMS = {"date": 0, "time": 1, "datetime": 2}
_BINARY = {
    vr_code(vr): form
    for vr, form in {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}.items()
}
_IS_BINARY = np.isin(np.arange(1 << 16), list(_BINARY))
_UNITS = {"date": "D", "time": "us", "datetime": "us"}
_DELIMITERS = {0x5C, 0x5E, 0x3D}  # \\ ^ =: a character set switched to by an escape ends there (PS3.5 6.1.2.5.3)
_MOST_BULK = 1 << 22  # bytes of one far element


def columns(heads: Heads, wanted: Wanted) -> dict[str, Column]:
    """Every wanted element of a batch by its column's name; dates and times as numpy's, texts as Arrow's."""
    _settle_orphans(heads, wanted)
    charsets = _charsets(heads, wanted)
    found: dict[str, Column] = {}
    _distant(heads, wanted)
    whole = [np.ascontiguousarray(a.T) for a in (heads.at, heads.size, heads.vr)]
    for element, at, size, vr in zip(wanted.elements, *whole, strict=True):
        if element.far:
            continue
        if element.kind == "str":
            found[element.columns[0]] = _strings(heads, at, size, vr, element, charsets)
        elif element.kind in _FORMS:
            found[element.columns[0]] = _moments(heads, at, size, element)
        else:
            found |= _numbers(heads, at, size, vr, element)
    return found


def _settle_orphans(heads: Heads, wanted: Wanted) -> None:
    """A private element whose creator was stripped counts only where Manufacturer names its vendor."""
    orphans = (heads.vr & ORPHAN) != 0
    if not orphans.any():
        return
    j = next(k for k, e in enumerate(wanted.elements) if e.columns == ("Manufacturer",))
    vendors = [e.vendor for e in wanted.elements]
    for i in np.flatnonzero(orphans.any(axis=1)):
        a, n = heads.at[i, j], heads.size[i, j]
        maker = bytes(heads.buf[a : a + n]).decode("latin-1").lower() if a >= 0 else ""
        for k in np.flatnonzero(orphans[i]):
            if not vendors[k] or vendors[k] not in maker:
                heads.at[i, k] = -1
    heads.vr &= ORPHAN - 1


def _distant(heads: Heads, wanted: Wanted) -> None:
    """A value too large for a column is left out, and said."""
    for i, j in np.argwhere(heads.at <= FAR):
        if not wanted.elements[j].far:
            _note(heads, i, f"{wanted.elements[j].columns[0]} is too long for a column")
            heads.at[i, j] = -1


def _note(heads: Heads, i: Any, text: str) -> None:
    heads.problems[i] = f"{heads.problems[i]}; {text}" if heads.problems[i] else text


def _numbers(heads: Heads, at: Any, size: Any, vr: Any, element: Element) -> dict[str, Column]:
    out = np.empty((at.size, len(element.columns)))
    marks = np.empty(out.shape, np.uint8)
    worst = numbers(heads.buf, at, size, vr, vr_code(element.vr), out, marks)
    if worst >= LONG:
        settle_many(heads.buf, at, size, out, marks)
    if element.kind == "int" and worst > ABSENT:
        broken = (marks == GOOD) & (out != np.round(out))
        marks[broken], out[broken] = BAD, np.nan
        worst = BAD if broken.any() else worst
    for i in np.flatnonzero((marks == BAD).any(axis=1)) if worst > GOOD else ():
        _note(heads, i, f"{'/'.join(element.columns)} does not hold {out.shape[1]} number{'s'[: out.shape[1] - 1]}")
    return {name: np.ascontiguousarray(out[:, k]) for k, name in enumerate(element.columns)}


def _moments(heads: Heads, at: Any, size: Any, element: Element) -> Column:
    out, marks = np.empty(at.size, np.int64), np.empty(at.size, np.uint8)
    bad = moments(heads.buf, at, size, _FORMS[element.kind], out, marks)
    for i in np.flatnonzero(marks == BAD) if bad else ():
        _note(heads, i, f"{element.columns[0]} is no {element.kind}")
    kind = "timedelta64" if element.kind == "time" else "datetime64"
    return out.view(f"{kind}[{_UNITS[element.kind]}]")


def _charsets(heads: Heads, wanted: Wanted) -> list[str]:
    """SpecificCharacterSet of every file, as text."""
    j = next((k for k, e in enumerate(wanted.elements) if e.columns == ("SpecificCharacterSet",)), None)
    if j is None:
        return [""] * len(heads.paths)
    raw, _ = texts(heads.buf, np.ascontiguousarray(heads.at[:, j]), np.ascontiguousarray(heads.size[:, j]))
    return [(v or b"").decode("ascii", "replace") for v in raw.to_pylist()]


def _strings(heads: Heads, at: Any, size: Any, vr: Any, element: Element, charsets: list[str]) -> Column:
    raw, plain = texts(heads.buf, at, size)
    binary = _IS_BINARY[vr] | ((vr == 0) & (vr_code(element.vr) in _BINARY))
    if plain and not (binary & (at >= 0)).any():
        return pa.Array.from_buffers(pa.string(), len(raw), raw.buffers(), raw.null_count)
    values = [_decode(v, c) for v, c in zip(raw.to_pylist(), charsets, strict=True)]
    for i in np.flatnonzero(binary & (at >= 0)):
        code = int(vr[i]) or vr_code(element.vr)
        data = heads.buf[at[i] : at[i] + size[i]].tobytes()
        values[i] = "\\".join(f"{v:.17g}" for (v,) in struct.iter_unpack(f"<{_BINARY[code]}", data)) if data else None
    return pa.array(values, pa.string())


_CACHE: dict[tuple[bytes, str], str] = {}


def _decode(value: bytes | None, charset: str) -> str | None:
    """Text in the file's character set (PS3.3 C.12.1.1.2); what can't be decoded is replaced, never lost."""
    if value is None:
        return None
    key = value, charset
    if key not in _CACHE:
        if len(_CACHE) > 1 << 16:
            _CACHE.clear()
        _CACHE[key] = _decoded(value, charset)
    return _CACHE[key]


def _decoded(value: bytes, charset: str) -> str:
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    try:
        with warnings.catch_warnings():  # odd declarations are many, and the text is mended below
            warnings.simplefilter("ignore")
            return _by_charset(value, charset)
    except (LookupError, UnicodeError, ValueError):
        return value.decode("latin-1").strip(" \0")


def _by_charset(value: bytes, charset: str) -> str:
    encodings = convert_encodings([c.strip() for c in charset.split("\\")]) if charset else ["iso8859"]
    return "\\".join(decode_bytes(v, encodings, _DELIMITERS) for v in _split(value, encodings)).strip(" \0")


def _split(value: bytes, encodings: list[str]) -> list[bytes]:
    """Values of a list; a backslash byte may be half of a character in the multi-byte sets without escapes."""
    whole = {"gb18030", "gbk", "shift_jis"}
    return [value] if whole & set(encodings) else value.split(b"\\")


def far_bytes(heads: Heads, i: int, j: int) -> bytes:
    """The bytes of a far element of one file, b"" where it has none."""
    if heads.at[i, j] > FAR:
        return b""
    out = np.empty(min(int(heads.size[i, j]), _MOST_BULK), np.uint8)
    try:
        return out[: files.read_some(heads.paths[i], int(FAR - heads.at[i, j]), out)].tobytes()
    except OSError:
        return b""
