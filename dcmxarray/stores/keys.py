"""Names of groups from keys of arrays: one-to-one, and never a path out of the store.  Opens no file.

A UID and the suffixes that `stacks.split` adds stay as they are.  Other characters are percent-encoded, upper case letters too,
because some file systems do not distinguish case.  A name that is too long is cut and ends in the key's SHA-256.
"""

from __future__ import annotations

import hashlib
import re

RESERVED = frozenset(("tables", "zarr.json", "image", "c"))  # what stores hold besides groups of arrays
LONGEST = 200  # bytes; file systems take 255, and zarr adds to a name while it writes

_PLAIN = re.compile(rb"[0-9a-z._-]")
_KEPT = 120


def name(key: str) -> str:
    """The name of a key's group.

    Examples
    --------
    >>> name("1.2.840.10008-512x512-axial")
    '1.2.840.10008-512x512-axial'
    >>> name("../../x"), name("tables"), name("")
    ('%2e.%2f..%2fx', '%74ables', '%')
    """
    data = key.encode("utf-8", "surrogatepass")
    text = "".join(chr(byte) if _PLAIN.match(bytes([byte])) else f"%{byte:02x}" for byte in data)
    if text[:1] in (".", "_") or text in RESERVED or text.startswith("begun."):
        text = f"%{data[0]:02x}{text[1:]}"
    if text.endswith("."):
        text = f"{text[:-1]}%2e"
    if len(text) > LONGEST:
        text = f"{text[:_KEPT]}~{hashlib.sha256(data).hexdigest()}"
    return text or "%"


def is_within(path: str) -> bool:
    """Whether a relative path, with "/" between its parts, stays below its beginning on every operating system."""
    parts = path.split("/")
    return not any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts) and ":" not in parts[0]
