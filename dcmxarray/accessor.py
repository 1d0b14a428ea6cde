"""``DataArray.dicom``: geometry, diffusion tables, headers and clock times of an array, from its own coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from . import geometry, suv
from .errors import GridError, HeaderError
from .to_xarray import SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pydicom

    from .stores.identifiers import Identifiers

Floats = npt.NDArray[np.float64]


@xr.register_dataarray_accessor("dicom")
class DicomAccessor:
    """What DICOM knows of an array that `open_series` opened; right after any crop, step, flip or selection.

    Examples
    --------
    >>> import dcmxarray as dx
    >>> da = dx.open_series(dx.testing.example("dce"))
    >>> da.dicom.spacing
    (5.0, 2.0, 2.0)
    >>> da.isel(row=slice(2, None)).dicom.affine[:3, 3] - da.dicom.affine[:3, 3]
    array([0., 4., 0.])
    """

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    @property
    def affine(self) -> Floats:
        """4 x 4 matrix from (slice, row, col) index to patient coordinates, LPS, mm (PS3.3 C.7.6.2.1.1).

        It is computed from the coordinates, so that it follows every selection; a tilted gantry's shear is in it.

        Raises
        ------
        GridError
            The array has no patient geometry, its slices or pixels are unevenly spaced, or their distance is not said.
        """
        row, column, normal = self._axes()
        where = self._coordinate("slice")
        shift = np.stack([self._shift("shift_row", where.size), self._shift("shift_col", where.size)], axis=1)
        places = where[:, None] * normal + shift[:, :1] * column + shift[:, 1:] * row
        first = places[0] + self._coordinate("row")[0] * column + self._coordinate("col")[0] * row
        step = (places[-1] - places[0]) / (where.size - 1) if where.size > 1 else self._thickness() * normal
        self._check_regular("slice", where)
        if where.size > 2 and np.abs(places - (places[0] + np.arange(where.size)[:, None] * step)).max() > geometry.REGULAR * 10:
            raise GridError(
                "the slices do not lie on a line: no affine describes them; use the coords position_x, position_y, position_z"
            )
        return geometry.affine(first, (step, self._step("row", 0) * column, self._step("col", 1) * row))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between neighbours along (slice, row, col), mm.

        Raises
        ------
        GridError
            As for `affine`.
        """
        lengths = np.linalg.norm(self.affine[:3, :3], axis=0)
        return tuple(round(float(v), 6) for v in lengths)  # type: ignore[return-value]

    @property
    def bvals(self) -> Floats:
        """b-values along ``b``, s/mm2: (n,); one for an array with a single b.

        Raises
        ------
        HeaderError
            The array has no b-value.
        """
        if "b" not in self._array.coords:
            raise HeaderError("the array has no b-value: no element of its headers says one")
        return np.atleast_1d(self._array["b"].to_numpy().astype(float))

    @property
    def bvecs(self) -> Floats:
        """Gradient directions along ``b``: (n, 3), unit vectors in patient coordinates (LPS), 0 for b = 0, NaN if unsaid."""
        count = self.bvals.size
        parts = [self._array.coords.get(f"gradient_{axis}") for axis in "xyz"]
        columns = [np.full(count, np.nan) if p is None else np.broadcast_to(np.atleast_1d(p), count) for p in parts]
        return np.stack(columns, axis=1).astype(float)

    def header(self, **indexers: int) -> pydicom.Dataset:
        """The whole header of one frame, without pixels, read by pydicom.

        Parameters
        ----------
        indexers
            Index along each frame dim (``time=3, slice=10``); left out, 0.

        Raises
        ------
        HeaderError
            The array was not opened from DICOM in this process, or the cell has no frame.
        """
        from .headers.whole import header

        source = self._array.encoding.get(SOURCE)
        if source is None:
            raise HeaderError("the array no longer knows its files (it was computed or read from a store); ask the opened array")
        frame_dims = [d for d in self._array.dims if d not in ("row", "col", "rgb")]
        one = self._array.isel({d: indexers.get(str(d), 0) for d in frame_dims} | indexers)
        number = int(one.coords["frame"]) if "frame" in one.coords else None
        uid = str(one.coords["SOPInstanceUID"].item())
        path = source.get((uid, number or 0)) or next((p for (u, _), p in source.items() if u == uid), None)
        if path is None:
            raise HeaderError(f"no frame at {indexers}")
        return header(path)

    def suv(self) -> xr.DataArray:
        """Standardized uptake value by body weight, g/ml, of a PET array in Bq/ml (QIBA FDG-PET/CT profile).

        The factor is that of the whole series: the scalar coordinate ``suv_factor``, kept by selections, arithmetic and stores.

        Raises
        ------
        HeaderError
            The headers lack an element that it needs (weight, dose, half life, times), or the units are others.
        """
        if suv.FACTOR not in self._array.coords:
            raise HeaderError(self._why_no_suv())
        array = self._array.drop_vars(suv.FACTOR)
        result = array * float(self._array.coords[suv.FACTOR])
        return result.assign_attrs(self._array.attrs | {"units": suv.UNITS, "long_name": "SUV by body weight"})

    def _why_no_suv(self) -> str:
        """What the headers lack, or what was done to the array."""
        if self._array.attrs.get("units") == suv.UNITS:
            return "the array is SUV already"
        if SOURCE in self._array.encoding:
            suv.factor(self.header())  # raises what is missing
        return (
            f"the array has no coordinate {suv.FACTOR}: only a PET series opened with rescale=True has it, whose files agree in "
            f"{', '.join(suv.ALIKE)}"
        )

    def to_zarr(
        self,
        store: Any,
        *,
        group: str = "",
        chunks: Mapping[str, int] | None = None,
        identifiers: Identifiers = "drop",
        overwrite: bool = False,
    ) -> None:
        """Keep the array in a Zarr (v3) store as the variable ``image`` of a group: sharded, compressed without loss.

        It is there whole or not at all: the group's metadata is written last.

        Parameters
        ----------
        store
            A folder, a URL of fsspec, a file that ends in ".zip", or a Zarr store.
        group
            Path within the store; "" is its root.
        chunks, identifiers, overwrite
            As for `Cohort.to_zarr`.

        Raises
        ------
        StoreError
            Something is there, and ``overwrite`` is false.

        Examples
        --------
        >>> import dcmxarray as dx, tempfile, xarray as xr
        >>> folder = tempfile.mkdtemp() + "/peak.zarr"
        >>> dx.open_series(dx.testing.example("dce")).max("time", keep_attrs=True).dicom.to_zarr(folder)
        >>> xr.open_zarr(folder)["image"].dims
        ('slice', 'row', 'col')
        """
        from .stores import arrays

        arrays.keep(store, group, self._array, chunks, identifiers, overwrite)

    def to_datetime(self) -> xr.DataArray:
        """The array with ``time`` as datetime64: AcquisitionDateTime of the earliest frame of each time.

        Raises
        ------
        HeaderError
            The headers hold no acquisition date and time.
        """
        acquired = self._array.coords.get("AcquisitionDateTime")
        if acquired is None:
            raise HeaderError("the headers hold no acquisition date and time; the times were removed, or never written")
        earliest = acquired.min([d for d in acquired.dims if d != "time"])
        return self._array.assign_coords(time=earliest.variable)

    def _axes(self) -> tuple[Floats, Floats, Floats]:
        cosines = np.asarray(self._array.attrs.get("ImageOrientationPatient", ()), float)
        if cosines.size != 6 or "slice" not in self._array.coords or not geometry.is_plane(cosines[:3], cosines[3:]):
            raise GridError("the array has no patient geometry: ImagePositionPatient or ImageOrientationPatient is missing")
        return cosines[:3], cosines[3:], geometry.normal(cosines[:3], cosines[3:])

    def _coordinate(self, name: str) -> Floats:
        if name not in self._array.coords:
            raise GridError(f"the array has no coordinate {name!r}, which geometry needs")
        return np.atleast_1d(self._array.coords[name].to_numpy().astype(float))

    def _shift(self, name: str, count: int) -> Floats:
        return np.atleast_1d(self._array.coords[name].to_numpy()) if name in self._array.coords else np.zeros(count)

    def _thickness(self) -> float:
        """The step of a single slice: SpacingBetweenSlices, or SliceThickness."""
        for name in ("SpacingBetweenSlices", "SliceThickness"):
            value = abs(float(self._array.attrs.get(name) or 0.0))
            if 0 < value < np.inf:
                return value
        raise GridError(
            "the step of a single slice is not known: the headers have no SpacingBetweenSlices and no SliceThickness; "
            "say it: da.assign_attrs(SliceThickness=...)"
        )

    def _step(self, name: str, k: int) -> float:
        values = self._coordinate(name)
        if self._array.coords[name].attrs.get("units") == "1":
            raise GridError(
                f"{name} is an index: the headers have no PixelSpacing; say it in the frame table, which dx.scan gives: "
                f"dx.open_series(table.assign(spacing_row=..., spacing_col=...))"
            )
        self._check_regular(name, values)
        if values.size > 1:
            return float((values[-1] - values[0]) / (values.size - 1))
        return self._pixel(name, k)

    def _pixel(self, name: str, k: int) -> float:
        """The step of a single row or column."""
        for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
            spacing = self._array.attrs.get(keyword)
            if spacing is not None and 0 < float(spacing[k]) < np.inf:
                return float(spacing[k])
        raise GridError(f"the step of a single {name} is not known; say it: da.assign_attrs(PixelSpacing=[..., ...])")

    def _check_regular(self, name: str, values: Floats) -> None:
        steps = np.diff(values)
        if not geometry.is_regular(steps):
            raise GridError(
                f"{name} is unevenly spaced (steps of {steps.min():g} to {steps.max():g} mm): no affine describes it. "
                f"Select an even part, or resample: da.interp({name}=...), which needs scipy."
            )


def describe(array: xr.DataArray) -> dict[str, Any]:
    """Dims, sizes and ranges of an array as plain values, for tables and command lines."""
    coords = array.coords
    out: dict[str, Any] = {"dims": dict(array.sizes), "dtype": str(array.dtype)}
    try:
        out["spacing"] = array.dicom.spacing
    except GridError:
        out["spacing"] = None
    for name in ("time", "b", "te", "ti", "fa"):
        if name in coords:
            out[name] = np.unique(np.atleast_1d(coords[name].to_numpy())).tolist()
    return out
