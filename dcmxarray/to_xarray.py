"""From an arranged stack to a `xarray.DataArray`: dims, coordinates, attributes, units, chunks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from dask.base import tokenize
from xarray.core import indexing

from . import geometry, grid
from .attributes import VOCABULARY, Attribute, column_of, labels
from .model import MISSING, FrameGrid
from .pixels import FrameArray, frame_shape, sources
from .series import ORIENTATION, POSITION, comparable, leading, plane

Values = npt.NDArray[Any]
Coord = tuple[tuple[str, ...], Values]
Chunks = str | int | Mapping[Any, Any] | None

NAME = "image"
SOURCE = "dicom_source"
CHUNK_BYTES = 32 << 20
DECODED_BYTES = 4 << 20  # compressed frames take so long to decode that smaller chunks keep all cores busy

_DOSE_UNITS = {"GY": "Gy", "RELATIVE": "1"}

# Columns that become coordinates; the others are attributes where they are constant, and left to the table where not.
_ALWAYS = ("te", "fa", "ti")
_WHERE_VARYING = (
    "tr",
    "TriggerTime",
    "FrameReferenceTime",
    "ActualFrameDuration",
    "SliceThickness",
    "slice_time",
    "frame",
)
_DIFFUSION = ("gradient_x", "gradient_y", "gradient_z")


def build(
    table: pd.DataFrame, arranged: FrameGrid, rescale: bool | str, chunks: Chunks, tags: tuple[str, ...] = ()
) -> xr.DataArray:
    """The lazy array of the frames of a stack."""
    frames = table.reset_index(drop=True)
    array, dims = _lazy(frames, arranged, rescale)
    if (arranged.cells == MISSING).any() and array.dtype.kind == "f":
        array.fill = np.nan
    encoding = {"preferred_chunks": dict.fromkeys(arranged.dims, 1) | dict(zip(dims[-2:], array.shape[-2:], strict=True))}
    variable = xr.Variable(dims, indexing.LazilyIndexedArray(array), _attrs(frames, arranged, tags, rescale), encoding)
    variable.encoding[SOURCE] = _source(frames)
    if chunks is not None:
        most = CHUNK_BYTES if array.is_native else DECODED_BYTES
        variable = variable.chunk(resolve(chunks, variable, most), name=f"dicom-{tokenize(array)}")
    result = xr.DataArray(variable, _coords(frames, arranged, dims, array.shape, tags), name=NAME)
    result.encoding = dict(variable.encoding)
    return result


_GEOMETRY = [a for a in VOCABULARY if a.name in ("spacing", "SliceThickness", "SpacingBetweenSlices")]


def outline(table: pd.DataFrame, arranged: FrameGrid) -> xr.DataArray:
    """The array of a stack with its dims, dtype and geometry alone: for tables of many, at a third of the cost."""
    frames = table.reset_index(drop=True)
    array, dims = _lazy(frames, arranged, True)
    attrs = {a.keyword: value for a in _GEOMETRY if (value := _constant(frames, a)) is not None}
    if plane(frames) is not None:
        attrs["ImageOrientationPatient"] = leading(frames, ORIENTATION).tolist()
    coords = _labelled(frames, arranged, _geometry_coords(frames, arranged, dims, array.shape))
    return xr.DataArray(np.broadcast_to(np.zeros((), array.dtype), array.shape), coords, dims, attrs=attrs)


def _lazy(frames: pd.DataFrame, arranged: FrameGrid, rescale: bool | str) -> tuple[FrameArray, tuple[str, ...]]:
    """The lazily read pixels of the frames in their cells, and their dims."""
    scaled = bool(rescale)
    places = sources(frames, rescale)
    array = FrameArray(places, arranged.cells, frame_shape(frames, places.specs[0], scaled), scaled)
    return array, (*arranged.dims, "row", "col", "rgb")[: array.ndim]


def _source(frames: pd.DataFrame) -> dict[tuple[str, int], str]:
    """(SOPInstanceUID, frame) -> path, for `.dicom.header`."""
    uids = frames["SOPInstanceUID"].fillna("")
    return dict(zip(zip(uids, frames["frame"], strict=True), frames["path"], strict=True))


def resolve(chunks: str | int | Mapping[Any, Any], variable: xr.Variable, most: int) -> Any:
    """Chunks for dask: ``"auto"`` is whole volumes of at most so many bytes, ``{}`` is one for every frame.

    Raises
    ------
    ValueError
        A dim is none of the array's.
    """
    unknown = [d for d in chunks if d not in variable.dims] if isinstance(chunks, Mapping) else []
    if unknown:
        raise ValueError(f"chunks names {unknown[0]!r}; the dims are {', '.join(map(str, variable.dims))}")
    if chunks == "auto":
        return auto_chunks({str(d): n for d, n in variable.sizes.items()}, variable.dtype.itemsize, most)
    return variable.encoding["preferred_chunks"] if chunks == {} else chunks


def auto_chunks(sizes: Mapping[str, int], itemsize: int, most: int = CHUNK_BYTES) -> dict[str, int]:
    """Whole frames, then whole slices, then as much of the other dims as there is room for."""
    spatial = [d for d in ("rgb", "col", "row", "slice") if d in sizes]
    others = [d for d in reversed(list(sizes)) if d not in spatial]
    out, room = {}, max(1, most // itemsize)
    for dim in (*spatial, *others):
        size = sizes[dim]
        out[dim] = size if dim in ("rgb", "col", "row") else _even(size, max(1, min(size, room)))
        room //= max(1, out[dim])
    return out


def _even(size: int, most: int) -> int:
    """The chunk size for equal chunks of at most ``most``."""
    return math.ceil(size / math.ceil(size / most))


def spread(values: Values, cells: npt.NDArray[np.int64], dims: tuple[str, ...]) -> Coord:
    """Values of frames on just the dims over which they vary; a cell without a frame takes its neighbours' value."""
    codes = geometry.as_codes(values)[cells]
    hole = cells == MISSING
    kept, taken = [], cells
    for axis, dim in reversed(list(enumerate(dims))):
        low = np.where(hole, codes.max(), codes).min(axis=axis, keepdims=True)
        high = np.where(hole, -1, codes).max(axis=axis, keepdims=True)
        if (high > low).any():
            kept.append(dim)
            continue
        first = np.expand_dims((~hole).argmax(axis=axis), axis)
        taken, codes, hole = (np.take_along_axis(a, first, axis).squeeze(axis) for a in (taken, codes, hole))
    out = np.asarray(values[taken])
    if hole.any():
        out = np.where(hole, _nothing(out), out)
    return tuple(reversed(kept)), out


