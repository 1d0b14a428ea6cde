"""Cohorts, which are collections of arrays: their tables, queries and map, and the index that keeps their headers.

It never decodes a pixel and never imports zarr.  In reading order: ``cohort`` has the class that users work with, ``members``
the protocol for its arrays, ``from_files`` arrays of DICOM files, ``from_store`` arrays of a Zarr store, ``tasks`` the work of
`Cohort.map` on one array, ``trees`` text and `xarray.DataTree` of a cohort, ``index`` the frame table in Parquet.
"""
