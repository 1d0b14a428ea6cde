"""What the frames of one array must share: matrix, pixel type, plane, and the kind of image.  Opens no file.

Two kinds of image never become two times.  Frames at one position are of different kinds if their headers say so: another
ImageType or vendor's own type, derived or not, other units.  Where no clock tells frames apart, signs of another quantity do:
SOPInstanceUIDs with another root, values or a display range below zero, a display range of another order of magnitude.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..model import Floats, Ints, normal
from . import apart, geometry
from .diffusion import b_values
from .time import CLOCKS
from .work import joint

ORIENTATION = ["row_x", "row_y", "row_z", "column_x", "column_y", "column_z"]
POSITION = ["position_x", "position_y", "position_z"]
SAME_COSINE = 1e-4
SAME_STATION = 0.5  # mm within the plane
SAME_ORDER = 0.6  # powers of ten, a factor of 4
BELOW = 0.1  # of a display range that is below zero, for one of a quantity with a sign
MOST_QUANTITIES = 3  # that signs tell apart; more are volumes

# Columns that must agree exactly within a stack; the first of a series, or of series that the user made one.
OF_SERIES, OF_JOINED = "SeriesNumber", "PatientID"
EXACT = (
    "SOPClassUID",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "BitsAllocated",
    "PixelRepresentation",
    "pixels",
    "derived",
)
KINDS = ("kind", "variant")
SIGNS = ("reference", *KINDS, "units", "origin", "range", "window", "root")  # what tells kinds apart, the most telling first
_SERIES = ("SeriesInstanceUID", "SeriesNumber")
_NO_UNITS = ("", "US", "UNSPECIFIED", "NORMALIZED")
_LATE = ("ContentTime", "AcquisitionNumber", "SeriesNumber")  # a computed map differs in them from its images


def exact(joined: bool) -> tuple[str, ...]:
    """The columns that must agree exactly within a stack."""
    return (OF_JOINED if joined else OF_SERIES, *EXACT)


def may_be_mixed(frames: pd.DataFrame, starts: Ints, joined: bool = False) -> list[bool]:
    """For every series (rows from its start to the next one), whether it may hold several stacks; ``False`` is certain."""
    group = np.repeat(np.arange(starts.size), np.diff(np.append(starts, len(frames))))
    first = starts[group]

    def spread(values: Floats) -> npt.NDArray[Any]:
        """The distance of values from the first of their series; infinite where only one of the two is missing."""
        away = np.abs(values - values[first])
        return np.where(np.isnan(values) & np.isnan(values[first]), 0.0, np.nan_to_num(away, nan=np.inf))

    positions = frames[POSITION].to_numpy(float)
    weak = spread(_order(frames)) >= SAME_ORDER
    for codes in _weak_signs(frames).values():
        weak |= codes != codes[first]
    again = ~(spread(positions.sum(axis=1)) > geometry.SAME_PLACE)
    mixed = weak & (np.add.reduceat(again, starts) > 1)[group]
    columns = (pd.factorize(frames[name])[0] for name in (*exact(joined), *KINDS, *(_SERIES if joined else ())))
    segments = apart.numbering(frames)
    for codes in (*columns, segments, colour(frames), *_signs(frames).values()):
        mixed |= codes != codes[first]
    for name in ("spacing_row", "spacing_col", *ORIENTATION):
        mixed |= spread(frames[name].to_numpy(float)) > SAME_COSINE / 2
    cosines = frames[ORIENTATION].to_numpy(float)[first]
    for axis in (cosines[:, :3], cosines[:, 3:]):
        mixed |= spread((positions * axis).sum(axis=1)) > SAME_STATION / 2
    mixed |= np.isnan(positions).any(axis=1) != np.isnan(positions[first]).any(axis=1)
    return np.logical_or.reduceat(mixed, starts).tolist()


def colour(frames: pd.DataFrame) -> Ints:
    """0 grey, 1 palette, 2 colour, 3 MONOCHROME1."""
    text = frames["PhotometricInterpretation"].fillna("").str.upper()
    return np.select([text.eq("PALETTE COLOR"), text.eq("MONOCHROME1"), frames["SamplesPerPixel"].fillna(1).gt(1)], [1, 3, 2], 0)


def _signs(frames: pd.DataFrame) -> dict[str, Ints]:
    """Codes of what tells one quantity from another, cheap enough for all frames of a cohort."""
    return {
        "origin": np.asarray(pc.starts_with(_texts(frames["ImageType"]), "DERIVED").fill_null(False)).astype(np.int64),
        "units": units(frames),
        "reference": np.asarray(frames["label"].eq("m0").fillna(False), np.int64),
    }


def _weak_signs(frames: pd.DataFrame) -> dict[str, Ints]:
    """Codes of what may tell one quantity from another, where no clock calls them times."""
    root = roots(frames).dictionary_encode().indices.fill_null(-1)
    return {"range": below_zero(frames).astype(np.int64), "root": np.asarray(root, np.int64)}


def below_zero(frames: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which frames have values below zero, as the intercept or the display range says."""
    low, high = frames["window_low"].to_numpy(float), frames["window_high"].to_numpy(float)
    return np.asarray((frames["RescaleIntercept"].to_numpy(float) < 0) | (low < -BELOW * (high - low)))