def _nothing(values: Values) -> Any:
    if values.dtype.kind in "mM":
        return np.array("NaT", values.dtype)
    return "" if values.dtype.kind in "UO" else np.nan


def column_values(frames: pd.DataFrame, name: str) -> Values:
    """A column as numpy: numbers as float64, texts as fixed-width strings."""
    if name == "b":
        return grid.b_values(frames)
    column = frames[column_of(name)]
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(float, na_value=np.nan)
    if column.dtype.kind in "mM":
        return np.asarray(column.to_numpy())
    return column.fillna("").to_numpy(dtype=str)


def _coords(
    frames: pd.DataFrame, arranged: FrameGrid, dims: tuple[str, ...], shape: tuple[int, ...], tags: tuple[str, ...]
) -> dict[str, Any]:
    found: dict[str, Coord] = dict(arranged.coords)
    for name in (d for d in arranged.dims if d not in ("slice", "time")):
        found[name] = _axis_values(column_values(frames, name), arranged, name)
    for name in (*_ALWAYS, "component", "b", *_DIFFUSION, *_WHERE_VARYING, *tags):
        if name not in found and column_of(name) in frames:
            coord = spread(column_values(frames, name), arranged.cells, arranged.dims)
            if coord[0] if name in _WHERE_VARYING else _says(coord):
                found[name] = coord
    if "b" not in found:
        found = {n: c for n, c in found.items() if n not in _DIFFUSION}
    found |= _acquired(frames, arranged) | _geometry_coords(frames, arranged, dims, shape)
    found["SOPInstanceUID"] = spread(column_values(frames, "SOPInstanceUID"), arranged.cells, arranged.dims)
    if (arranged.cells == MISSING).any():
        found["valid"] = arranged.dims, arranged.cells != MISSING
    return _labelled(frames, arranged, found)


