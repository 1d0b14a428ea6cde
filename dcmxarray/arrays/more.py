"""Elements that a user asks for besides the default ones: which of them to read, and reading them from the stack's files."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..attributes import BY_COLUMN, BY_NAME, VOCABULARY, Tag, Tags, column_of, column_of_tag, tag_of
from ..errors import HeaderError
from ..headers.asked import ALL, settled
from ..headers.every import every_tag
from ..headers.scan import frame_table, read_files

_KEYWORDS = {a.keyword for a in VOCABULARY}


def needed(dims: Sequence[Tag] | None, tags: Tags | None) -> list[Tag]:
    """The elements among ``dims`` and ``tags`` that the vocabulary does not have; ``dims`` may name columns of ``tags``."""
    taken = settled(tags)
    known = {*BY_NAME, *map(column_of_tag, taken)}
    others = (tag_of(d) if isinstance(d, str) else d for d in settled(dims) if column_of_tag(d) not in known)
    return [t for t in (*taken, *others) if not isinstance(t, str) or not _is_known(t)]


def _is_known(name: str) -> bool:
    """Whether a name needs no element: a column of the vocabulary, or a dimension that a file only counts."""
    return column_of(name) in BY_COLUMN or name in _KEYWORDS or name == "rgb" or name.startswith("dimension_")


def named(frames: pd.DataFrame, tags: Tags | None) -> list[Tag]:
    """The tags that a user asks for, one by one: ``"all"`` are those that the files of the frames hold."""
    return every_tag(frames["path"].unique().tolist(), "synchronous") if tags == ALL else settled(tags)


def with_columns(frames: pd.DataFrame, tags: Sequence[Tag]) -> pd.DataFrame:
    """The frames with more elements; those that the table lacks are read from the files of these frames.

    Raises
    ------
    HeaderError
        A keyword is unknown, or a file was removed or changed since its header was read.
    """
    lacking = tuple(tag for tag in dict.fromkeys(needed(None, tags)) if column_of_tag(tag) not in frames)
    if not lacking:
        return frames
    place = ["path", "frame", "SOPInstanceUID"]
    more = frame_table(read_files(frames["path"].unique().tolist(), lacking, "synchronous"))
    more = more[[*place, *map(column_of_tag, lacking)]].drop_duplicates(place)
    found = frames.merge(more, on=place, how="left", indicator="_found").set_axis(frames.index)
    lost = found["_found"] != "both"
    if lost.any():
        raise HeaderError(f"{found.loc[lost, 'path'].iloc[0]}: it is gone, or has changed since its header was read; scan again")
    return found.drop(columns="_found")
