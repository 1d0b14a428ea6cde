"""What arrays say of the segments of a segmentation: labels, numbers, categories, types (PS3.3 C.8.20.4).  Opens no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..attributes import SEGMENT
from ..pixels.frame_sources import LABEL_MAP

NUMBER = "segment_number"


def segment_values(frames: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """For each coordinate its value in every frame; empty if frames have no segment number.

    ``segment`` is the label where labels tell the segments apart, else the number; the number and what else is known stand
    beside it.
    """
    numbers = frames["ReferencedSegmentNumber"].to_numpy(float, na_value=np.nan)
    if np.isnan(numbers).any():
        return {}
    known = [name for name in SEGMENT if name in frames and frames[name].notna().any()]
    values: dict[str, npt.NDArray[Any]] = {NUMBER: numbers.astype(np.int64)}
    values |= {name: frames[name].fillna("").to_numpy(dtype=str) for name in known}
    labels = values.get("segment_label")
    if labels is None or not _tells_apart(labels, values[NUMBER]):
        return {"segment": values[NUMBER]} | values
    return {"segment": values.pop("segment_label")} | values


def is_label_map(frames: pd.DataFrame) -> bool:
    """Whether the values of a stack are segment numbers."""
    return bool(frames["SOPClassUID"].iat[0] == LABEL_MAP)


def flags(segments: Mapping[int, tuple[str, ...]]) -> dict[str, Any]:
    """The attributes ``flag_values`` and ``flag_meanings`` (CF conventions 3.5) of a label map.

    Parameters
    ----------
    segments
        The texts of `SEGMENT` by segment number.
    """
    names = ["_".join(texts[0].split()) or f"segment_{number}" for number, texts in segments.items()]
    return {"flag_values": list(segments), "flag_meanings": " ".join(names)} if segments else {}


def _tells_apart(labels: npt.NDArray[Any], numbers: npt.NDArray[Any]) -> bool:
    """Whether each segment has a label, and no two have the same."""
    pairs = set(zip(numbers.tolist(), labels.tolist(), strict=True))
    return "" not in labels and len(pairs) == len({n for n, _ in pairs}) == len({label for _, label in pairs})
