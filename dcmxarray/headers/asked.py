"""Elements that a user asks for: which element a tag means, and which of their columns hold numbers.  Opens no file."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag, private_dictionary_VR, tag_for_keyword

from ..attributes import BY_COLUMN, Tag, Tags, column_of_tag
from ..errors import HeaderError
from .compiled.values import vr_code
from .element import Element

ALL = "all"
BULK = frozenset(("SQ", "OB", "OD", "OF", "OL", "OV", "OW", "UN"))
NUMBERS = frozenset(("DS", "IS", "FL", "FD", "US", "SS", "UL", "SL", "UV", "SV"))
_DTYPES = {
    **dict.fromkeys(("DS", "FL", "FD"), "float"),
    **dict.fromkeys(("IS", "US", "SS", "UL", "SL", "UV", "SV"), "int"),
    "DA": "date",
    "TM": "time",
    "DT": "datetime",
}
_HOLDS_NUMBERS = np.isin(np.arange(1 << 16), [vr_code(vr) for vr in NUMBERS])
_NO_VR = (0, vr_code("UN"))  # in implicit VR, and where a converter did not know


def settled(tags: Tags | None) -> list[Tag]:
    """Tags in their one form, each once: a public element that is named by its numbers becomes its keyword.

    ``"all"`` is none of them: which elements there are, only the files say (`headers.every`).
    """
    return [] if tags is None or tags == ALL else [*dict.fromkeys(_settled(tag) for tag in tags)]


def _settled(tag: Tag) -> Tag:
    if isinstance(tag, tuple) and len(tag) == 2:
        return public(*tag)
    return tag


def public(group: int, element: int) -> Tag:
    """A public element by its keyword, or by its numbers if the keyword is unknown or that of several (curves, overlays)."""
    keyword = keyword_for_tag((group, element))
    return keyword if keyword and tag_for_keyword(keyword) == group << 16 | element else (group, element)


def element_of(tag: Tag) -> Element:
    """The element that a user asks for.

    Raises
    ------
    HeaderError
        There is no such keyword, or its values can be no column.
    """
    if isinstance(tag, str):
        return _nested(tag) if "." in tag else _public(tag)
    if len(tag) == 3:
        return _private(*tag)
    if tag[0] % 2:
        raise HeaderError(f"tags: {column_of_tag(tag)} is private; name it with its creator: (group, 'creator', element)")
    vr = dictionary_VR(tag).split(" ")[0] if keyword_for_tag(tag) else "UN"
    return Element((column_of_tag(tag),), tag[0] << 16 | tag[1], vr, "str")


def _public(keyword: str) -> Element:
    """The element of a keyword."""
    number = tag_for_keyword(keyword)
    if number is None:
        raise HeaderError(
            f"tags or dims: {keyword!r} is no keyword of the DICOM dictionary; others are (group, element), a private one "
            "(group, 'creator', element)"
        )
    vr = dictionary_VR(number).split(" ")[0]
    if vr == "SQ":
        raise HeaderError(f"tags: {keyword} is a sequence and can be no column; name an element in it: '{keyword}.Keyword'")
    if vr in BULK:
        raise HeaderError(f"tags: {keyword} is bulk data ({vr}) and can be no column; read it with .dicom.header()")
    return Element((keyword,), number, vr, _DTYPES.get(vr, "str") if dictionary_VM(number) == "1" else "str")


def _nested(path: str) -> Element:
    """The element at the end of a path of keywords."""
    *sequences, last = path.split(".")
    numbers = [tag_for_keyword(keyword) for keyword in sequences]
    for keyword, number in zip(sequences, numbers, strict=True):
        if number is None or dictionary_VR(number) != "SQ":
            raise HeaderError(f"tags: {keyword!r} in {path!r} is no sequence of the DICOM dictionary")
    leaf = _public(last)
    dtype = "str" if leaf.vr in NUMBERS else leaf.dtype  # there may be several items
    return Element((path,), leaf.tag, leaf.vr, dtype, within=tuple(n for n in numbers if n is not None))


def _private(group: int, creator: str, element: int) -> Element:
    """A private element; its VR is that of pydicom's dictionary, if it is there."""
    tag = group << 16 | element & 0xFF
    if not creator or not creator.isascii():
        raise HeaderError(f"tags: {creator!r} is no private creator")
    return Element((column_of_tag((group, creator, element)),), tag, private_vr(tag, creator), "str", creator)


def private_vr(tag: int, creator: str) -> str:
    """The VR of a private element (``gggg00ee``) by pydicom's dictionary, "UN" if it is unknown or bulk data."""
    try:
        vr = private_dictionary_VR(tag | 0x1000, creator).split(" ")[0]
    except KeyError:
        return "UN"
    return "UN" if vr in BULK else vr