def _order(frames: pd.DataFrame) -> Floats:
    """The order of magnitude of the display range, 0 where the header has none."""
    high = frames["window_high"].to_numpy(float)
    return np.log10(np.where(high > 0, high, 1.0))


def units(frames: pd.DataFrame) -> Ints:
    """Codes of the units that RescaleType or Units names; 0 for none."""
    found = np.zeros(len(frames), np.int64)
    for name in ("RescaleType", "Units"):
        codes, values = pd.factorize(frames[name])
        named = [k + 1 if str(v).strip().upper() not in _NO_UNITS else 0 for k, v in enumerate(values)]
        found = found * (len(values) + 1) + np.array([*named, 0], np.int64)[codes]
    return found


def roots(frames: pd.DataFrame) -> pa.Array:
    """SOPInstanceUIDs without their last two components, which count images and volumes."""
    uids = _texts(frames["SOPInstanceUID"])
    for _ in range(2):
        uids = pc.ascii_rtrim(pc.ascii_rtrim(uids, characters="."), characters="0123456789")
    return uids


def _texts(column: pd.Series) -> pa.Array:
    """A column of texts in one piece."""
    texts = pa.array(column, pa.string(), from_pandas=True)
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def features(frames: pd.DataFrame, joined: bool = False) -> dict[str, Ints]:
    """Codes of every property that must agree within a stack, by its name.

    Parameters
    ----------
    frames
        The frames of one series.
    joined
        Whether the user made one series of several: their numbers and UIDs may differ.
    """
    codes = {name: geometry.as_codes(frames[name].astype(object).to_numpy()) for name in exact(joined)}
    codes["colour"] = colour(frames)
    codes["spacing"] = geometry.vector_clusters(frames[["spacing_row", "spacing_col"]].to_numpy(float), SAME_COSINE)
    codes["plane"] = geometry.vector_clusters(frames[ORIENTATION].to_numpy(float), SAME_COSINE)
    codes["placed"] = np.asarray(frames[POSITION].notna().all(axis=1), np.int64)
    codes |= _kinds(frames)
    codes["station"] = _stations(frames, codes["plane"])
    codes["numbering"] = apart.numbering(frames)
    return codes | _apart(frames) if joined else codes


def _apart(frames: pd.DataFrame) -> dict[str, Ints]:
    """Codes of what keeps series apart that the user joined."""
    series = apart.series_of(frames)
    positions = geometry.vector_clusters(frames[POSITION].to_numpy(float), geometry.SAME_PLACE)
    return {"frame": apart.reference(frames, series), "contrast": apart.contrast(frames, series, positions)}


