"""The backend for ``xr.open_dataset(path, engine="dicom")`` and ``xr.open_datatree``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import xarray as xr
from xarray.backends import BackendEntrypoint

from .open import open_cohort, open_series


class DicomBackend(BackendEntrypoint):
    """Opens one series as a dataset with the variable ``image``; it takes the options of `open_series`.

    Examples
    --------
    >>> import xarray as xr, dcmxarray as dx
    >>> xr.open_dataset(dx.testing.example("dce"), engine="dicom", chunks={})["image"].dims
    ('slice', 'time', 'row', 'col')
    """

    description = "Lazy, labelled DICOM series"
    supports_groups = True
    open_dataset_parameters = (
        "filename_or_obj",
        "drop_variables",
        "series",
        "dims",
        "rescale",
        "missing",
        "duplicates",
        "tags",
    )

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, **options: Any
    ) -> xr.Dataset:
        """Open one series without dask; xarray applies ``chunks`` itself."""
        dataset = open_series(filename_or_obj, chunks=None, **options).to_dataset()
        return dataset.drop_vars(drop_variables) if drop_variables else dataset

    def open_datatree(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, **options: Any
    ) -> xr.DataTree:
        """Open all arrays under a path, by patient, study and key; takes the options of `Cohort.to_datatree`."""
        tree = open_cohort(filename_or_obj).to_datatree(chunks=None, **options)
        return tree.map_over_datasets(lambda ds: ds.drop_vars(drop_variables, errors="ignore")) if drop_variables else tree

    def open_groups_as_dict(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, **options: Any
    ) -> dict[str, xr.Dataset]:
        """The groups of `open_datatree`, by path."""
        tree = self.open_datatree(filename_or_obj, drop_variables=drop_variables, **options)
        return {node.path: node.to_dataset() for node in tree.subtree}

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether a file ends in .dcm or .ima."""
        try:
            name = os.fspath(filename_or_obj)
        except TypeError:
            return False
        return str(name).lower().endswith((".dcm", ".ima"))
