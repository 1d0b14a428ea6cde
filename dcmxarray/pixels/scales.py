"""From the frame table: slope and intercept of each frame, and which elements gave them (PS3.3 C.11.1, C.7.6.16.2.11).

RescaleSlope comes first, then DoseGridScaling, then a real-world value mapping.  Opens no file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..errors import PixelError

SCALES = {
    "philips_fp": ("fp_slope", "fp_intercept"),
    "rwvm": ("RealWorldValueSlope", "RealWorldValueIntercept"),
}
_MAPPINGS, _UNITS = "real_world_mappings", "real_world_units"
_PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"


def scale(frames: pd.DataFrame, rescale: bool | str) -> tuple[Any, Any]:
    """(frames,) slope and intercept; 1 and 0 where no element says more.

    A RescaleSlope of 0 would erase the image: it counts as missing.

    Parameters
    ----------
    frames
        The rows of a stack.
    rescale
        As for `open_series`.

    Raises
    ------
    PixelError
        A header lacks the scale that ``rescale`` names, or an element of the scale could not be read.
    """
    if isinstance(rescale, str):
        return _named(frames, rescale)
    if rescale:
        _check_read(frames, ("RescaleSlope", "RescaleIntercept", "DoseGridScaling"))
    if rescale and by_mapping(frames):
        return _named(frames, "rwvm")
    _check_dose(frames if rescale else frames.iloc[:0])
    slope, intercept = _slope(frames), frames["RescaleIntercept"].to_numpy(float)
    if rescale and "DoseUnits" in frames and (lost := np.isnan(slope) & frames["DoseUnits"].notna().to_numpy(bool)).any():
        path = frames["path"].iloc[int(lost.argmax())]
        raise PixelError(f"{path}: a dose without DoseGridScaling; rescale=False gives stored values, which have no units")
    return np.where(np.isnan(slope), 1.0, slope), np.where(np.isnan(intercept), 0.0, intercept)


def _slope(frames: pd.DataFrame) -> Any:
    """(frames,) RescaleSlope, else DoseGridScaling (PS3.3 C.8.8.3), else NaN."""
    slope = frames["RescaleSlope"].to_numpy(float)
    slope = np.where(slope == 0, np.nan, slope)
    if "DoseGridScaling" in frames:
        slope = np.where(np.isnan(slope), frames["DoseGridScaling"].to_numpy(float), slope)
    return slope


def _check_dose(frames: pd.DataFrame) -> None:
    """Raise PixelError for the first frame that a DoseGridScaling scales which no dose has."""
    if "DoseGridScaling" not in frames:
        return
    dose, slope = (frames[name].to_numpy(float) for name in ("DoseGridScaling", "RescaleSlope"))
    wrong = (np.isnan(slope) | (slope == 0)) & ((dose <= 0) | np.isinf(dose))
    if wrong.any():
        row = frames.iloc[int(wrong.argmax())]
        raise PixelError(
            f"{row['path']}: DoseGridScaling is {row['DoseGridScaling']:g}, which no dose has; rescale=False gives stored values"
        )


def _named(frames: pd.DataFrame, name: str) -> tuple[Any, Any]:
    """(frames,) slope and intercept of one of `SCALES`, which every frame must have."""
    slope, intercept = (frames[c].to_numpy(float) for c in SCALES[name])
    if np.isnan(slope).any():
        at = int(np.isnan(slope).argmax())
        why = f"no {SCALES[name][0]} for rescale={name!r}"
        if _MAPPINGS in frames and frames[_MAPPINGS].fillna(0).iloc[at] > 1:
            why = f"{frames[_MAPPINGS].iloc[at]} real-world value mappings, of which none can be chosen"
        raise PixelError(f"{frames['path'].iloc[at]}: {why}; rescale=True takes RescaleSlope")
    return slope, np.nan_to_num(intercept, nan=0.0, posinf=np.inf, neginf=-np.inf)


def by_mapping(frames: pd.DataFrame) -> bool:
    """Whether real-world value mappings give the values of a stack.

    They do where no frame has another scale, and each has one linear mapping, all in the same units.  The range that a mapping
    gives for itself is not applied: stored values beyond it are mapped too.
    """
    return _is_mapped(frames) and not _unlike(frames)


def unused(frames: pd.DataFrame) -> str:
    """Why the real-world value mappings of a stack, which has no other scale, do not give its values; "" if there are none."""
    return _unlike(frames) if _is_mapped(frames) else ""


def units(frames: pd.DataFrame) -> str:
    """The units of the real-world value mappings of a stack, "" if frames differ or do not say."""
    if _UNITS not in frames or frames[_UNITS].nunique(dropna=False) != 1:
        return ""
    return "" if frames[_UNITS].isna().iat[0] else str(frames[_UNITS].iat[0])


def _is_mapped(frames: pd.DataFrame) -> bool:
    """Whether frames have real-world value mappings, and no frame has another scale."""
    if _MAPPINGS not in frames or not frames[_MAPPINGS].notna().any():
        return False
    others = ~np.isnan(_slope(frames)) | frames["RescaleIntercept"].notna().to_numpy(bool)
    return not bool((others & ~_is_identity(frames)).any())


def _is_identity(frames: pd.DataFrame) -> Any:
    """(frames,) whether a parametric map's rescale is the identity of PS3.3 C.7.6.16.2.9b, which leaves it to the mapping."""
    slope, intercept = (frames[name].to_numpy(float) for name in ("RescaleSlope", "RescaleIntercept"))
    return (slope == 1) & (intercept == 0) & (frames["SOPClassUID"] == _PARAMETRIC_MAP).to_numpy(bool)


def _unlike(frames: pd.DataFrame) -> str:
    """Why mappings can't be applied to all frames, "" if they can."""
    counts = frames[_MAPPINGS].fillna(0).to_numpy(int)
    slope, intercept = (frames[name].to_numpy(float) for name in SCALES["rwvm"])
    if counts.min() == 0:
        return "some frames have no real-world value mapping"
    if counts.max() > 1:
        return f"{counts.max()} real-world value mappings"
    if not (np.isfinite(slope) & (slope != 0) & np.isfinite(intercept)).all():
        return "a real-world value mapping that is not linear"
    several = frames[_UNITS].nunique(dropna=False) > 1
    return "real-world value mappings in several units" if several else ""


def _check_read(frames: pd.DataFrame, names: tuple[str, ...]) -> None:
    """Raise PixelError if an element of the scale is in a header but could not be read."""
    said = frames.get("problem")
    if said is None or said.isna().all():
        return
    for name in names:
        lost = said.fillna("").str.contains(name, regex=False) & (frames[name].isna() if name in frames else False)
        if lost.any():
            path = frames["path"].iloc[int(lost.to_numpy().argmax())]
            raise PixelError(f"{path}: {name} could not be read; rescale=False gives stored values")