def _labelled(frames: pd.DataFrame, arranged: FrameGrid, found: Mapping[str, Coord]) -> dict[str, Any]:
    """Coordinates with units and names; what was not measured has no unit."""
    pixels = {dim for dim, step in zip(("row", "col"), _spacing(frames), strict=True) if step is None}
    index = {dim: {"units": "1", "long_name": f"{dim} index"} for dim in pixels}
    return {name: (d, v, index.get(name) or _labels(name, arranged)) for name, (d, v) in found.items()}


def _axis_values(values: Values, arranged: FrameGrid, name: str) -> Coord:
    """The values of a dim: of the first frame at each of its places."""
    return (name,), values[_first_along(arranged, name)]


def _says(coord: Coord) -> bool:
    """Whether a coordinate holds anything."""
    values = coord[1]
    return bool((values != "").any()) if values.dtype.kind in "UO" else not bool(np.all(pd.isna(values)))


def _acquired(frames: pd.DataFrame, arranged: FrameGrid) -> dict[str, Coord]:
    values = column_values(frames, "acquired")
    return {} if np.isnat(values).all() else {"AcquisitionDateTime": spread(values, arranged.cells, arranged.dims)}


def _labels(name: str, arranged: FrameGrid) -> dict[str, Any]:
    text: dict[str, Any] = dict(labels(name))
    if name == "time":
        text["units"] = arranged.time_units
        if arranged.time_units == "1":
            text["long_name"] = "volume index"
    if name == "slice" and arranged.slice_source not in ("", "SliceLocation"):
        text = {"units": "1", "long_name": "slice index"}
    return text


def _spacing(frames: pd.DataFrame) -> tuple[float | None, float | None]:
    """PixelSpacing, else ImagerPixelSpacing (PS3.3 10.7.1.3), mm."""
    for names in (("spacing_row", "spacing_col"), ("imager_spacing_row", "imager_spacing_col")):
        pair = leading(frames, names)
        if (pair > 0).all() and np.isfinite(pair).all():
            return float(pair[0]), float(pair[1])
    return None, None


def _geometry_coords(
    frames: pd.DataFrame, arranged: FrameGrid, dims: tuple[str, ...], shape: tuple[int, ...]
) -> dict[str, Coord]:
    """``slice``, ``row``, ``col``, ``position_x/y/z``, and the shifts of a sheared stack (gantry tilt)."""
    place = plane(frames)
    sizes = dict(zip(dims, shape, strict=True))
    steps = _spacing(frames)
    origin = np.zeros(2)
    out: dict[str, Coord] = {}
    if place is not None:
        positions = frames[POSITION].to_numpy(float)
        corner = positions @ np.stack([place.along_column, place.along_row], axis=1)
        first = _first_along(arranged, "slice")
        origin = corner[first[0]]
        out["slice"] = _on_slices(arranged, positions @ place.normal, first)
        out |= {name: _on_slices(arranged, positions[:, k], first) for k, name in enumerate(POSITION)}
        shift = corner[first] - origin
        if np.abs(shift).max(initial=0.0) > 2 * geometry.REGULAR and "slice" in arranged.dims:
            out["shift_row"], out["shift_col"] = (("slice",), shift[:, 0]), (("slice",), shift[:, 1])
    elif "slice" in arranged.dims:
        first = _first_along(arranged, "slice")
        by_place = arranged.slice_source == "SliceLocation"
        out["slice"] = (
            ("slice",),
            column_values(frames, "SliceLocation")[first] if by_place else np.arange(len(first), dtype=float),
        )
    for k, dim in enumerate(("row", "col")):
        places, step = np.arange(sizes[dim], dtype=float), steps[k]
        out[dim] = (dim,), places if step is None else origin[k] + places * step
    return out


