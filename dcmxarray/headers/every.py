"""Which elements files hold at their top level, for ``tags="all"``: pydicom lists them file by file, without their values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement

from .. import parallel
from ..attributes import BY_COLUMN, VOCABULARY, Tag
from ..errors import FATAL
from ..sources import files
from .asked import BULK, private_vr, public
from .compiled.walk import MOST

_BATCH = 64  # files
_KNOWN = {a.keyword for a in VOCABULARY} | set(BY_COLUMN)
_UNKNOWN_MOST = 256  # bytes of a value whose VR nobody knows; it counts as text if it is printable


def every_tag(paths: Sequence[str], scheduler: Any = None) -> list[Tag]:
    """The elements of files that can be columns and that the vocabulary does not have.

    Left out are sequences, bulk data, and elements that are longer than 8 KiB in any of the files.
    """
    batches = [paths[k : k + _BATCH] for k in range(0, len(paths), _BATCH)]
    good: set[Tag] = set()
    bad: set[Tag] = set()
    for _, (taken, left) in parallel.results(_of_files, batches, len(batches), scheduler, "elements"):
        good, bad = good | taken, bad | left
    return sorted(good - bad, key=str)


def _of_files(paths: Sequence[str]) -> tuple[set[Tag], set[Tag]]:
    """The elements that can be columns, and those that can't."""
    good: set[Tag] = set()
    bad: set[Tag] = set()
    for path in paths:
        try:
            found = _of_file(path)
        except FATAL:
            raise
        except BaseException:  # noqa: BLE001 - no DICOM, or damaged: the header pass says so
            continue
        for tag, fits in found:
            (good if fits else bad).add(tag)
    return good, bad


def _of_file(path: str) -> list[tuple[Tag, bool]]:
    """The elements of one file, and whether each can be a column."""
    with warnings.catch_warnings(), files.open_file(path) as handle:
        warnings.simplefilter("ignore")
        data = pydicom.dcmread(handle, stop_before_pixels=True, defer_size=MOST)
    keys = [int(tag) for tag in data.keys()]  # noqa: SIM118
    creators = {k: str(data[k].value) for k in keys if k >> 16 & 1 and 0x10 <= k & 0xFFFF <= 0xFF}
    named = ((_name(k, creators), data.get_item(k)) for k in keys)
    return [(tag, _fits(tag, raw)) for tag, raw in named if tag is not None and tag not in _KNOWN]


def _name(number: int, creators: dict[int, str]) -> Tag | None:
    """The tag of an element; ``None`` for group lengths, creators and private elements that have none."""
    group, element = number >> 16, number & 0xFFFF
    if element == 0 or group >= 0x7FE0 or group == 2:
        return None
    if group % 2 == 0:
        return public(group, element)
    creator = creators.get(group << 16 | element >> 8, "") if element >= 0x1000 else ""
    return (group, creator, element & 0xFF) if creator and creator.isascii() else None


def _fits(tag: Tag, raw: Any) -> bool:
    """Whether a value can be a column: short, and neither a sequence nor binary."""
    if not isinstance(raw, RawDataElement) or raw.length > MOST:
        return False
    vr = raw.VR if raw.VR not in (None, "UN") else _vr(tag)
    if vr != "UN":
        return vr not in BULK
    return raw.length <= _UNKNOWN_MOST and bytes(raw.value or b"").rstrip(b" \0").decode("latin-1").isprintable()


def _vr(tag: Tag) -> str:
    """The VR of an element by the dictionaries, "UN" if it is unknown."""
    if isinstance(tag, str):
        return dictionary_VR(tag).split(" ")[0]
    return private_vr(tag[0] << 16 | tag[2], tag[1]) if len(tag) == 3 else "UN"
