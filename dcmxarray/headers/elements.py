"""The wanted elements, public and private, and the arrays by which the compiled walk finds them.  Opens no file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.datadict import dictionary_VR, tag_for_keyword

from ..attributes import VOCABULARY, Attribute, Tag, Tags
from ..errors import HeaderError
from .asked import element_of, settled
from .element import Element
from .vendors import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BEYOND = 1 << 32  # greater than every tag: it ends the walk's search


def _public(attribute: Attribute) -> Element:
    """The element that an attribute of the vocabulary is read from."""
    tag = tag_for_keyword(attribute.keyword)
    if tag is None:
        raise HeaderError(f"{attribute.keyword!r} is no keyword of the DICOM dictionary (PS3.6)")
    return Element(attribute.columns, tag, dictionary_VR(tag).split(" ")[0], attribute.dtype)


def default_elements() -> tuple[Element, ...]:
    """The elements of the vocabulary, then those of the vendors."""
    private = tuple(Element(p.columns, p.group << 16 | p.element, p.vr, p.dtype, p.creator, p.vendor, p.large) for p in PRIVATE)
    return tuple(_public(a) for a in VOCABULARY) + private


@dataclass(frozen=True, slots=True)
class Wanted:
    """All wanted elements, and the arrays that `headers.compiled.walk.walk` takes.

    If several entries of ``elements`` have the same tag, the walk finds the first of them only; ``twins`` are pairs (index,
    index of the first), and the result is copied from there.  ``nested`` are elements in sequences, which the walk passes over.
    """

    elements: tuple[Element, ...]
    arrays: tuple[Any, ...]
    twins: tuple[tuple[int, int], ...]
    nested: tuple[Element, ...]


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
    asked = [e for e in dict.fromkeys(map(element_of, tags)) if e.columns not in known]
    elements += [e for e in asked if not e.within]
    spread = {e.tag for e in elements if len(e.columns) > 1 and not e.creator}
    elements = [e for e in elements if len(e.columns) > 1 or e.creator or e.tag not in spread]
    firsts: dict[tuple[int, str], int] = {}
    for j, e in enumerate(elements):
        firsts.setdefault((e.tag, e.creator), j)
    twins = tuple((j, k) for j, e in enumerate(elements) if (k := firsts[e.tag, e.creator]) != j)
    return Wanted(tuple(elements), _arrays(elements, firsts), twins, tuple(e for e in asked if e.within))


def wanted(tags: Tags | None = None) -> Wanted:
    """The default elements and those that ``tags`` names.

    Raises
    ------
    HeaderError
        An entry of ``tags`` is not a DICOM keyword, or is the keyword of a sequence or of bulk data.
    """
    return _wanted(tuple(settled(tags)))


def names_a_person(keyword: str) -> bool:
    """Whether the values of an element are names of persons (VR PN)."""
    tag = tag_for_keyword(keyword.rpartition(".")[2])
    return tag is not None and dictionary_VR(tag) == "PN"