def _first_along(arranged: FrameGrid, name: str) -> npt.NDArray[np.int64]:
    """The first frame of each place along a dim; of all, where there is no such dim."""
    axis = arranged.dims.index(name) if name in arranged.dims else None
    rows = (
        arranged.cells.reshape(1, -1)
        if axis is None
        else np.moveaxis(arranged.cells, axis, 0).reshape(arranged.cells.shape[axis], -1)
    )
    return np.asarray(rows[np.arange(len(rows)), (rows != MISSING).argmax(axis=1)])


def _on_slices(arranged: FrameGrid, values: Values, first: npt.NDArray[np.int64]) -> Coord:
    return (("slice",), values[first]) if "slice" in arranged.dims else ((), np.asarray(values[first[0]]))


def _attrs(frames: pd.DataFrame, arranged: FrameGrid, tags: tuple[str, ...], rescale: bool | str) -> dict[str, Any]:
    """What every file of the stack says alike: keyword -> JSON value; with units, long_name and time_source."""
    found: dict[str, Any] = {}
    asked = [Attribute(t, t) for t in tags if t in frames]
    for attribute in (*VOCABULARY, *asked):
        value = _constant(frames, attribute)
        if value is not None:
            found[attribute.keyword] = value
    if plane(frames) is not None:  # the stack agrees in it to 1e-4 (series.split)
        found["ImageOrientationPatient"] = leading(frames, ORIENTATION).tolist()
    if arranged.time_source:
        found["time_source"] = arranged.time_source
    if arranged.slice_source:
        found["slice_source"] = arranged.slice_source
    units = _units(found) if rescale is True else ""  # of real-world values alone
    return (
        found
        | ({"units": units} if units else {})
        | {"long_name": str(found.get("SeriesDescription", found.get("Modality", "image")))}
    )


def _constant(frames: pd.DataFrame, attribute: Attribute) -> Any:
    """The JSON value that all frames share, ``None`` where they differ or one lacks it."""
    values: list[Any] = [_shared(frames[name]) if name in frames else None for name in attribute.columns]
    if any(v is None or (isinstance(v, float) and not math.isfinite(v)) for v in values):
        return None
    return [float(v) for v in values] if attribute.parts else json_value(values[0])


def _shared(column: pd.Series) -> Any:
    """The value of all rows, ``None`` where they differ or one is missing."""
    values = comparable(column)
    return column.iloc[0] if (values == values[0]).all() else None  # nothing missing equals itself


def json_value(value: Any) -> Any:
    """A cell of the table as JSON: dates and times in DICOM's form, lists for backslash lists."""
    if isinstance(value, pd.Timedelta):
        return f"{(pd.Timestamp(0) + value):%H%M%S.%f}".rstrip("0").rstrip(".")
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y%m%d}" if value.unit == "ms" else f"{value:%Y%m%d%H%M%S.%f}".rstrip("0").rstrip(".")
    if isinstance(value, str):
        return value.split("\\") if "\\" in value else value
    if isinstance(value, (int, np.integer)):
        return int(value)
    return float(value)


def _units(attrs: Mapping[str, Any]) -> str:
    """Units of the values.

    By Units (PET, C.8.9.1), DoseUnits (C.8.8.3), RescaleType (C.11.1.1.2), Hounsfield units of original CT (C.8.2.1.1.2).
    """
    if attrs.get("Units"):
        return str(attrs["Units"])
    if attrs.get("DoseUnits"):
        return _DOSE_UNITS.get(str(attrs["DoseUnits"]), str(attrs["DoseUnits"]))
    said = str(attrs.get("RescaleType", ""))
    if said and said != "US":
        return said
    original = isinstance(attrs.get("ImageType"), list) and attrs["ImageType"][0] == "ORIGINAL"
    return "HU" if attrs.get("Modality") == "CT" and original and not said else ""
