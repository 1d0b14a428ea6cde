"""``DataArray.dicom``: geometry, diffusion tables, headers, SUV and acquisition times of an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from .arrays import affine, files, guards, shells, suv
from .arrays import match as matching
from .errors import HeaderError
from .headers.by_pydicom import header
from .model import MISSING
from .stacks.geometry import SAME_PLACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pydicom

    from .stores.identifiers import Identifiers

Floats = npt.NDArray[np.float64]

guards.guard()


@xr.register_dataarray_accessor("dicom")
class DicomAccessor:
    """DICOM properties of an array that `open_series` opened; they stay correct after any crop, step, flip or selection.

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
        """The 4 x 4 matrix from (slice, row, col) index to patient coordinates, LPS, mm (PS3.3 C.7.6.2.1.1).

        It is computed from the coordinates, so that it follows every selection; it includes the shear of a tilted gantry.

        Raises
        ------
        GridError
            The array has no patient geometry, its slices or pixels are unevenly spaced, or a spacing is unknown.
        """
        return affine.affine(self._array)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """The distance between neighbours along (slice, row, col), mm.

        Raises
        ------
        GridError
            As for `affine`.
        """
        return affine.spacing(self._array)

    def match(self, other: xr.DataArray, *, tolerance: float = SAME_PLACE, time: float | None = None) -> xr.DataArray:
        """Put the array on the coordinates of another one, so that they combine cell by cell.

        Each position of the other array takes the nearest of this one; no pixel is computed.

        Parameters
        ----------
        other
            An array in the same plane and frame of reference; it may be a part of this one.
        tolerance
            The largest distance along slice, row and col, mm.
        time
            The largest difference along ``time``, s; ``None`` leaves the times as they are.

        Returns
        -------
        xarray.DataArray
            Its cells are those of ``other`` along slice, row, col, and time if asked.

        Raises
        ------
        GridError
            The arrays lie in unlike planes or frames of reference; a cell of ``other`` has none here within the tolerance (the
            message says how far off), or two have the same.

        Examples
        --------
        >>> import dcmxarray as dx
        >>> da = dx.open_series(dx.testing.example("dce"))
        >>> late = da.assign_coords(time=da.time + 0.4)
        >>> (late.dicom.match(da, time=0.5) - da).sizes["time"]
        6
        """
        return matching.match(self._array, other, tolerance, time)

    @property
    def bvals(self) -> Floats:
        """The b-values along ``b``, s/mm2: (n,), with n = 1 for an array without the dim ``b``.

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
        """Gradient directions along ``b``: (n, 3) unit vectors in patient coordinates (LPS), as the headers give them.

        A direction is 0 where b is 0; it is NaN if the headers have none.

        Raises
        ------
        HeaderError
            The array has no b-value, or its directions differ along another dim than ``b``.
        """
        count = self.bvals.size
        parts = [self._array.coords.get(f"gradient_{axis}") for axis in "xyz"]
        others = sorted({str(d) for p in parts if p is not None for d in p.dims} - {"b"})
        if others:
            raise HeaderError(f"the directions differ along {', '.join(others)}: take one place of it by isel")
        columns = [np.full(count, np.nan) if p is None else np.broadcast_to(np.atleast_1d(p), count) for p in parts]
        return np.stack(columns, axis=1).astype(float)

    def shell(self, b: float | slice, *, tolerance: float = 20.0) -> xr.DataArray:
        """The volumes of one diffusion shell, however its b-values are rounded, repeated or ordered.

        Scanners write 995 and 1005 for one nominal b-value; ``sel(b=1000)`` finds the exact value alone, and
        ``sel(b=slice(500, 1500))`` needs b-values in order.

        Parameters
        ----------
        b
            The nominal b-value, s/mm2; or ``slice(low, high)`` for a range, both ends included.
        tolerance
            How far from the nominal b-value a volume may be, s/mm2.  A range has none.

        Raises
        ------
        HeaderError
            The array has no b-value along one dim, or no volume has one that fits.

        Examples
        --------
        >>> import dcmxarray as dx
        >>> dwi = dx.open_series(dx.testing.example("cohort"), series="dwi")
        >>> dwi.dicom.shell(1000).sizes["b"], dwi.dicom.shell(slice(0, 500)).sizes["b"]
        (6, 1)
        """
        return shells.shell(self._array, b, tolerance)

    @property
    def uids(self) -> xr.DataArray:
        """The SOPInstanceUID of each frame, on the dims of frames; with ``tags=["SOPInstanceUID"]`` it is a coordinate.

        Raises
        ------
        HeaderError
            The array no longer knows its files.

        Examples
        --------
        >>> import dcmxarray as dx
        >>> dx.open_series(dx.testing.example("dce")).isel(time=2).dicom.uids.sizes
        Frozen({'slice': 4})
        """
        return files.uids(self._array)

    def header(self, **indexers: int) -> pydicom.Dataset:
        """Read the whole header of one frame, without pixels, by pydicom.

        Parameters
        ----------
        indexers
            Index along each dim of frames (``time=3, slice=10``); the default is 0.

        Returns
        -------
        pydicom.Dataset
            Of the file that holds the frame.

        Raises
        ------
        HeaderError
            The array does not know its files (it was computed, or opened from a store), or the cell has no frame.
        """
        frame_dims = [d for d in self._array.dims if d not in ("row", "col", "rgb")]
        one = self._array.isel({d: indexers.get(str(d), 0) for d in frame_dims} | indexers)
        sources, _, cells = files.frames_of(one)
        if cells.size != 1 or cells.item() == MISSING:
            raise HeaderError(f"no frame at {indexers}, or its coordinates are those of several frames; ask the opened array")
        return header(sources.file(cells.item()).path)

    def suv(self) -> xr.DataArray:
        """Standardized uptake value by body weight, g/ml, of a PET array in Bq/ml (QIBA FDG-PET/CT profile).

        The factor belongs to the whole series.  It is the scalar coordinate ``suv_factor``, which selections, arithmetic and
        stores keep.

        Returns
        -------
        xarray.DataArray
            The array times the factor, without the coordinate.

        Raises
        ------
        HeaderError
            The headers lack an element (weight, dose, half life, times), or the units or the decay correction are not supported.
        """
        if suv.FACTOR not in self._array.coords:
            raise HeaderError(self._why_no_suv())
        array = self._array.drop_vars(suv.FACTOR)
        result = array * float(self._array.coords[suv.FACTOR])
        return result.assign_attrs(self._array.attrs | {"units": suv.UNITS, "long_name": "SUV by body weight"})

    def _why_no_suv(self) -> str:
        """Why the array has no factor; raises `HeaderError` if its header lacks an element."""
        if self._array.attrs.get("units") == suv.UNITS:
            return "the array is SUV already"
        if files.SOURCE in self._array.encoding:
            acquired = self._array.coords.get("AcquisitionDateTime")
            suv.factor(self.header(), None if acquired is None else acquired.min().to_numpy()[()])  # raises what is missing
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
        """Write the array to a Zarr (v3) store as the variable ``image`` of a group: sharded, with lossless compression.

        The group's metadata is written last, so that an interrupted write leaves no array that looks complete.

        Parameters
        ----------
        store
            A folder, a file that ends in ".zip", a URL for fsspec, or a Zarr store.
        group
            Path within the store; "" is the root.
        chunks, identifiers, overwrite
            As for `Cohort.to_zarr`.

        Raises
        ------
        StoreError
            The group exists, and ``overwrite`` is false.

        Examples
        --------
        >>> import dcmxarray as dx, tempfile, xarray as xr
        >>> folder = tempfile.mkdtemp() + "/peak.zarr"
        >>> dx.open_series(dx.testing.example("dce")).max("time", keep_attrs=True).dicom.to_zarr(folder)
        >>> xr.open_zarr(folder)["image"].dims
        ('slice', 'row', 'col')
        """
        from .arrays import options
        from .stores import arrays

        options.check(overwrite=overwrite)
        arrays.keep(store, group, self._array, chunks, identifiers, overwrite)

    def to_datetime(self) -> xr.DataArray:
        """The array with ``time`` as datetime64: the AcquisitionDateTime of the earliest frame at each time.

        Raises
        ------
        HeaderError
            The headers hold no acquisition date and time, or one for all times.
        """
        acquired = self._array.coords.get("AcquisitionDateTime")
        if acquired is None:
            raise HeaderError("the headers hold no acquisition date and time; the times were removed, or never written")
        if "time" in self._array.dims and "time" not in acquired.dims:
            raise HeaderError(
                "the headers hold one acquisition date and time for all times; "
                "if you know them, give them by da.assign_coords(time=...)"
            )
        earliest = acquired.min([d for d in acquired.dims if d != "time"])
        return self._array.assign_coords(time=earliest.variable)
