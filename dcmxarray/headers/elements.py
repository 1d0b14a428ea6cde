"""The wanted elements, public and private, and the arrays by which the compiled walk finds them.  Opens no file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword

from ..attributes import VOCABULARY, Attribute, Tag, column_of_tag
from ..errors import HeaderError
from .vendors import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_DTYPES = {
    **dict.fromkeys(("DS", "FL", "FD"), "float"),
    **dict.fromkeys(("IS", "US", "SS", "UL", "SL", "UV", "SV"), "int"),
    "DA": "date",
    "TM": "time",
    "DT": "datetime",
}
_BEYOND = 1 << 32  # greater than every tag: it ends the walk's search
_BULK = frozenset(("SQ", "OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW"))


@dataclass(frozen=True, slots=True)
class Element:
    """A wanted element: the columns that it fills, its tag, and how its values are converted.

    ``creator`` is "" for a public element; the ``tag`` of a private one is ``gggg00ee``.  The header pass notes the offset of a
    ``large`` element in the file and reads its value later, for the few files that need it.
    """

    columns: tuple[str, ...]
    tag: int
    vr: str
    dtype: str
    creator: str = ""
    vendor: str = ""
    large: bool = False


def _public(attribute: Attribute) -> Element:
    """The element that an attribute of the vocabulary is read from."""
    tag = tag_for_keyword(attribute.keyword)
    if tag is None:
        raise HeaderError(f"{attribute.keyword!r} is no keyword of the DICOM dictionary (PS3.6)")
    return Element(attribute.columns, tag, dictionary_VR(tag).split(" ")[0], attribute.dtype)


def _asked(tag: Tag) -> Element:
    """The element that a user asks for by keyword, or by (group, "creator", element)."""
    if isinstance(tag, tuple):
        group, creator, element = tag
        return Element((column_of_tag(tag),), group << 16 | element & 0xFF, "UN", "str", creator)
    number = tag_for_keyword(tag)
    if number is None:
        raise HeaderError(
            f"tags or dims: {tag!r} is no keyword of the DICOM dictionary; a private element is (group, 'creator', element)"
        )
    vr = dictionary_VR(number)
    if vr in _BULK:
        raise HeaderError(f"tags: {tag} is a sequence or bulk data ({vr}) and can be no column; read it with .dicom.header()")
    dtype = _DTYPES.get(vr.split(" ")[0], "str") if dictionary_VM(number) == "1" else "str"
    return Element((tag,), number, vr.split(" ")[0], dtype)


def default_elements() -> tuple[Element, ...]:
    """The elements of the vocabulary, then those of the vendors."""
    private = tuple(Element(p.columns, p.group << 16 | p.element, p.vr, p.dtype, p.creator, p.vendor, p.large) for p in PRIVATE)
    return tuple(_public(a) for a in VOCABULARY) + private


@dataclass(frozen=True, slots=True)
class Wanted:
    """All wanted elements, and the arrays that `headers.compiled.walk.walk` takes.

    If several entries of ``elements`` have the same tag, the walk finds the first of them only; ``twins`` are pairs (index,
    index of the first), and the result is copied from there.
    """

    elements: tuple[Element, ...]
    arrays: tuple[Any, ...]
    twins: tuple[tuple[int, int], ...]


def _arrays(elements: Sequence[Element], firsts: Mapping[tuple[int, str], int]) -> tuple[Any, ...]:
    """The argument ``wanted`` of `headers.compiled.walk.walk`; ``firsts`` maps (tag, creator) to the index of the element."""
    public = sorted((tag, j) for (tag, creator), j in firsts.items() if not creator)
    creators = sorted({e.creator for e in elements if e.creator})
    private = [(tag >> 16, creators.index(creator), tag & 0xFF, j) for (tag, creator), j in firsts.items() if creator]
    encoded = [c.encode("ascii") for c in creators]
    return (
        np.array([*(t for t, _ in public), _BEYOND], np.int64),
        np.array([*(j for _, j in public), -1], np.int64),
        np.array(private, np.int64).reshape(-1, 4),
        np.frombuffer(b"".join(encoded) or b"\0", np.uint8),
        np.cumsum([0, *map(len, encoded)]).astype(np.int64),
        np.array([e.large for e in elements], np.bool_),
    )


@lru_cache(maxsize=8)
def _wanted(tags: tuple[Tag, ...]) -> Wanted:
    elements = list(default_elements())
    known = {e.columns for e in elements}
    elements += [e for e in dict.fromkeys(map(_asked, tags)) if e.columns not in known]
    spread = {e.tag for e in elements if len(e.columns) > 1 and not e.creator}
    elements = [e for e in elements if len(e.columns) > 1 or e.creator or e.tag not in spread]
    firsts: dict[tuple[int, str], int] = {}
    for j, e in enumerate(elements):
        firsts.setdefault((e.tag, e.creator), j)
    twins = tuple((j, k) for j, e in enumerate(elements) if (k := firsts[e.tag, e.creator]) != j)
    return Wanted(tuple(elements), _arrays(elements, firsts), twins)


def wanted(tags: Iterable[Tag] | None = None) -> Wanted:
    """The default elements and those that ``tags`` names.

    Raises
    ------
    HeaderError
        An entry of ``tags`` is not a DICOM keyword, or is the keyword of a sequence or of bulk data.
    """
    return _wanted(tuple(dict.fromkeys(tags or ())))


def names_a_person(keyword: str) -> bool:
    """Whether the values of an element are names of persons (VR PN)."""
    tag = tag_for_keyword(keyword)
    return tag is not None and dictionary_VR(tag) == "PN"