def columns_of_numbers(elements: Iterable[Element], heads: Any, found: dict[str, Any]) -> dict[str, Any]:
    """The columns of texts that hold numbers, by the VR in the files or the dictionary, as float64.

    A column in which a file has several values stays text, with each number in one form.  What is no number becomes missing, and
    is noted as a problem.
    """
    out: dict[str, Any] = {}
    for j, element in enumerate(elements):
        name = element.columns[0]
        plain = element.dtype == "str" and name not in BY_COLUMN and not name.startswith("_") and not element.large
        if plain and _holds_numbers(element, heads.at[j], heads.vr[j]):  # noqa: PD008 - an array
            texts = found[name].to_pylist()
            several = has_several(found[name])
            values = [_in_one_form(text) for text in texts] if several else [number(text) for text in texts]
            out[name] = pa.array(values, pa.string()) if several else np.array(values, float)
            for i in (i for i, text in enumerate(texts) if text and pd.isna(values[i])):
                heads.note(i, f"{name} is not a number")
    return out


def _holds_numbers(element: Element, at: Any, vr: Any) -> bool:
    """Whether all files that have an element say that it is a number."""
    codes = vr[at >= 0] & 0xFFFF
    said = _HOLDS_NUMBERS[codes] | (np.isin(codes, _NO_VR) & (element.vr in NUMBERS))
    return bool(said.all()) and (codes.size > 0 or element.vr in NUMBERS)


def has_several(texts: pa.Array) -> bool:
    """Whether any text holds several values, separated by backslashes."""
    return bool(pc.any(pc.match_substring(texts, "\\")).as_py())


def number(text: str | None) -> float:
    """The number that a text says, NaN if it is missing, or not a finite number."""
    try:
        value = float(text) if text else math.nan
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _in_one_form(text: str | None) -> str | None:
    """Numbers separated by backslashes, each as `said` says it; ``None`` if one of them is no number."""
    parts = (text or "").split("\\")
    values = [number(part) for part in parts]
    wrong = text is None or any(part and math.isnan(value) for part, value in zip(parts, values, strict=True))
    return None if wrong else "\\".join("" if math.isnan(value) else said(value) for value in values)


def said(value: float) -> str:
    """A number as text, the shortest that is read as the same number."""
    return repr(value).removesuffix(".0")


def alike(parts: list[Any]) -> list[Any]:
    """Parts of one column in one type: numbers become texts if another part holds texts."""
    if len({isinstance(part, pa.Array) for part in parts}) < 2:
        return parts
    if all(part.null_count == len(part) for part in parts if isinstance(part, pa.Array)):
        return [np.full(len(part), np.nan) if isinstance(part, pa.Array) else part for part in parts]
    return [part if isinstance(part, pa.Array) else _texts(part) for part in parts]


def _texts(values: npt.NDArray[Any]) -> pa.Array:
    """Numbers as texts, null for NaN."""
    return pa.array([None if math.isnan(value) else said(value) for value in values.tolist()], pa.string())


def is_number(column: str) -> bool:
    """Whether the values of a column are numbers by the dictionary, even if it holds texts because a file has several."""
    if column.startswith("("):
        group, creator, element = column[1:-1].split(",", 1)[0], column[6:-4], column[-3:-1]
        return creator != "" and private_vr(int(group, 16) << 16 | int(element, 16), creator) in NUMBERS
    tag = tag_for_keyword(column.rpartition(".")[2])
    return tag is not None and dictionary_VR(tag).split(" ")[0] in NUMBERS


def joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Frame tables one below the other; columns of asked elements become numbers or texts in all of them."""
    return numbered(pd.concat(alike_tables(tables), ignore_index=True) if len(tables) > 1 else tables[0].reset_index(drop=True))


def alike_tables(tables: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Frame tables in which the columns of asked elements are numbers in all of them, or texts in all of them."""
    out = list(tables)
    for name in dict.fromkeys(str(n) for table in tables for n in table if n not in BY_COLUMN):
        places = [k for k, table in enumerate(tables) if name in table]
        if {str(tables[k][name].dtype) for k in places} == {"float64", "str"}:
            for k, part in zip(places, alike([_part(tables[k][name]) for k in places]), strict=True):
                column = part if isinstance(part, np.ndarray) else pd.array(part, dtype="str")
                out[k] = out[k].assign(**{name: column})
    return out


def _part(column: pd.Series) -> Any:
    return column.to_numpy() if column.dtype == "float64" else pa.array(column, pa.string(), from_pandas=True)


def numbered(table: pd.DataFrame) -> pd.DataFrame:
    """The table with numbers where texts of numbers no longer hold several values, because rows were removed."""
    for name in (str(n) for n in table if n not in BY_COLUMN and table[n].dtype == "str" and is_number(str(n))):
        texts = pa.array(table[name], pa.string(), from_pandas=True)
        if not has_several(texts):
            table = table.assign(**{name: [number(text) for text in texts.to_pylist()]})
    return table
