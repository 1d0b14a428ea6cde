"""One wanted element.  Opens no file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Element:
    """A wanted element: the columns that it fills, its tag, and how its values are converted.

    ``creator`` is "" for a public element; the ``tag`` of a private one is ``gggg00ee``.  The header pass notes the offset of a
    ``large`` element in the file and reads its value later, for the few files that need it.  ``within`` are the tags of the
    sequences, outermost first, that hold an element which a user asks for by a path.
    """

    columns: tuple[str, ...]
    tag: int
    vr: str
    dtype: str
    creator: str = ""
    vendor: str = ""
    large: bool = False
    within: tuple[int, ...] = ()
