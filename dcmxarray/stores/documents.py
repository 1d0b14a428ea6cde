"""The documents of a store: makes and reads the ``zarr.json`` of an array's group and of the root.  Opens no store.

The document of an array is written last.  It lists every object with its checksum, and ends in a checksum of itself.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import StoreError
from .keys import is_within

MARK = "dcmxarray"
FORMAT = 2
DOCUMENT = "zarr.json"

_END = re.compile(rb'"document": "([0-9a-f]{8})"\}\}\}\Z')
_UNSAID = '"document": "00000000"}}}'


@dataclass(frozen=True)
class Mark:
    """What an array's document says of the array.

    Attributes
    ----------
    fingerprint
        A text that changes when the source does.
    checksums
        Object -> CRC-32.
    about
        What else the writer keeps: rows of `DETAILS`.
    left
        Objects of earlier writers that the store could not delete.
    dtypes
        Coordinate -> dtype, where xarray decodes another one; restored on opening.
    names
        Name in the store -> name of the coordinate, where Zarr can't hold that name; restored on opening.
    """

    fingerprint: str
    checksums: Mapping[str, int]
    about: Mapping[str, Any]
    left: Sequence[str] = ()
    dtypes: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def of_array(document: dict[str, Any], mark: Mark) -> bytes:
    """The document of an array: what Zarr says of the group, and the mark."""
    attributes = {MARK: {"format": FORMAT} | asdict(mark) | {"document": "0" * 8}}
    text = json.dumps({k: v for k, v in document.items() if k != "attributes"} | {"attributes": attributes}).encode()
    body = text[: -len(_UNSAID)]
    return body + f'"document": "{zlib.crc32(body):08x}"}}}}}}'.encode()


def of_root(tables: str | None) -> bytes:
    """The document of a root: of a cohort with a group of tables, or (``None``) of a store of single arrays."""
    said = {"format": FORMAT} | ({"tables": tables} if tables else {})
    return json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {MARK: said}}).encode()


def ours(data: bytes | None) -> dict[str, Any] | None:
    """The attributes that dcmxarray wrote to a document; ``None`` if it is damaged or not of dcmxarray."""
    try:
        document = json.loads(data or b"")
        said = document["attributes"][MARK]
        is_group = document["zarr_format"] == 3 and document["node_type"] == "group"
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return said if is_group and isinstance(said, dict) else None


def listed(data: bytes | None) -> set[str] | None:
    """The objects that an array's document lists, and the document itself; ``None`` if it is not of dcmxarray."""
    said = ours(data)
    if said is None or not isinstance(said.get("checksums"), dict):
        return None
    left = said.get("left") if isinstance(said.get("left"), list) else []
    return {name for name in (*said["checksums"], *map(str, left or ())) if is_within(name)} | {DOCUMENT}


def read(data: bytes | None, group: str) -> Mark | None:
    """Read the mark of an array's document.

    Parameters
    ----------
    data
        The document, ``None`` if there is none.
    group
        Its group, for error messages.

    Returns
    -------
    Mark or None
        ``None`` if there is no document.

    Raises
    ------
    StoreError
        The document is damaged, not of dcmxarray, or of another version's format.
    """
    if data is None:
        return None
    end, said = _END.search(data), ours(data)
    if said is not None and said.get("format") != FORMAT:
        raise StoreError(f"{group or 'the store'} was written by another version of dcmxarray; write it again, to another place")
    if said is None or end is None or int(end[1], 16) != zlib.crc32(data[: end.start()]) or not _is_mark(said):
        raise StoreError(f"{group or 'the store'}: {DOCUMENT} is damaged, or not of dcmxarray; write the array again")
    return Mark(**{name: said[name] for name in _KINDS})


_KINDS = {"fingerprint": str, "checksums": dict, "about": dict, "left": list, "dtypes": dict, "names": dict}


def _is_mark(said: dict[str, Any]) -> bool:
    """Whether all fields of a mark are there, with the right types and with paths that stay in the group."""
    return all(isinstance(said.get(name), kind) for name, kind in _KINDS.items()) and all(map(is_within, said["checksums"]))