def _kinds(frames: pd.DataFrame) -> dict[str, Ints]:
    """Codes of the properties by which frames at one position are of different kinds; zeros where they follow an axis."""
    position = geometry.vector_clusters(frames[POSITION].to_numpy(float), geometry.SAME_PLACE)
    spot = joint([position, geometry.as_codes(frames["component"].fillna("magnitude").to_numpy(object))])
    b = b_values(frames)
    numbers = np.column_stack([b, frames[["EchoTime", "InversionTime", "FlipAngle"]].to_numpy(float)])
    place = joint([spot, geometry.vector_clusters(numbers, geometry.SAME_PLACE)])
    kinds = geometry.as_codes(frames["kind"].astype(object).to_numpy())
    found = {name: _if_shared(codes, spot) for name, codes in _signs(frames).items()}
    found["kind"] = joint([_if_shared(kinds, place), _if_shared(_without_echo(frames, kinds), spot)])
    if np.isnan(b).all():  # volumes of a diffusion scan may have types, ranges and UIDs of their own
        found["variant"] = _if_shared(geometry.as_codes(frames["variant"].astype(object).to_numpy()), spot)
        found |= _quantities(frames, position, place)
    return found


def _quantities(frames: pd.DataFrame, position: Ints, place: Ints) -> dict[str, Ints]:
    """Codes of weak signs of several quantities, where they are even over all positions and no clock tells them apart."""
    shown = frames if frames["window_high"].notna().all() else frames.assign(window_low=np.nan, window_high=np.nan)
    weak = _weak_signs(shown) | {"window": geometry.clusters(_order(shown), SAME_ORDER)}
    weak = {name: codes for name, codes in weak.items() if np.ptp(codes) > 0}
    if not weak:
        return {}
    series = apart.series_of(frames)
    clocks = [geometry.clusters(c.values(frames), 0.0) for c in CLOCKS if c.column not in _LATE]
    moment, most = joint([place, series, *clocks]), MOST_QUANTITIES * (int(series.max(initial=0)) + 1)
    return {name: _if_shared(_everywhere(codes, position, most), moment) for name, codes in weak.items()}


def _if_shared(codes: Ints, places: Ints) -> Ints:
    """The codes if frames at one place differ in them, else zeros."""
    if np.ptp(codes) == 0:
        return np.zeros_like(codes)
    pairs = np.unique(np.stack([places, codes]), axis=1)
    return codes if len(np.unique(pairs[0])) < pairs.shape[1] else np.zeros_like(codes)


def _without_echo(frames: pd.DataFrame, kinds: Ints) -> Ints:
    """Codes of the kinds that have no echo time, in a stack whose other kinds have one: maps, whose echo time is 0 or missing."""
    echo = frames["EchoTime"].to_numpy(float) > 0
    lone = ~echo & ~np.isin(kinds, kinds[echo])
    return np.where(lone & echo.any(), kinds + 1, 0)


def _everywhere(codes: Ints, positions: Ints, most: int) -> Ints:
    """The codes if there are at most so many, and each occurs equally often at every position, else zeros."""
    codes = np.unique(codes, return_inverse=True)[1].reshape(-1)
    if codes.max(initial=0) >= most:
        return np.zeros_like(codes)
    table = np.zeros((positions.max(initial=0) + 1, codes.max(initial=0) + 1), np.int64)
    np.add.at(table, (positions, codes), 1)
    return codes if (table == table[0]).all() else np.zeros_like(codes)


def _stations(frames: pd.DataFrame, plane: Ints) -> Ints:
    """Codes of the first pixel's position within the plane, where it differs between frames at one slice position."""
    out = np.zeros(len(frames), np.int64)
    cosines = frames[ORIENTATION].to_numpy(float)
    positions = frames[POSITION].to_numpy(float)
    for code in np.unique(plane):
        rows = np.flatnonzero(plane == code)
        row, column = cosines[rows[0], :3], cosines[rows[0], 3:]
        if np.isnan(positions[rows]).any() or np.isnan(row).any() or np.isnan(column).any():
            continue
        corner = positions[rows] @ np.stack([column, row], axis=1)
        level = geometry.clusters(positions[rows] @ normal(row, column), geometry.SAME_PLACE)
        table = pd.DataFrame(corner).groupby(level)
        if ((table.max() - table.min()) > SAME_STATION).to_numpy().any():
            out[rows] = geometry.vector_clusters(corner, SAME_STATION)
    return out
